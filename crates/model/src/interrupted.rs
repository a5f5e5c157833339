//! Rollouts that ended before they were done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Limits, ProjectSource};
use crate::event::Phase;

/// A rollout whose process ended before it did, or that was left as it was. The service answers:
/// what is missing is a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Interrupted {
    /// The rollout's id.
    pub rollout: String,
    pub project: String,
    pub service: String,
    pub source: ProjectSource,
    #[ts(type = "string")]
    pub started_at: Timestamp,
    /// The phase it was in, as its containers show.
    pub phase: Phase,
    /// The share of new requests that Green gets; `None` if Teal does not steer them.
    pub green_percent: Option<u8>,
    pub limits_before: Limits,
    pub limits_after: Limits,
    /// Whether all of Blue is still there, running or stopped.
    pub can_roll_back: bool,
}

/// How an interrupted rollout is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Recovery {
    /// Go on from the phase it was in, to Green.
    Finish,
    /// Return to Blue.
    RollBack,
}
