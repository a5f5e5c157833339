//! What Blue's containers have written outside of volumes.

use std::{collections::BTreeSet, time::Duration};

use bollard::models::ContainerInspectResponse;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::Planner;
use teal_model::Verdict;
use teal_readiness as readiness;

/// A large layer takes the engine long to go through, and nobody should wait for a warning.
const AT_MOST: Duration = Duration::from_secs(2);
/// The most containers that are looked at: all are of one kind.
const CONTAINERS: usize = 4;

impl Planner<'_> {
    /// A warning where these containers have files that would go with them.
    pub async fn layer_verdict(&self, containers: &[ContainerInspectResponse]) -> Option<Verdict> {
        let looks = containers
            .iter()
            .take(CONTAINERS)
            .map(|container| self.written(container));
        let all = timeout(AT_MOST, join_all(looks)).await;
        let all = all
            .inspect_err(|_| tracing::warn!("what Blue has written is not known in time"))
            .ok()?;
        let written: BTreeSet<String> = all.into_iter().flatten().collect();
        readiness::goes_with_blue(&written)
    }

    async fn written(&self, container: &ContainerInspectResponse) -> BTreeSet<String> {
        let Some(id) = &container.id else {
            return BTreeSet::new();
        };
        let changes = match self.docker.container_changes(id).await {
            Ok(changes) => changes.unwrap_or_default(),
            // Not every storage driver can tell, and a plan does not fail for want of it.
            Err(error) => {
                tracing::warn!(%error, id, "what it has written is not known");
                return BTreeSet::new();
            }
        };
        let mounts = container.mounts.iter().flatten();
        let mounts: Vec<_> = mounts
            .filter_map(|mount| mount.destination.clone())
            .collect();
        readiness::written(&changes, &mounts)
    }
}
