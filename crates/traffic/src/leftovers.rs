//! Sidecars that may have nobody any more.

use bollard::{Docker, errors::Error as DockerError};

use super::{sidecar, sidecars::sweep};
use crate::TrafficError;
use teal_docker::failed;
use teal_model::{Error, Result};

/// A sidecar on the engine, whoever started it.
#[derive(Debug, Clone)]
pub struct Helper {
    pub name: String,
    pub rollout: String,
    /// Where the records and locks of the rollout are, if it says so.
    pub data: Option<String>,
    /// The id of the container that it stands beside.
    pub target: String,
}

/// All sidecars on the engine.
pub async fn helpers(docker: &Docker) -> Result<Vec<Helper>> {
    let found = sidecar::list(docker, None).await;
    let helper = |found: sidecar::Found| Helper {
        name: found.name,
        rollout: found.rollout,
        data: found.data,
        target: found.target,
    };
    let found = found.map_err(failed("list sidecars"))?;
    Ok(found.into_iter().map(helper).collect())
}

/// Removes the sidecars of a rollout, and what no other rollout uses.
pub async fn remove_helpers(docker: &Docker, rollout: &str) -> Result<()> {
    sweep(docker, rollout, &[])
        .await
        .map_err(|error| match error {
            TrafficError::Engine { operation, source } => Error::Engine {
                operation: operation.to_owned(),
                source,
            },
            other => Error::Unexpected(other.to_string()),
        })
}

/// Removes what is left where no sidecar is: orphans and images.
pub async fn remove_unused(docker: &Docker) -> Result<()> {
    let removed: std::result::Result<(), DockerError> = async {
        sidecar::remove_orphans(docker).await?;
        teal_docker::remove_image(docker).await
    }
    .await;
    removed.map_err(failed("remove what is left of a rollout"))
}
