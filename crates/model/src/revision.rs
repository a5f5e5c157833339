//! Past rollouts.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Limits, Origin, ProjectSource};
use crate::event::{Failure, Outcome, Phase, Receipt};

/// The record of one rollout of a service. Immutable once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Revision {
    /// 1 is what the service ran with when Teal first saw it.
    pub revision: u32,
    /// The rollout's id; none for revision 1.
    pub rollout: Option<String>,
    #[serde(default)]
    pub kind: RevisionKind,
    /// The engine's id.
    pub engine: String,
    pub project: String,
    pub working_directory: PathBuf,
    pub service: String,
    pub source: ProjectSource,
    #[ts(type = "string")]
    pub started_at: Timestamp,
    #[ts(type = "string")]
    pub ended_at: Timestamp,
    pub origin: Option<Origin>,
    pub to_revision: Option<u32>,
    pub limits_before: Limits,
    pub limits_after: Limits,
    /// The limits that the compose files had then, without Teal's override.
    #[serde(default)]
    pub file_limits: Option<Limits>,
    pub image_before: Option<String>,
    pub image_after: Option<String>,
    pub phases: Vec<PhaseTiming>,
    /// None for revision 1, which nobody rolled out.
    pub outcome: Option<Outcome>,
    pub failure: Option<Failure>,
    pub receipt: Option<Receipt>,
}

/// How a service came to run with a revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum RevisionKind {
    /// In new containers.
    #[default]
    Rollout,
    /// On the running containers, by `docker update`.
    Live,
}

/// How long a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PhaseTiming {
    pub phase: Phase,
    #[ts(type = "number")]
    pub elapsed_ms: u64,
    pub done: bool,
}

impl Revision {
    /// The record of the state that this one was the first to change.
    #[must_use]
    pub fn found(&self, at: Timestamp) -> Self {
        Self {
            revision: self.revision - 1,
            rollout: None,
            kind: RevisionKind::Rollout,
            started_at: at,
            ended_at: at,
            origin: None,
            to_revision: None,
            limits_after: self.limits_before,
            image_after: self.image_before.clone(),
            phases: Vec::new(),
            outcome: None,
            failure: None,
            receipt: None,
            ..self.clone()
        }
    }

    /// Whether the service ran with this revision's limits when it ended.
    pub fn took_effect(&self) -> bool {
        matches!(self.outcome, None | Some(Outcome::Success))
    }
}
