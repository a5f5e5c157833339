//! What the requests have come to, as figures.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use jiff::Timestamp;

use super::{Kind, LoadFailure, LoadReport, Seen, Tally, failure::Broken};

/// In microseconds; nothing is waited for longer.
const LONGEST: u64 = 60_000_000;
/// Significant digits of a latency.
const PRECISION: u8 = 3;

#[derive(Debug)]
pub(super) struct Ledger {
    /// The same moment on both clocks.
    start: (Instant, Timestamp),
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The window that what ends now belongs to.
    now: usize,
    windows: Vec<(String, BTreeMap<Kind, Sum>)>,
    failures: Vec<LoadFailure>,
    containers: BTreeMap<String, Seen>,
    in_flight: BTreeMap<Kind, u64>,
    sent: u64,
}

#[derive(Debug)]
struct Sum {
    total: u64,
    failed: u64,
    latencies: Histogram<u64>,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            total: 0,
            failed: 0,
            latencies: Histogram::new_with_bounds(1, LONGEST, PRECISION)
                .expect("bounds that a histogram can have"),
        }
    }
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) kind: Kind,
    pub(super) sent: Instant,
    /// The start of the id of the container that answered.
    pub(super) container: Option<String>,
    pub(super) broken: Option<Broken>,
}

impl Ledger {
    pub(super) fn new(window: &str) -> Self {
        Self {
            start: (Instant::now(), Timestamp::now()),
            state: Mutex::new(State {
                now: 0,
                windows: vec![(window.to_owned(), BTreeMap::new())],
                failures: Vec::new(),
                containers: BTreeMap::new(),
                in_flight: BTreeMap::new(),
                sent: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self, at: Instant) -> Timestamp {
        self.start.1 + at.duration_since(self.start.0)
    }

    pub(super) fn mark(&self, window: &str) {
        let mut state = self.state();
        let known = state.windows.iter().position(|(name, _)| name == window);
        state.now = known.unwrap_or_else(|| {
            state.windows.push((window.to_owned(), BTreeMap::new()));
            state.windows.len() - 1
        });
    }

    /// Counts a request that is about to be sent, unless there were `at_most` already.
    pub(super) fn begin(&self, kind: Kind, at_most: u64) -> bool {
        let mut state = self.state();
        if state.sent >= at_most {
            return false;
        }
        state.sent += 1;
        *state.in_flight.entry(kind).or_default() += 1;
        true
    }

    /// Keeps how long a good answer took.
    pub(super) fn answered_after(&self, kind: Kind, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
        self.state().sum(kind).latencies.saturating_record(took);
    }

    pub(super) fn end(&self, exchange: Exchange) {
        let (sent, ended) = (self.time(exchange.sent), self.time(Instant::now()));
        let mut state = self.state();
        if let Some(count) = state.in_flight.get_mut(&exchange.kind) {
            *count -= 1;
        }
        let sum = state.sum(exchange.kind);
        sum.total += 1;
        sum.failed += u64::from(exchange.broken.is_some());
        if let Some(container) = &exchange.container {
            let seen = state.containers.entry(container.clone());
            let seen = seen.or_insert_with(|| Seen {
                answers: 0,
                last_sent: sent,
                last_ended: ended,
            });
            seen.answers += 1;
            seen.last_sent = seen.last_sent.max(sent);
            seen.last_ended = seen.last_ended.max(ended);
        }
        if let Some(broken) = exchange.broken {
            let window = state.windows[state.now].0.clone();
            state.failures.push(LoadFailure {
                kind: exchange.kind,
                window,
                cause: broken.cause,
                error: broken.error,
                sent,
                failed: ended,
                container: exchange.container,
            });
        }
    }

    pub(super) fn in_flight(&self) -> BTreeMap<Kind, u64> {
        self.state().in_flight.clone()
    }

    pub(super) fn report(&self, ended_early: bool) -> LoadReport {
        let state = self.state();
        let tallies = |sums: &BTreeMap<Kind, Sum>| {
            let tallies = sums.iter().map(|(kind, sum)| (*kind, Tally::from(sum)));
            tallies.collect()
        };
        LoadReport {
            windows: state
                .windows
                .iter()
                .map(|(name, sums)| (name.clone(), tallies(sums)))
                .collect(),
            failures: state.failures.clone(),
            containers: state.containers.clone(),
            ended_early,
        }
    }
}

impl State {
    fn sum(&mut self, kind: Kind) -> &mut Sum {
        self.windows[self.now].1.entry(kind).or_default()
    }
}

impl From<&Sum> for Tally {
    fn from(sum: &Sum) -> Self {
        let latencies = sum.latencies.iter_recorded();
        Self {
            total: sum.total,
            failed: sum.failed,
            latencies: latencies
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect(),
        }
    }
}
