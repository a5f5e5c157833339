//! Room for rollouts on one engine: each moves traffic and starts containers, and with too many at once
//! Traefik would be too slow for any of them.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Driver;

/// Shared by all rollouts of a process on an engine.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// A place for each processor of the engine, and two at least.
    pub fn of(cpus: u32) -> Self {
        let places = usize::try_from(cpus).unwrap_or(usize::MAX);
        let places = places.clamp(2, Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(places)))
    }
}

impl Driver {
    /// Waits, first come first served, until there is a place for this rollout, and keeps it until
    /// the rollout has ended. Nothing has been changed yet, and an abort ends the wait.
    pub(super) async fn wait_for_room(&mut self) {
        if self.place.is_some() {
            return;
        }
        let places = Arc::clone(&self.room.0);
        if places.available_permits() == 0 {
            self.step(
                self.last_phase(),
                "Waiting for other rollouts: the engine carries no more at once",
            );
        }
        // It is never closed.
        self.place = places.acquire_owned().await.ok();
    }
}
