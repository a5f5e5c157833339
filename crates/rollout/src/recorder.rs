//! What happened in a rollout so far, for everybody who listens, whenever they came.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem::{Discriminant, discriminant},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::chain;
use teal_history::Journal;
use teal_model::event::{Event, EventKind, Outcome};
use teal_model::{Result, Revision};

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

/// So many events of a kind are kept that tell how something stands: minutes of them. An hour's would
/// fill the memory, and whoever comes late asks how it stands now.
const PASSING_KEPT: usize = 1_000;

/// What was said so far, and where it is kept.
#[derive(Debug, Default)]
struct Said {
    /// By number; those that have passed are missing.
    events: BTreeMap<usize, Event>,
    /// How many were said.
    length: usize,
    /// The numbers of those that pass, for each kind.
    passing: HashMap<Discriminant<EventKind>, VecDeque<usize>>,
    journal: Option<Journal>,
}

impl Said {
    fn push(&mut self, event: Event) {
        if event.kind.passes() {
            let numbers = self.passing.entry(discriminant(&event.kind)).or_default();
            numbers.push_back(self.length);
            if numbers.len() > PASSING_KEPT
                && let Some(oldest) = numbers.pop_front()
            {
                self.events.remove(&oldest);
            }
        }
        self.events.insert(self.length, event);
        self.length += 1;
    }
}

/// The events of a rollout from its first one, whenever the listener came.
#[derive(Debug)]
pub struct RolloutEvents {
    rollout: Rollout,
    length: watch::Receiver<usize>,
    next: usize,
}

impl Rollout {
    pub fn new(id: String, project: String, service: String, began: Instant) -> Self {
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

    /// All events, from the first; of those that tell how something stands, such as the live probe's
    /// figures, the last thousand of each kind.
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

    pub fn aborted(&self) -> &CancellationToken {
        &self.shared.abort
    }

    pub fn elapsed(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Tells everybody. It is in the journal, if there is one, before what it tells of goes on.
    pub fn emit(&self, kind: EventKind) {
        let event = self.event(kind);
        let mut said = self.lock();
        let kept = said.journal.as_mut().map(|journal| journal.note(&event));
        said.push(event);
        if let Some(Err(error)) = kept {
            said.journal = None;
            said.push(self.event(not_kept(&error)));
        }
        self.shared.length.send_replace(said.length);
    }

    /// Keeps in the journal what was said so far, and what will be.
    pub fn keep(&self, journal: Result<Journal>) {
        let keep = |said: &mut Said| -> std::result::Result<(), Box<dyn std::error::Error>> {
            let mut journal = journal?;
            said.events
                .values()
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
    pub fn end_journal(&self, revisions: &[Revision], is_settled: bool) -> bool {
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

    pub fn warn(&self, text: String) {
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
                if let Some((number, event)) = said.events.range(self.next..).next() {
                    self.next = number + 1;
                    return Some(event.clone());
                }
                if said.events.values().next_back().is_some_and(ended) {
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
pub fn millis(duration: Duration) -> u64 {
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

    #[tokio::test]
    async fn an_hour_of_figures_is_not_kept() {
        let rollout = Rollout::new("id".into(), "shop".into(), "web".into(), Instant::now());
        let drain = |elapsed_ms| EventKind::Drain {
            in_flight: Some(1),
            elapsed_ms,
        };
        let many = 36_000;
        rollout.emit(EventKind::Split { green_percent: 50 });
        let mut reader = rollout.events();
        for elapsed_ms in 0..many / 2 {
            rollout.emit(drain(elapsed_ms));
        }
        // In the middle of what has passed by the time that it reads on.
        reader.next().await.unwrap();
        reader.next().await.unwrap();
        rollout.emit(EventKind::Warning {
            text: "half".into(),
        });
        for elapsed_ms in many / 2..many {
            rollout.emit(drain(elapsed_ms));
        }
        rollout.emit(ended());
        assert_eq!(rollout.lock().events.len(), PASSING_KEPT + 3);

        let mut heard = Vec::new();
        let mut late = rollout.events();
        while let Some(event) = late.next().await {
            heard.push(event.kind);
        }
        assert_eq!(heard[0], EventKind::Split { green_percent: 50 });
        assert!(matches!(heard[1], EventKind::Warning { .. }));
        assert_eq!(heard[heard.len() - 2], drain(many - 1));
        assert_eq!(heard.last(), Some(&ended()));
        assert!(matches!(
            reader.next().await.unwrap().kind,
            EventKind::Warning { .. }
        ));
    }
}
