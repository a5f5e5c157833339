//! Images that are fetched.

use bollard::{Docker, query_parameters::CreateImageOptions};
use futures_util::TryStreamExt;

use teal_model::{Error, Result};

/// Pulls an image, as anybody may who is not logged in to its registry.
///
/// # Errors
/// [`Error::CannotChange`] with what the engine says of it.
pub async fn pull(docker: &Docker, image: &str) -> Result<()> {
    let options = CreateImageOptions {
        from_image: Some(image.to_owned()),
        ..CreateImageOptions::default()
    };
    let pulled: std::result::Result<Vec<_>, _> = docker
        .create_image(Some(options), None, None)
        .try_collect()
        .await;
    pulled.map(drop).map_err(|error| Error::CannotChange {
        reason: format!("the image `{image}` is not on the engine, and can't be pulled: {error}"),
        remedy: format!(
            "see that its registry can be reached, `docker pull {image}`, or name an image that is there with `--edge-image`"
        ),
    })
}
