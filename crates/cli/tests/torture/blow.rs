//! The moment of a kill.

use std::{fmt, process::Stdio, time::Duration};

use serde_json::Value;
use teal_engine::event::Phase;
use teal_testkit::Project;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{sleep, timeout},
};

use crate::app::{App, CALL_S};

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

/// The engine is asked to stop Blue.
const STOPPING: Transition = ("step", "text", "Stopping Blue");

/// Rollouts take about so long.
const ROLLOUT_MS: u64 = 12_000;

/// Recoveries do.
const RECOVERY_MS: u64 = 4_000;

/// A kill after a transition comes before the next one, or a little later.
const SOON_MS: u64 = 1_500;

/// When Teal is killed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Blow {
    At(&'static Transition),
    After(Duration),
    SoonAfter(&'static Transition, Duration),
}

/// What a `teal` said until it was killed or ended of itself.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) is_struck: bool,
    /// The phase that it was in; what comes before Preparation says so is part of it.
    pub(crate) phase: Phase,
    pub(crate) lines: Vec<String>,
}

impl Blow {
    /// Any moment of a recovery.
    pub(crate) fn in_recovery(random: &mut fastrand::Rng) -> Self {
        Self::After(Duration::from_millis(random.u64(0..RECOVERY_MS)))
    }

    /// Any moment of a rollout: by the clock, which favours what takes long, or by transition, which
    /// favours what happens at once.
    pub(crate) fn in_rollout(random: &mut fastrand::Rng) -> Self {
        match random.choice(TRANSITIONS) {
            Some(transition) if random.bool() => {
                Self::SoonAfter(transition, Duration::from_millis(random.u64(0..SOON_MS)))
            }
            _ => Self::After(Duration::from_millis(random.u64(0..ROLLOUT_MS))),
        }
    }

    /// While Blue is being stopped: of an app that takes its time.
    pub(crate) fn in_stop(random: &mut fastrand::Rng) -> Self {
        Self::SoonAfter(&STOPPING, Duration::from_millis(random.u64(0..SOON_MS)))
    }

    /// For a Teal that had ended before this came.
    pub(crate) fn sooner(self) -> Self {
        match self {
            Self::At(_) => self,
            Self::After(moment) => Self::After(moment / 2),
            Self::SoonAfter(transition, moment) => Self::SoonAfter(transition, moment / 2),
        }
    }

    /// Runs a `teal` that prints JSON, and kills it.
    pub(crate) async fn strike(self, mut teal: Command) -> Said {
        let mut child = teal.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Said {
            is_struck: false,
            phase: Phase::Preparation,
            lines: Vec::new(),
        };
        let (transition, then) = match self {
            Self::At(transition) => (Some(transition), Duration::ZERO),
            Self::After(moment) => (None, moment),
            Self::SoonAfter(transition, moment) => (Some(transition), moment),
        };
        let read = async {
            if let Some(transition) = transition {
                loop {
                    let Some(line) = lines.next_line().await.unwrap() else {
                        return false;
                    };
                    if is_at(&said.hear(line), transition) {
                        break;
                    }
                }
            }
            if then.is_zero() {
                return true;
            }
            let rest = async {
                while let Some(line) = lines.next_line().await.unwrap() {
                    said.hear(line);
                }
            };
            tokio::select! {
                () = sleep(then) => true,
                () = rest => false,
            }
        };
        let is_struck = timeout(Duration::from_secs(240), read).await.unwrap();
        child.kill().await.unwrap();
        said.is_struck = is_struck;
        said
    }
}

impl Said {
    fn hear(&mut self, line: String) -> Value {
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["type"] == "phaseStarted" {
            self.phase = serde_json::from_value(event["phase"].clone()).unwrap();
        }
        self.lines.push(line);
        event
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
            Self::SoonAfter((kind, _, value), moment) => {
                write!(f, "{} ms after {kind} {value}", moment.as_millis())
            }
        }
    }
}

/// The program on a project, with its data in the project's own folder.
pub(crate) fn teal(project: &Project, app: App, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teal"));
    if app == App::SlowerThanCalls {
        command.env("DOCKER_CLIENT_TIMEOUT", CALL_S);
    }
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
