//! What the sidecars on the engine tell of a split, to whoever has not steered it.

use bollard::Docker;

use super::sidecar;
use teal_docker::failed;
use teal_model::Result;

/// The share of new requests that a rollout's newest generation gives Green; `None` if it has none.
pub async fn green_percent(docker: &Docker, rollout: &str) -> Result<Option<u8>> {
    let found = sidecar::list(docker, Some(rollout))
        .await
        .map_err(failed("list sidecars"))?;
    let newest = found.iter().rev().find_map(|sidecar| sidecar.split);
    Ok(newest.map(super::split::Split::green_percent))
}
