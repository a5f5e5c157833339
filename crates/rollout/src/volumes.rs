//! Volumes without a name that outlive their containers: nothing uses them any more, but what people
//! wrote is in them.

use bollard::Docker;

use super::Driver;
use teal_docker as docker;
use teal_model::event::Color;
use teal_model::{Result, UnnamedVolume};
use teal_plan::kept_volumes;
use teal_readiness::is_cache;

/// Removes a container with its caches; its other volumes stay.
pub(super) async fn remove_but_data(docker: &Docker, id: &str) -> Result<()> {
    let Some(container) = docker::inspect(docker, id).await? else {
        return Ok(());
    };
    let volumes = docker::unnamed_volumes(&container);
    let (caches, data): (Vec<_>, Vec<_>) = volumes
        .into_iter()
        .partition(|volume| is_cache(&volume.target));
    if data.is_empty() {
        return docker::remove(docker, id).await;
    }
    docker::remove_but_volumes(docker, id).await?;
    for cache in caches {
        // It is in nobody's way.
        if let Err(error) = docker::remove_volume(docker, &cache.id).await {
            tracing::warn!(%error, "a cache is left");
        }
    }
    Ok(())
}

impl Driver {
    /// Says which volumes of a set stay, before its containers go: afterwards nothing leads to them.
    /// Of a Blue that an earlier process has removed in part, the plan tells.
    pub(super) async fn tell_kept_volumes(&self, color: Color, containers: &[String]) {
        let mut kept = match color {
            Color::Blue => self.plan.kept_volumes.clone(),
            Color::Green => Vec::new(),
        };
        for id in containers {
            match docker::inspect(&self.docker, id).await {
                Ok(found) => {
                    let volumes = kept_volumes(found.as_slice());
                    kept.extend(volumes);
                }
                Err(error) => tracing::warn!(%error, id, "its volumes are not told"),
            }
        }
        kept.sort();
        kept.dedup();
        for UnnamedVolume { id, target } in &kept {
            self.rollout.warn(format!(
                "the volume without a name that {color} has at `{target}` stays on the engine: \
                 `docker run --rm -v {id}:/old IMAGE ls /old` looks into it, and \
                 `docker volume rm {id}` removes it"
            ));
        }
        self.evidence.kept(&kept);
    }
}
