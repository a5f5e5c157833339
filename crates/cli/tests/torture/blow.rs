//! The moment of a kill.

use std::{fmt, process::Stdio, time::Duration};

use serde_json::Value;
use teal_testkit::Project;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{sleep, timeout},
};

/// A moment that the events tell: their type, and the phase or the share that goes with it.
pub(crate) type Transition = (&'static str, &'static str, &'static str);

/// Every transition of a rollout that succeeds, in their order.
pub(crate) const TRANSITIONS: &[Transition] = &[
    ("started", "service", "hello"),
    ("phaseStarted", "phase", "deployGreen"),
    ("split", "greenPercent", "0"),
    ("phaseDone", "phase", "deployGreen"),
    ("phaseStarted", "phase", "healthCheck"),
    ("phaseDone", "phase", "healthCheck"),
    ("phaseStarted", "phase", "verifyTraffic"),
    ("split", "greenPercent", "50"),
    ("phaseDone", "phase", "verifyTraffic"),
    ("phaseStarted", "phase", "removeBlue"),
    ("split", "greenPercent", "100"),
    ("phaseDone", "phase", "removeBlue"),
    ("phaseStarted", "phase", "verification"),
    ("phaseDone", "phase", "verification"),
];

/// Rollouts and recoveries take about so long.
const LONGEST_MS: u64 = 12_000;

/// When Teal is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    At(&'static Transition),
    After(Duration),
}

impl Blow {
    pub(crate) fn after_random(random: &mut fastrand::Rng) -> Self {
        Self::After(Duration::from_millis(random.u64(0..LONGEST_MS)))
    }

    /// Runs a `teal` that prints JSON, kills it, and says what it told before; none where it ended
    /// of itself before the blow came.
    pub(crate) async fn strike(self, mut teal: Command) -> Option<Value> {
        let mut child = teal.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = Value::Null;
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                last = serde_json::from_str(&line).unwrap();
                if matches!(self, Self::At(transition) if is_at(&last, transition)) {
                    return true;
                }
            }
            false
        };
        let is_struck = match self {
            Self::At(_) => timeout(Duration::from_secs(180), read).await.unwrap(),
            Self::After(moment) => {
                tokio::select! {
                    ended = read => ended,
                    () = sleep(moment) => true,
                }
            }
        };
        child.kill().await.unwrap();
        is_struck.then_some(last)
    }
}

fn is_at(event: &Value, (kind, key, value): &Transition) -> bool {
    let found = match &event[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    event["type"] == *kind && found == *value
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At((kind, _, value)) => write!(f, "at {kind} {value}"),
            Self::After(moment) => write!(f, "after {} ms", moment.as_millis()),
        }
    }
}

/// The program on a project, with its data in the project's own folder.
pub(crate) fn teal(project: &Project, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teal"));
    command
        .args(words.split_whitespace())
        .arg("--file")
        .arg(project.compose_file())
        .env("XDG_DATA_HOME", project.data_directory())
        .env("XDG_STATE_HOME", project.data_directory())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
