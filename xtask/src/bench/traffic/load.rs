//! The load, in a process of its own: `examples/load.rs` of the testkit makes it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::child::{Ends, Running};
use crate::process::command;

const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Before all others: its clients stand for people elsewhere, so that their waits for a processor of
/// this machine are not the service's.
const PRIORITY: &str = "--adjustment=-15";
/// No service is measured for longer.
const AT_MOST_SECONDS: &str = "1800";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    KeepAlive,
    NewConnection,
    Slow,
    Stream,
    WebSocket,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::KeepAlive,
        Self::NewConnection,
        Self::Slow,
        Self::Stream,
        Self::WebSocket,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep-alive",
            Self::NewConnection => "new connection",
            Self::Slow => "takes 3 s",
            Self::Stream => "stream of 12 s",
            Self::WebSocket => "WebSocket of 12 s",
        }
    }
}

/// What the load reports.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) windows: BTreeMap<String, BTreeMap<Kind, Tally>>,
    pub(super) failures: Vec<Failure>,
    /// By the start of the id.
    pub(super) containers: BTreeMap<String, Seen>,
    ended_early: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) failed: u64,
    /// Microseconds, and how often a good answer took them.
    pub(super) latencies: Vec<(u64, u64)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) window: String,
    pub(super) cause: String,
    pub(super) error: String,
    pub(super) sent: Timestamp,
    pub(super) failed: Timestamp,
    pub(super) container: Option<String>,
}

/// What a container answered last.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) last_sent: Timestamp,
    pub(super) last_ended: Timestamp,
}

/// A load that runs. Dropping it ends it.
pub(super) struct Load(Running);

impl Load {
    /// `words` are further ones of `examples/load.rs`.
    pub(super) fn start(program: &Path, url: &str, window: &str, words: &[&str]) -> Result<Self> {
        // Where that is not allowed, `nice` says so and runs it all the same.
        let mut load = command("nice");
        load.arg(PRIORITY).arg(program);
        load.args([url, AT_MOST_SECONDS, window]).args(words);
        Running::start(&mut load, Ends::WithInput).map(Self)
    }

    /// What ends from now on belongs to this window.
    pub(super) fn mark(&mut self, window: &str) -> Result<()> {
        self.0.tell(window)?;
        let answer = self.0.line(ANSWERS_WITHIN)?;
        if answer != window {
            bail!("the load answers `{answer}` to `{window}`");
        }
        Ok(())
    }

    /// Sends no more, and reports all but what is in flight.
    pub(super) fn end(mut self) -> Result<Report> {
        self.0.end()?;
        let report: Report = serde_json::from_str(&self.0.line(ANSWERS_WITHIN)?)?;
        if report.ended_early {
            bail!("the load ended before the changes did");
        }
        Ok(report)
    }
}
