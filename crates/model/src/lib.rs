//! What the engine says about projects, services, plans and revisions: plain data, shared by the
//! window, the terminal, `--json` and history. The TypeScript types are made from these.

mod drift;
pub mod error;
pub mod event;
mod files;
mod handover;
mod interrupted;
mod limits;
mod live;
mod options;
mod plan;
mod project;
mod readiness;
mod receipt;
mod revision;
#[cfg(test)]
mod shared;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;

pub use drift::{Drift, NextUp};
pub use error::{Error, Result};
pub use files::{
    AppliedChange, ChangeKind, FileChange, FixChange, HealthProposal, HealthTest, KeepPlan,
    KeepRequest, Place, ReadyPlan, ReadyRequest,
};
pub use handover::{Attachment, GivenBack, Handover, HandoverPort};
pub use interrupted::{Interrupted, Recovery};
pub use limits::{Cpus, LimitError, Limits, LimitsChange, Memory};
pub use live::{LiveRequest, LiveUpdate};
pub use options::{ProbeOptions, RolloutOptions};
pub use plan::{Difference, Origin, Plan, RolloutRequest, TrafficPlan, UnnamedVolume};
pub use project::{
    ContainerState, EngineInfo, Health, HealthCheck, KeyFamily, Project, ProjectSource,
    ProjectSummary, Replica, Route, Service, TraefikInfo, Volume,
};
pub use readiness::{Fix, HostPort, Level, Readiness, Verdict, VerdictCode};
pub use revision::{PhaseTiming, Revision, RevisionKind};
pub use text::{list, nearest};

/// The override that a rollout writes beside the compose file: the specification's name.
pub const OVERRIDE_FILE: &str = "docker-compose.blue-green.yml";
