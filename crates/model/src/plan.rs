//! What a rollout is asked to do, and what it would do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{
    Attachment, Handover, Limits, LimitsChange, LiveUpdate, ProjectSource, Replica, RolloutOptions,
    Route, Verdict,
};

/// A rollout as somebody asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RolloutRequest {
    pub source: ProjectSource,
    pub service: String,
    /// The limits that change; none at all for what the files say now.
    pub change: LimitsChange,
    /// Where no limit is given: the compose files' limits, also where Teal's override has others.
    #[serde(default)]
    pub limits_from_file: bool,
    /// Roll out although nothing would change.
    #[serde(default)]
    pub recreate: bool,
    #[serde(default)]
    pub options: RolloutOptions,
    pub origin: Origin,
    /// The revision whose limits this returns to, for a `rollback`.
    #[serde(default)]
    pub to_revision: Option<u32>,
}

/// Who asked for a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Origin {
    Window,
    Terminal,
}

/// What a rollout would do: everything a person needs to agree to it. Making one changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Plan {
    /// Stands for exactly what this plan would do, on this engine: starting a rollout may ask for it,
    /// so that what was reviewed is what is done. Another plan has another one.
    #[serde(default)]
    pub id: String,
    pub project: String,
    pub service: String,
    /// The source with every file resolved.
    pub source: ProjectSource,
    pub working_directory: PathBuf,
    /// The number this rollout gets in the service's history.
    pub revision: u32,
    /// The revision that runs now.
    pub revision_before: Option<u32>,
    /// The revision whose limits this returns to.
    pub to_revision: Option<u32>,
    pub limits_before: Limits,
    pub limits_after: Limits,
    /// The limits in the compose files, without Teal's override.
    #[serde(default)]
    pub file_limits: Limits,
    /// Where the limits come from, where nobody has named them: a sentence.
    #[serde(default)]
    pub limits_reason: Option<String>,
    /// Whether `docker update` would do as well.
    #[serde(default)]
    pub live_update: LiveUpdate,
    /// Blue: the containers that run now.
    pub blue: Vec<Replica>,
    /// How many containers Green gets; nothing in records of a Teal that made as many as Blue had.
    #[serde(default)]
    pub replicas: u32,
    /// The id of the image that Green is to run; `None` if it is yet to be pulled or built, by the
    /// first of the commands.
    #[serde(default)]
    pub image: Option<String>,
    /// Blue's places in networks, to which the way back returns it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    pub override_file: PathBuf,
    /// The override's text now; `None` if there is no such file yet.
    pub override_before: Option<String>,
    pub override_after: String,
    /// A file with what an earlier revision ran with, which Compose reads besides the project's
    /// own; `None` if the files still say the same.
    #[serde(default)]
    pub restored_from: Option<PathBuf>,
    /// The commands that are run, each as its words.
    pub commands: Vec<Vec<String>>,
    /// What else Green gets because the files or the image changed since Blue was created.
    pub differences: Vec<Difference>,
    pub traffic: TrafficPlan,
    /// Ports that Teal's edge takes over with this rollout: the one time that requests meet a gap.
    #[serde(default)]
    pub handover: Option<Handover>,
    /// What this rollout can't promise, and why: one sentence each.
    #[serde(default)]
    pub unpromised: Vec<String>,
    /// Services of the project that reach this one by its name, and so past Traefik.
    #[serde(default)]
    pub bypass: Vec<String>,
    /// Blue's volumes without a name that stay on the engine when Blue goes.
    #[serde(default)]
    pub kept_volumes: Vec<UnnamedVolume>,
    /// What Compose warns of as it reads the files, in its own words, and what Teal leaves out of them.
    #[serde(default)]
    pub notices: Vec<String>,
    /// The worst first.
    pub verdicts: Vec<Verdict>,
    pub options: RolloutOptions,
}

/// A volume that nobody gave a name: it belongs to one container, and the next one gets another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UnnamedVolume {
    /// What the engine calls it.
    pub id: String,
    /// Where the container has it.
    pub target: String,
}

/// One thing besides the limits that Green will have different from Blue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Difference {
    /// `image`, `environment`, `labels`, `command` …; `other` where `after` is a sentence of its own.
    pub what: String,
    /// Empty where `after` says in words what has changed.
    pub before: String,
    pub after: String,
}

/// How the traffic of a service is moved, and what can be promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "mode", rename_all = "camelCase")]
#[ts(export)]
pub enum TrafficPlan {
    /// Teal steers each share through Traefik; no request fails.
    #[serde(rename_all = "camelCase")]
    Steered { traefik: String, routes: Vec<Route> },
    /// Nothing steers: no Traefik leads to the service, or it can't be reached.
    Unsteered { reason: String },
}

impl Plan {
    /// Whether Teal decides where requests go.
    pub const fn is_steered(&self) -> bool {
        matches!(self.traffic, TrafficPlan::Steered { .. })
    }

    /// How many containers Green is to have.
    pub fn green_size(&self) -> usize {
        match usize::try_from(self.replicas) {
            Ok(0) | Err(_) => self.blue.len(),
            Ok(replicas) => replicas,
        }
    }

    /// The verdicts that stop this plan, given its options.
    pub fn refusals(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| match verdict.level {
            super::Level::Refused => true,
            super::Level::NeedsForce => !self.options.force,
            super::Level::Warning => false,
        })
    }
}
