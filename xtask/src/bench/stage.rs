//! Projects on the engine to measure with, and requests to them. The testkit's examples make both.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;

use super::child::{Ends, Running};
use crate::process::command;

const UP_WITHIN: Duration = Duration::from_secs(400);
const REPORTS_WITHIN: Duration = Duration::from_secs(60);

/// A project that is gone once this is closed or dropped.
pub(super) struct Stage {
    running: Running,
    pub(super) project: String,
    pub(super) file: PathBuf,
    pub(super) url: String,
}

impl Stage {
    /// `words` are what `examples/stage.rs` of the testkit takes.
    pub(super) fn up(words: &[&str]) -> Result<Self> {
        let running = Running::start(example("stage").args(words), Ends::WithInput)?;
        let place: Value = serde_json::from_str(&running.line(UP_WITHIN)?)?;
        let text = |key: &str| {
            let text = place[key].as_str().context("the stage says where it is");
            text.map(str::to_owned)
        };
        Ok(Self {
            project: text("project")?,
            file: text("file")?.into(),
            url: text("url")?,
            running,
        })
    }

    pub(super) fn close(mut self) -> Result<()> {
        self.running.end()
    }
}

/// What became of the requests beside something.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// The longest time from one good answer to the next, in milliseconds.
    pub(super) worst_gap: i64,
}

/// Runs `job` while a request is sent to `url` each 20 ms, from `BEFORE` it until `AFTER` it.
pub(super) fn beside_traffic<T>(
    url: &str,
    job: impl FnOnce() -> Result<T>,
) -> Result<(T, Traffic)> {
    /// So that a gap at the very start shows.
    const BEFORE: Duration = Duration::from_secs(2);
    /// Traefik may take some seconds to notice a new container.
    const AFTER: Duration = Duration::from_secs(5);
    let mut requests = Running::start(example("traffic").args([url, "--json"]), Ends::WithInput)?;
    std::thread::sleep(BEFORE);
    let done = job()?;
    std::thread::sleep(AFTER);
    requests.end()?;
    let report: Value = serde_json::from_str(&requests.line(REPORTS_WITHIN)?)?;
    let number = |key: &str| {
        report[key]
            .as_u64()
            .context("the traffic reports in figures")
    };
    let traffic = Traffic {
        requests: number("requests")?,
        failed: number("failed")?,
        worst_gap: report["worstGapMs"]
            .as_i64()
            .context("no request succeeded")?,
    };
    Ok((done, traffic))
}

/// One of the testkit.
pub(super) fn example(name: &str) -> std::process::Command {
    command(&format!("target/debug/examples/{name}"))
}
