//! Changes to a project's own files: shown first, then made, and undone on request.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Fix, Limits, ProjectSource, Verdict};

/// Which file a change goes into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Place {
    /// The override that plain `docker compose up` reads by itself, created where there is none.
    #[default]
    Override,
    /// The compose file that says it now, with a backup.
    InFile,
    /// An override of Teal's naming beside the last file (`dev.teal.yml` beside `dev.yml`), for projects
    /// whose files are named: Compose reads it where it is named after them.
    Beside,
}

/// One file, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FileChange {
    pub path: PathBuf,
    /// The text now; `None` if there is no such file yet.
    pub before: Option<String>,
    pub after: String,
    /// The difference in the unified format, three lines around each change.
    pub diff: String,
    /// Whether the file as it is now is kept beside it, as `NAME.TIME.bak`.
    pub backup: bool,
}

/// What somebody asks for to make a service ready for rollouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReadyRequest {
    pub source: ProjectSource,
    pub service: String,
    #[serde(default)]
    pub place: Place,
    /// Only these fixes; all that the verdicts name, where none is said.
    #[serde(default)]
    pub fixes: Option<Vec<Fix>>,
    /// Instead of the health check that Teal proposes.
    #[serde(default)]
    pub health: Option<HealthTest>,
    /// The image of the edge, instead of `traefik:v3.7`.
    #[serde(default)]
    pub edge_image: Option<String>,
}

/// What would be changed to make a service ready, and what is still in the way then. Making one
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ReadyPlan {
    /// Stands for exactly these changes: applying asks for it, so that what was reviewed is what
    /// is done.
    pub id: String,
    /// An image that is fetched before anything is written.
    #[serde(default)]
    pub pulls: Option<String>,
    pub project: String,
    pub service: String,
    /// The source with every file resolved.
    pub source: ProjectSource,
    /// Opens the project with the changes in it.
    pub source_after: ProjectSource,
    /// Empty where nothing is in the way that Teal can fix.
    pub fixes: Vec<FixChange>,
    pub files: Vec<FileChange>,
    /// The health check that is added, and what it said when it was tried.
    pub health: Option<HealthProposal>,
    /// What a person has to do before Teal can do more: some fixes are tried on a container that runs.
    #[serde(default)]
    pub first: Option<String>,
    /// What Compose warns of as it reads the files, in its own words, and what Teal leaves out of them.
    #[serde(default)]
    pub notices: Vec<String>,
    /// What is in the way once the changes are made, the worst first.
    pub verdicts_after: Vec<Verdict>,
}

/// One thing in the way, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FixChange {
    pub fix: Fix,
    /// What is in the way.
    pub reason: String,
    /// What is changed, in one sentence.
    pub change: String,
    /// What else a person should know of it.
    pub note: Option<String>,
}

/// How a container's health is found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "by", rename_all = "camelCase")]
#[ts(export)]
pub enum HealthTest {
    /// The engine runs a command in the container: Compose's `healthcheck.test`.
    #[serde(rename_all = "camelCase")]
    Command { test: Vec<String> },
    /// Teal asks from within the container's network, without anything from the image: a rollout
    /// goes on when `path` at `port` answers below 400, or without a path when `port` accepts
    /// connections.
    #[serde(rename_all = "camelCase")]
    Teal { port: u16, path: Option<String> },
}

/// A health check that was tried on a container that runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HealthProposal {
    pub test: HealthTest,
    /// Whether the container it was tried on is healthy by it. A check that is not can't be added.
    pub passed: bool,
    /// The last lines it printed.
    pub output: String,
    /// The name of that container.
    pub container: String,
}

/// What somebody asks for to keep a service's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeepRequest {
    pub source: ProjectSource,
    pub service: String,
    #[serde(default)]
    pub place: Place,
}

/// What would be written so that plain `docker compose up -d` leaves the limits of now in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeepPlan {
    /// Stands for exactly this change.
    pub id: String,
    pub project: String,
    pub service: String,
    /// The source with every file resolved.
    pub source: ProjectSource,
    /// Opens the project with the change in it.
    pub source_after: ProjectSource,
    /// The limits that the files say then: those in force, but for `live`.
    pub limits: Limits,
    /// The limits in force, where they were changed on the running containers: the files can't say
    /// them without Compose making new containers. They last until containers are made again.
    #[serde(default)]
    pub live: Option<Limits>,
    /// Empty where the files say so already.
    pub files: Vec<FileChange>,
    /// Whether `command` then leaves the containers as they are. False where something else in the
    /// files, or the image, has changed since they were made.
    pub settled: bool,
    /// What brings the project up, as its words.
    pub command: Vec<String>,
    /// What Compose warns of as it reads the files, in its own words, and what Teal leaves out of them.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// Why Teal changed a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ChangeKind {
    Ready,
    Keep,
}

/// Changes that were made for a service and can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AppliedChange {
    pub kind: ChangeKind,
    #[ts(type = "string")]
    pub at: Timestamp,
    pub files: Vec<PathBuf>,
    /// Copies of what was there before, for files of the user's own.
    pub backups: Vec<PathBuf>,
}

impl HealthTest {
    /// A check by Teal as its label has it: `http:8080/ready` or `tcp:8080`.
    pub fn label(&self) -> Option<String> {
        match self {
            Self::Command { .. } => None,
            Self::Teal {
                port,
                path: Some(path),
            } => Some(format!("http:{port}{path}")),
            Self::Teal { port, path: None } => Some(format!("tcp:{port}")),
        }
    }

    /// What a label says; `None` if it can't be read.
    pub fn from_label(label: &str) -> Option<Self> {
        let (kind, rest) = label.split_once(':')?;
        let (port, path) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(rest[at..].to_owned())),
            None => (rest, None),
        };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        match (kind, path) {
            ("tcp", None) => Some(Self::Teal { port, path: None }),
            ("http", path) => Some(Self::Teal {
                port,
                path: Some(path.unwrap_or_else(|| "/".to_owned())),
            }),
            _ => None,
        }
    }
}
