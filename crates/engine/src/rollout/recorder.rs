//! What happened in a rollout so far, for everybody who listens, whenever they came.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::chain;
use crate::{
    Result,
    event::{Event, EventKind, Outcome},
    history::Journal,
    model::Revision,
};

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
    said: Mutex<Said>,
    /// How many events there are.
    length: watch::Sender<usize>,
    abort: CancellationToken,
}

/// What was said so far, and where it is kept.
#[derive(Debug, Default)]
struct Said {
    events: Vec<Event>,
    journal: Option<Journal>,
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
                said: Mutex::default(),
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

    /// Tells everybody. It is in the journal, if there is one, before what it tells of goes on.
    pub(crate) fn emit(&self, kind: EventKind) {
        let event = self.event(kind);
        let mut said = self.lock();
        let kept = said.journal.as_mut().map(|journal| journal.note(&event));
        said.events.push(event);
        if let Some(Err(error)) = kept {
            said.journal = None;
            said.events.push(self.event(not_kept(&error)));
        }
        self.shared.length.send_replace(said.events.len());
    }

    /// Keeps in the journal what was said so far, and what will be.
    pub(crate) fn keep(&self, journal: Result<Journal>) {
        let keep = |said: &mut Said| -> std::result::Result<(), Box<dyn std::error::Error>> {
            let mut journal = journal?;
            said.events
                .iter()
                .try_for_each(|event| journal.note(event))?;
            said.journal = Some(journal);
            Ok(())
        };
        let kept = keep(&mut self.lock());
        if let Err(error) = kept {
            self.emit(not_kept(&*error));
        }
    }

    /// Ends the journal; false where there is none, or it can't be written.
    pub(crate) fn end_journal(&self, revisions: &[Revision], is_settled: bool) -> bool {
        let Some(mut journal) = self.lock().journal.take() else {
            return false;
        };
        let ended = journal.end(revisions, is_settled);
        if let Err(error) = &ended {
            self.emit(not_kept(error));
        }
        ended.is_ok()
    }

    fn event(&self, kind: EventKind) -> Event {
        Event {
            rollout: self.shared.id.clone(),
            at: Timestamp::now(),
            elapsed_ms: millis(self.elapsed()),
            kind,
        }
    }

    pub(crate) fn warn(&self, text: String) {
        tracing::warn!(text);
        self.emit(EventKind::Warning { text });
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.shared
            .said
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
                let said = self.rollout.lock();
                if let Some(event) = said.events.get(self.next) {
                    self.next += 1;
                    return Some(event.clone());
                }
                if said.events.last().is_some_and(ended) {
                    return None;
                }
            }
            // The sender lives in `rollout`, so waiting can't fail.
            self.length.changed().await.ok()?;
        }
    }
}

/// A disk that is full or read-only costs the history, not the rollout.
fn not_kept(error: &dyn std::error::Error) -> EventKind {
    let text = format!(
        "the history of this rollout is not written: {}; the rollout goes on without it",
        chain(error)
    );
    tracing::error!(text);
    EventKind::Warning { text }
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
