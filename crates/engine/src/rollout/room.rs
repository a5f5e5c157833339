//! Room for rollouts on one engine: each moves traffic and starts containers, and with too many at once
//! Traefik would be too slow for any of them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Driver;
use crate::event::Phase;

/// Shared by all rollouts of a process on an engine.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    places: Arc<Semaphore>,
    /// That of this rollout, until it has ended.
    own: Option<Arc<OwnedSemaphorePermit>>,
}

impl Room {
    /// A place for each processor of the engine, and two at least.
    pub(crate) fn of(cpus: u32) -> Self {
        let places = usize::try_from(cpus).unwrap_or(usize::MAX);
        let places = places.clamp(2, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            own: None,
        }
    }
}

impl Driver {
    /// Waits, first come first served, until there is a place for this rollout. Nothing has been
    /// changed yet, and an abort ends it.
    pub(super) async fn wait_for_room(&mut self) {
        let places = Arc::clone(&self.room.places);
        if places.available_permits() == 0 {
            self.step(
                Phase::DeployGreen,
                "Waiting for other rollouts: the engine carries no more at once",
            );
        }
        // It is never closed.
        self.room.own = places.acquire_owned().await.ok().map(Arc::new);
    }
}
