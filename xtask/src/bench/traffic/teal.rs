//! Rollouts, as the command line does them.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    super::{
        child::{Ends, Running},
        program_at,
        rollout::HealthEvents,
    },
    evidence::Rollout,
};
use crate::{
    bench::stage::Stage,
    process::{command, succeeds},
    say,
};

/// From one event to the next, with the longest of the defaults behind it: Green's health.
const EVENT_WITHIN: Duration = Duration::from_secs(130);
/// From the last event to the end of the program.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A rollout of Teal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// To other limits.
    Deploy,
    /// To those of the first revision.
    Rollback,
    /// To other limits, and back to Blue once it is at 50/50.
    Abort,
}

impl Change {
    pub(super) const ALL: [Self; 3] = [Self::Deploy, Self::Rollback, Self::Abort];

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Deploy | Self::Abort => &["deploy", "hello", "--cpus", "1.5", "--memory", "768M"],
            Self::Rollback => &["rollback", "hello", "--to", "1"],
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::Deploy | Self::Rollback => "success",
            Self::Abort => "aborted",
        }
    }
}

/// Carries it out to its end.
pub(super) fn roll(
    program: &Path,
    stage: &Stage,
    scratch: &Path,
    change: Change,
) -> Result<Rollout> {
    let health = HealthEvents::listen(&stage.project)?;
    let mut teal = program_at(program, scratch);
    teal.args(change.words()).args(["--json", "--file"]);
    let mut running = Running::start(teal.arg(&stage.file), Ends::BySignal)?;
    let mut events = Vec::new();
    let mut aborted = None;
    loop {
        let event: Value = serde_json::from_str(&running.line(EVENT_WITHIN)?)?;
        if change == Change::Abort && event["greenPercent"] == 50 {
            let id = running.id().to_string();
            aborted = Some(jiff::Timestamp::now());
            if !succeeds(command("kill").args(["-INT", &id])) {
                bail!("can't abort the rollout");
            }
        }
        let has_ended = event["type"] == "ended";
        if event["type"] == "warning" {
            say(&format!("Teal warns: {}", event["text"]));
        }
        events.push(event);
        if has_ended {
            break;
        }
    }
    if !running.ends_within(ENDS_WITHIN)? {
        bail!("`teal` goes on after the rollout has ended");
    }
    let ended = events.last().context("there are events")?;
    if ended["outcome"] != change.outcome() {
        bail!(
            "the rollout ended with {}: {}",
            ended["outcome"],
            ended["failure"]
        );
    }
    Rollout::read(&events, aborted, &health)
}
