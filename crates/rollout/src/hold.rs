//! Requests held on Blue while Green comes up.
//!
//! A pin leads to its container whatever the container's health. So what Traefik would take out of
//! its service by itself, since it has ended or turned unhealthy, is taken out of the hold.

use std::{future::Future, pin::pin, time::Duration};

use bollard::Docker;
use futures_util::{
    StreamExt,
    future::{Either, select},
};
use tokio::time::{MissedTickBehavior, interval};

use super::{Driver, Evidence, Rollout, blue::those, failure::Trouble, split::traffic};
use teal_docker as docker;
use teal_model::Replica;
use teal_traffic::Traffic;

/// The time between two looks, should an event be missed.
const LOOK: Duration = Duration::from_secs(2);

/// The hold is changed so often at most: the splits to come need their levels above a router.
const CHANGES: u32 = 2;

/// What is held, and by what.
pub(super) struct Hold<'a> {
    docker: &'a Docker,
    rollout: &'a Rollout,
    traffic: &'a mut Traffic,
    evidence: &'a Evidence,
    /// Those of Blue that requests are held on.
    serving: &'a mut Vec<String>,
    is_steered: bool,
}

impl Driver {
    /// Whether requests are held on Blue while Green comes up.
    pub(super) fn is_held(&self) -> bool {
        self.is_steered() && !self.serving_blue.is_empty()
    }
}

impl<'a> Hold<'a> {
    pub(super) fn new(
        docker: &'a Docker,
        rollout: &'a Rollout,
        (traffic, evidence): (&'a mut Traffic, &'a Evidence),
        serving: &'a mut Vec<String>,
        is_steered: bool,
    ) -> Self {
        Self {
            docker,
            rollout,
            traffic,
            evidence,
            serving,
            is_steered,
        }
    }

    /// Carries out the work, and meanwhile takes out of the hold what does not serve any more, as
    /// long as another one does.
    ///
    /// # Errors
    /// The engine does not answer, or Traefik does not do it. The hold is what it was.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let mut work = pin!(work);
        if !self.is_steered || self.serving.len() < 2 {
            return Ok(work.await);
        }
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let filters = [
            ("type", words(&["container"])),
            ("event", words(&["die", "health_status"])),
            ("container", self.serving.clone()),
        ];
        let mut events = docker::events(self.docker, &filters);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changes = 0;
        while changes < CHANGES {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = events.next() => {}
                _ = looks.tick() => {}
            }
            // A change is not left half done.
            let change = pin!(self.leave_out());
            match select(work.as_mut(), change).await {
                Either::Left((done, change)) => {
                    change.await?;
                    return Ok(done);
                }
                Either::Right((is_changed, _)) => changes += u32::from(is_changed?),
            }
        }
        Ok(work.await)
    }

    /// Whether any of them was taken out.
    async fn leave_out(&mut self) -> Result<bool, Trouble> {
        let well = those(self.docker, self.serving, Replica::gets_requests).await?;
        let sick: Vec<_> = self
            .serving
            .iter()
            .filter(|id| !well.contains(id))
            .collect();
        if sick.is_empty() || well.is_empty() {
            return Ok(false);
        }
        let count = sick.len();
        let names: Vec<_> = sick
            .into_iter()
            .map(|id| id.get(..12).unwrap_or(id))
            .collect();
        self.rollout.warn(format!(
            "{count} of Blue's containers ended or turned unhealthy, and no requests are sent to it any more: {}",
            names.join(", ")
        ));
        *self.serving = well;
        let held = async {
            self.traffic.hold(self.serving).await?;
            self.traffic.until_held().await
        };
        held.await.map_err(|error| traffic(&error))?;
        self.evidence.shifted(self.traffic, 0);
        Ok(true)
    }
}
