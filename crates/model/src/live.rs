//! Limits changed on the running containers, without new ones.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{LimitsChange, Origin, ProjectSource, RolloutOptions, RolloutRequest};

/// Whether the limits of a plan could be changed on the running containers (`docker update`), and
/// whether that is the better way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LiveUpdate {
    pub possible: bool,
    /// Better than a rollout; never without `possible`.
    pub recommended: bool,
    /// Why, or why not, as a sentence.
    pub reason: String,
}

/// A live update as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LiveRequest {
    pub source: ProjectSource,
    pub service: String,
    pub change: LimitsChange,
    pub origin: Origin,
    /// Go on where a new container is recommended.
    #[serde(default)]
    pub force: bool,
}

impl LiveRequest {
    /// The rollout to the same limits.
    pub fn rollout(&self) -> RolloutRequest {
        RolloutRequest {
            source: self.source.clone(),
            service: self.service.clone(),
            change: self.change,
            limits_from_file: false,
            recreate: false,
            options: RolloutOptions {
                force: self.force,
                ..RolloutOptions::default()
            },
            origin: self.origin,
            to_revision: None,
        }
    }
}
