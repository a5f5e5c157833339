//! What happened in a rollout so far, for everybody who listens, whenever they came.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, EventKind, Outcome};

/// A rollout that runs, or has ended. Cheap to clone; dropping it does not stop the rollout.
#[derive(Debug, Clone)]
pub struct Rollout {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: String,
    project: String,
    service: String,
    began: Instant,
    events: Mutex<Vec<Event>>,
    /// How many events there are.
    length: watch::Sender<usize>,
    abort: CancellationToken,
}

/// The events of a rollout from its first one, whenever the listener came.
#[derive(Debug)]
pub struct RolloutEvents {
    rollout: Rollout,
    length: watch::Receiver<usize>,
    next: usize,
}

impl Rollout {
    pub(crate) fn new(id: String, project: String, service: String, began: Instant) -> Self {
        Self {
            shared: Arc::new(Shared {
                id,
                project,
                service,
                began,
                events: Mutex::default(),
                length: watch::Sender::new(0),
                abort: CancellationToken::new(),
            }),
        }
    }

    pub fn id(&self) -> &str {
        &self.shared.id
    }

    pub fn project(&self) -> &str {
        &self.shared.project
    }

    pub fn service(&self) -> &str {
        &self.shared.service
    }

    /// All events, from the first.
    pub fn events(&self) -> RolloutEvents {
        RolloutEvents {
            length: self.shared.length.subscribe(),
            rollout: self.clone(),
            next: 0,
        }
    }

    /// Asks the rollout to stop and to return to Blue. Does nothing once it has ended, or while a
    /// failure is rolled back already.
    pub fn abort(&self) {
        self.shared.abort.cancel();
    }

    /// Waits until the rollout has ended.
    pub async fn outcome(&self) -> Outcome {
        let mut events = self.events();
        while let Some(event) = events.next().await {
            if let EventKind::Ended { outcome, .. } = event.kind {
                return outcome;
            }
        }
        unreachable!("`next` ends only after the last event, which says the outcome")
    }

    pub(crate) fn aborted(&self) -> &CancellationToken {
        &self.shared.abort
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        let event = Event {
            rollout: self.shared.id.clone(),
            at: Timestamp::now(),
            elapsed_ms: millis(self.elapsed()),
            kind,
        };
        let mut events = self.lock();
        events.push(event);
        self.shared.length.send_replace(events.len());
    }

    pub(crate) fn warn(&self, text: String) {
        tracing::warn!(text);
        self.emit(EventKind::Warning { text });
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.shared
            .events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl RolloutEvents {
    /// The next event; none after [`EventKind::Ended`].
    pub async fn next(&mut self) -> Option<Event> {
        let ended = |event: &Event| matches!(event.kind, EventKind::Ended { .. });
        loop {
            {
                let events = self.rollout.lock();
                if let Some(event) = events.get(self.next) {
                    self.next += 1;
                    return Some(event.clone());
                }
                if events.last().is_some_and(ended) {
                    return None;
                }
            }
            // The sender lives in `rollout`, so waiting can't fail.
            self.length.changed().await.ok()?;
        }
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> EventKind {
        EventKind::Ended {
            outcome: Outcome::Success,
            failure: None,
            receipt: None,
            left_behind: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_late_listener_hears_everything() {
        let rollout = Rollout::new("id".into(), "shop".into(), "web".into(), Instant::now());
        rollout.emit(EventKind::Split { green_percent: 50 });
        let mut early = rollout.events();
        assert!(matches!(
            early.next().await.unwrap().kind,
            EventKind::Split { .. }
        ));
        let waiting = tokio::spawn(async move { (early.next().await, early.next().await) });
        rollout.emit(ended());
        let (last, after) = waiting.await.unwrap();
        assert_eq!(last.unwrap().kind, ended());
        assert_eq!(after, None);
        let mut late = rollout.events();
        assert!(late.next().await.is_some() && late.next().await.is_some());
        assert_eq!(late.next().await, None);
        assert_eq!(rollout.outcome().await, Outcome::Success);
    }
}
