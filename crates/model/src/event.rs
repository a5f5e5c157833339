//! What happens in a rollout, as it happens. One enum, serialised once: the window, the terminal,
//! `--json` and history read the same.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use crate::receipt::{Carried, Figures, Flow, HandoverGap, Receipt};
use crate::{Health, Plan, Replica};

/// The six phases of the specification, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Phase {
    Preparation,
    DeployGreen,
    HealthCheck,
    VerifyTraffic,
    RemoveBlue,
    Verification,
}

impl Phase {
    pub const ALL: [Self; 6] = [
        Self::Preparation,
        Self::DeployGreen,
        Self::HealthCheck,
        Self::VerifyTraffic,
        Self::RemoveBlue,
        Self::Verification,
    ];

    /// The name that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Preparation => "Preparation",
            Self::DeployGreen => "Deploy Green",
            Self::HealthCheck => "Health Check",
            Self::VerifyTraffic => "Verify Traffic",
            Self::RemoveBlue => "Remove Blue",
            Self::Verification => "Verification",
        }
    }
}

/// Which set a container belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Color {
    Blue,
    Green,
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blue => "Blue",
            Self::Green => "Green",
        })
    }
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Outcome {
    /// Green has replaced Blue: SUCCESS.
    Success,
    /// Refused in Preparation; nothing changed.
    Refused,
    /// A phase failed and Blue serves as before: RESTORED.
    RolledBack,
    /// A phase failed and not all was put back: FAIL.
    NotRolledBack,
    /// Green did not become healthy in time; Blue serves as before: RESTORED.
    HealthTimeout,
    /// Somebody aborted it; Blue serves as before: RESTORED.
    Aborted,
}

impl Outcome {
    /// The exit code of the command line.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Refused => 1,
            Self::RolledBack => 2,
            Self::NotRolledBack => 3,
            Self::HealthTimeout => 4,
            Self::Aborted => 5,
        }
    }

    /// The state that the service is left in, in the specification's word.
    pub const fn state(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Refused => "REFUSED",
            Self::RolledBack | Self::HealthTimeout | Self::Aborted => "RESTORED",
            Self::NotRolledBack => "FAIL",
        }
    }

    /// What has become of the service, as the sentence after its [state](Self::state).
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "Green has replaced Blue",
            Self::Refused => "nothing was changed",
            Self::RolledBack => "a phase failed; Blue serves as before",
            Self::NotRolledBack => "a phase failed and not everything was put back",
            Self::HealthTimeout => "Green did not become healthy in time; Blue serves as before",
            Self::Aborted => "aborted; Blue serves as before",
        }
    }
}

/// One event of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Event {
    /// The rollout's id.
    pub rollout: String,
    #[ts(type = "string")]
    pub at: Timestamp,
    /// Since the rollout started, on a clock that never jumps.
    #[ts(type = "number")]
    pub elapsed_ms: u64,
    #[serde(flatten)]
    #[ts(flatten)]
    pub kind: EventKind,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum EventKind {
    /// The first event. Preparation runs; there is no plan yet.
    Started {
        project: String,
        service: String,
    },
    /// The plan that is carried out, or refused.
    Planned {
        plan: Box<Plan>,
    },
    PhaseStarted {
        phase: Phase,
        /// When the phase gives up, counted from its start.
        #[ts(type = "number | null")]
        deadline_ms: Option<u64>,
    },
    /// What happens now, in a sentence.
    Step {
        phase: Phase,
        text: String,
    },
    /// `tookMs` on the wire: the event's own `elapsedMs` lies beside it.
    PhaseDone {
        phase: Phase,
        #[serde(rename = "tookMs")]
        #[ts(type = "number")]
        elapsed_ms: u64,
    },
    PhaseFailed {
        phase: Phase,
        #[serde(rename = "tookMs")]
        #[ts(type = "number")]
        elapsed_ms: u64,
        failure: Failure,
    },
    /// The containers of a set, when they are created and when their state changes.
    Containers {
        color: Color,
        replicas: Vec<Replica>,
    },
    /// One look at the health of one container of Green.
    HealthPoll {
        container: String,
        health: Health,
        /// Since the container started.
        #[ts(type = "number")]
        since_start_ms: u64,
        /// What the last health probe printed, shortened.
        output: Option<String>,
    },
    /// The share of new requests that each set gets from now on.
    Split {
        green_percent: u8,
    },
    /// Answers counted in Verify Traffic.
    Answers {
        blue: u32,
        green: u32,
        failed: u32,
        wanted: u32,
    },
    /// Requests in flight on Blue while it drains; `None` if they can't be counted.
    Drain {
        in_flight: Option<u32>,
        #[serde(rename = "tookMs")]
        #[ts(type = "number")]
        elapsed_ms: u64,
    },
    /// Who keeps a set from being stopped, whenever that changes: they call it and do not know the
    /// other.
    Callers {
        color: Color,
        callers: Vec<Caller>,
    },
    /// What goes through each set now, about once a second; none of a set that nothing counts.
    Flow {
        blue: Option<Flow>,
        green: Option<Flow>,
    },
    /// The receipt so far.
    Probe {
        receipt: Receipt,
    },
    Warning {
        text: String,
    },
    /// A failure or an abort is being undone; Blue keeps serving.
    RollingBack {
        reason: String,
    },
    /// The last event.
    Ended {
        outcome: Outcome,
        failure: Option<Failure>,
        receipt: Option<Receipt>,
        /// What is left running and the command that cleans it up, for a rollout that was not
        /// rolled back.
        left_behind: Vec<String>,
    },
}

impl EventKind {
    /// Whether it tells how something stands, and nothing any more once the next one is there.
    pub const fn passes(&self) -> bool {
        matches!(
            self,
            Self::HealthPoll { .. }
                | Self::Answers { .. }
                | Self::Drain { .. }
                | Self::Flow { .. }
                | Self::Probe { .. }
        )
    }
}

/// Somebody who calls a set past everything that steers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Caller {
    /// `None` if the addresses are no container's: the host, or somebody beyond it.
    pub container: Option<String>,
    pub project: Option<String>,
    pub service: Option<String>,
    pub addresses: Vec<String>,
    /// What it runs, where that is known: `nginx`, `HAProxy`, `httpd`, `Caddy`, `Traefik`.
    pub program: Option<String>,
    /// Whether that looks names up at its start only, as long as it is not told otherwise.
    pub resolves_once: bool,
    /// The command that has it look names up again.
    pub reload: Option<String>,
    /// Whether it has called neither set meanwhile: that it knows this one alone follows from its
    /// settings.
    #[serde(default)]
    pub is_silent: bool,
}

/// Why a rollout failed, with what a person needs to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Failure {
    pub code: FailureCode,
    /// What failed, in one sentence.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The container it is about.
    pub container: Option<String>,
    #[ts(type = "number | null")]
    pub exit_code: Option<i64>,
    pub out_of_memory: bool,
    /// What the last health probe printed.
    pub probe_output: Option<String>,
    /// The container's last log lines, the newest last.
    pub log: Vec<String>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum FailureCode {
    Refused,
    ScaleUp,
    HealthTimeout,
    Unhealthy,
    Exited,
    OutOfMemory,
    Traffic,
    /// Somebody would go on calling Blue when it is gone.
    StillCalled,
    ScaleDown,
    Verification,
    Rollback,
    Aborted,
    /// The process that carried it out ended before the rollout did.
    Interrupted,
    Engine,
}
