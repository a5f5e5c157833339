//! Rollouts that were cut off.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Limits, ProjectSource};
use crate::event::Phase;

/// A rollout whose process died, or that was left as it was. It can be taken back to Blue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Interrupted {
    /// The rollout's id.
    pub rollout: String,
    pub project: String,
    pub service: String,
    /// What recovers it, also where the project's files can't be read any more.
    pub source: ProjectSource,
    /// How far it had come; none where an older Teal did not note it.
    pub phase: Option<Phase>,
    pub limits_before: Limits,
    pub limits_after: Limits,
}
