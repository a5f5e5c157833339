//! What a load has come to.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::Serialize;

use super::{Kind, LoadFailure};

/// All requests of a load.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// Each request under the name of the window in which it ended.
    pub windows: BTreeMap<String, BTreeMap<Kind, Tally>>,
    pub failures: Vec<LoadFailure>,
    /// By the start of the id, as `hello` says it.
    pub containers: BTreeMap<String, Seen>,
    /// Whether the load reached its own bound before it was stopped.
    pub ended_early: bool,
}

/// The requests of one kind in one window.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Requests that have ended, well or not.
    pub total: u64,
    pub failed: u64,
    /// How often a good answer took so many microseconds, in steps of less than 0.1 %.
    pub latencies: Vec<(u64, u64)>,
}

/// What a container was seen to do.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    pub answers: u64,
    /// When the last request that it answered was sent.
    pub last_sent: Timestamp,
    /// When the last of its answers ended.
    pub last_ended: Timestamp,
}

impl LoadReport {
    /// Requests and failures of a kind, in all windows.
    pub fn count(&self, kind: Kind) -> (u64, u64) {
        let tallies = self.windows.values().filter_map(|window| window.get(&kind));
        tallies.fold((0, 0), |(total, failed), tally| {
            (total + tally.total, failed + tally.failed)
        })
    }

    /// There were requests of each kind up to the moment of the stop, and each was answered well.
    ///
    /// # Panics
    /// It is not so; the message says which failed and how.
    pub fn assert_none_failed(&self) {
        assert!(self.failures.is_empty(), "{self}");
        for kind in Kind::ALL {
            assert!(self.count(kind).0 > 0, "none of {kind:?}: {self}");
        }
        assert!(!self.ended_early, "the load ended before the test: {self}");
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            let (total, failed) = self.count(kind);
            writeln!(f, "{kind:?}: {failed} of {total} failed")?;
        }
        for (container, seen) in &self.containers {
            writeln!(f, "{} answered by {container}", seen.answers)?;
        }
        for failure in self.failures.iter().take(20) {
            writeln!(f, "{failure}")?;
        }
        Ok(())
    }
}
