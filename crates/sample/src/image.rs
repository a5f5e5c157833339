//! The images of the sample: `hello`, made from the program in this library, and Traefik.

use bollard::{
    Docker, body_full,
    errors::Error as DockerError,
    models::ImageInspect,
    query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions},
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use teal_engine::{Error, Result};

const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hello"));
/// Tells one build of `hello` from another.
pub const DIGEST: &str = env!("HELLO_DIGEST");
/// The image label that holds [`DIGEST`].
const DIGEST_LABEL: &str = "teal.sample.digest";

/// Whether the image `name` holds the `hello` of this library.
pub async fn is_current(docker: &Docker, name: &str) -> Result<bool> {
    let image = inspect(docker, name).await?;
    let labels = image.and_then(|image| image.config?.labels);
    Ok(labels.is_some_and(|labels| {
        labels
            .get(DIGEST_LABEL)
            .is_some_and(|digest| digest == DIGEST)
    }))
}

/// Makes the image `name` from the `hello` of this library. An image that had the name loses it,
/// and is removed unless a container uses it.
pub async fn import(docker: &Docker, name: &str) -> Result<()> {
    if PROGRAM.is_empty() {
        return Err(Error::Unexpected(
            "this Teal was built without the sample's program, which only a build on Linux has"
                .into(),
        ));
    }
    let replaced = inspect(docker, name).await?.and_then(|image| image.id);
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(name)
        .changes(vec![
            r#"ENTRYPOINT ["/hello"]"#.to_owned(),
            "EXPOSE 8080".to_owned(),
            "USER 65534:65534".to_owned(),
            format!("LABEL {DIGEST_LABEL}={DIGEST}"),
        ])
        .build();
    let archive = archive().map_err(|source| Error::File {
        operation: "pack",
        path: "hello".into(),
        source,
    })?;
    docker
        .create_image(Some(options), Some(body_full(archive)), None)
        .try_collect::<Vec<_>>()
        .await
        .map_err(failed(format!("import the image `{name}`")))?;
    match replaced {
        Some(id) => remove(docker, &id).await,
        None => Ok(()),
    }
}

/// Whether the engine has the image `name`.
pub async fn exists(docker: &Docker, name: &str) -> Result<bool> {
    Ok(inspect(docker, name).await?.is_some())
}

/// Pulls the image `name` from its registry.
///
/// # Errors
/// [`Error::ImageMissing`] where no registry gives it.
pub async fn pull(docker: &Docker, name: &str) -> Result<()> {
    let options = CreateImageOptionsBuilder::new().from_image(name).build();
    docker
        .create_image(Some(options), None, None)
        .try_collect::<Vec<_>>()
        .await
        .map(drop)
        .map_err(|source| Error::ImageMissing {
            image: name.to_owned(),
            source,
        })
}

/// Removes the image `name` unless it is gone already or a container uses it.
pub async fn remove(docker: &Docker, name: &str) -> Result<()> {
    match docker
        .remove_image(name, None::<RemoveImageOptions>, None)
        .await
    {
        Ok(_)
        | Err(DockerError::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(source) => Err(failed(format!("remove the image `{name}`"))(source)),
    }
}

async fn inspect(docker: &Docker, name: &str) -> Result<Option<ImageInspect>> {
    match docker.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(DockerError::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(None),
        Err(source) => Err(failed(format!("look for the image `{name}`"))(source)),
    }
}

/// The image's whole file system.
fn archive() -> std::io::Result<Bytes> {
    let mut header = tar::Header::new_gnu();
    header.set_size(PROGRAM.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "hello", PROGRAM)?;
    Ok(archive.into_inner()?.into())
}

fn failed(operation: String) -> impl FnOnce(DockerError) -> Error {
    move |source| Error::Engine { operation, source }
}
