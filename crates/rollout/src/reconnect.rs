//! Blue's places in networks. Who takes a network away from Blue (a `docker network disconnect`, a
//! Compose that makes a network again) leaves a container that may call itself healthy and that
//! nobody reaches.

use std::collections::HashSet;

use super::Driver;
use teal_docker as docker;
use teal_model::Result;
use teal_traffic::{attachments, join};

impl Driver {
    /// Connects Blue again to each network that it was in when the rollout was planned, under the
    /// same names and fixed addresses. A container that is gone is left to who looks for it.
    ///
    /// # Errors
    /// The engine's, which names a network that is gone.
    pub(super) async fn reconnect_blue(&self) -> Result<()> {
        let mut places = HashSet::new();
        let mut there = HashSet::new();
        for id in self.blue() {
            let Some(container) = docker::inspect(&self.docker, &id).await? else {
                continue;
            };
            let now = attachments(&container).into_iter();
            places.extend(now.map(|place| (place.container, place.network)));
            there.insert(id);
        }
        for place in &self.plan.attachments {
            let is_in = places.contains(&(place.container.clone(), place.network.clone()));
            if is_in || !there.contains(&place.container) {
                continue;
            }
            let network = &place.network;
            self.step(
                self.last_phase(),
                &format!("Connecting Blue to the network {network} again"),
            );
            let failed = docker::failed(format!("connect Blue to the network `{network}` again"));
            join(&self.docker, place).await.map_err(failed)?;
        }
        Ok(())
    }
}
