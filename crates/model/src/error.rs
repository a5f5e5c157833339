//! What can go wrong before a rollout has begun, and what to do about it.
//!
//! A rollout that fails and is rolled back is an [`Outcome`](crate::event::Outcome), not an error.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Plan, Verdict, nearest};

/// The result of most of the engine's calls.
pub type Result<T> = std::result::Result<T, Error>;

/// Display is the operation that failed, without its source; whoever prints walks the chain.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no Docker engine answers at `{endpoint}`")]
    NoEngine {
        endpoint: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no permission to use the Docker engine at `{endpoint}`")]
    EngineForbidden { endpoint: String },
    /// Which engine is meant can't be told, and no other is taken instead.
    #[error("{asked} can't be used: {reason}")]
    DockerContext {
        /// What names the engine, and where it is said.
        asked: String,
        reason: String,
    },
    #[error("the Docker engine is too old: API {found}, needed is {needed}")]
    EngineTooOld { found: String, needed: String },
    #[error("Docker Compose was not found")]
    NoCompose,
    #[error("Docker Compose is too old: {found}, needed is {needed}")]
    ComposeTooOld { found: String, needed: String },
    #[error("no compose file in `{}`", directory.display())]
    NoComposeFile { directory: PathBuf },
    #[error("there is no file `{}`", path.display())]
    NoFile { path: PathBuf },
    /// Compose refused the files; its own words are shown.
    #[error("Compose can't read the project: {message}")]
    ProjectInvalid { message: String },
    /// The files include others that are not on this machine, and nobody has allowed to fetch them.
    #[error("the project includes files from elsewhere, and Teal fetches nothing by itself")]
    RemoteFiles {
        /// What allows it: a variable of Compose's.
        variable: String,
    },
    /// A compose file holds something that can't be edited without changing what people wrote.
    #[error("can't edit `{}`: {reason}", at(path, *line))]
    Override {
        path: PathBuf,
        /// The first line is 1.
        line: Option<usize>,
        reason: String,
        remedy: String,
    },
    /// Nothing that a change could go into, and how there would be.
    #[error("{reason}")]
    CannotChange { reason: String, remedy: String },
    /// Somebody changed a file that Teal was about to change or to put back.
    #[error("`{}` was changed by others meanwhile", path.display())]
    FileChanged {
        path: PathBuf,
        /// From what Teal knew to what it is, in the unified format.
        diff: String,
    },
    /// What was reviewed is no longer what would be done.
    #[error("the project has changed since these changes were shown")]
    PlanOutdated,
    /// The plan that was reviewed is no longer what would be done. Nothing has changed.
    #[error("the plan has changed since it was shown")]
    PlanChanged {
        /// What would be done now.
        plan: Box<Plan>,
    },
    #[error("Teal has changed no file for `{service}` that it could put back")]
    NothingToUndo { service: String },
    #[error("there is no service `{service}` in project `{project}`")]
    ServiceNotFound {
        project: String,
        service: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    /// Preparation refused the rollout. Nothing has changed.
    #[error("{}", refusal(verdicts, plan.as_deref()))]
    Refused {
        verdicts: Vec<Verdict>,
        plan: Option<Box<Plan>>,
    },
    #[error("another rollout of `{service}` runs: {holder}")]
    Busy { service: String, holder: String },
    /// An earlier rollout's process died, or it was left as it was.
    #[error("a rollout of `{service}` was interrupted and is not settled")]
    Interrupted { service: String, project: String },
    #[error("no rollout of `{service}` is unsettled")]
    NothingToRecover { service: String },
    #[error("Blue of `{service}` is not there any more: there is nothing to return to")]
    BlueIsGone { service: String, project: String },
    #[error("no revision {revision} of `{service}` to return to")]
    NoRevision { service: String, revision: String },
    /// A live update that failed. What was updated has been taken back but for what is `left`.
    #[error(
        "the limits of `{service}` were not changed: {reason}{}",
        left_with_new_limits(left)
    )]
    LiveUpdate {
        service: String,
        reason: String,
        /// Ids of containers that still have the new limits.
        left: Vec<String>,
    },
    #[error("the image `{image}` is not on the engine, and can't be pulled")]
    ImageMissing {
        image: String,
        #[source]
        source: bollard::errors::Error,
    },
    /// The image for Green was to be pulled or built first. Nothing has changed.
    #[error("Green's image can't be made ready: `{command}` failed: {message}")]
    NoImage { command: String, message: String },
    #[error("the Docker engine failed to {operation}")]
    Engine {
        operation: String,
        #[source]
        source: bollard::errors::Error,
    },
    #[error("could not {operation} `{}`", path.display())]
    File {
        operation: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("could not run `{command}`")]
    Command {
        command: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Unexpected(String),
}

fn at(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    }
}

fn left_with_new_limits(left: &[String]) -> String {
    match left {
        [] => String::new(),
        _ => format!(
            "; these containers have new limits all the same: {}",
            left.join(", ")
        ),
    }
}

fn refusal(verdicts: &[Verdict], plan: Option<&Plan>) -> String {
    let reasons: Vec<_> = verdicts
        .iter()
        .map(|verdict| verdict.reason.as_str())
        .collect();
    let refused = plan.map_or_else(
        || "refused".to_owned(),
        |plan| format!("`{}` can't be rolled out", plan.service),
    );
    format!("{refused}: {}", reasons.join("; "))
}

/// The causes of an error, from the nearest to the first, without those that repeat the one before
/// in the same words.
pub fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
        }
        said = text;
        source = cause.source();
    }
    causes
}

impl Error {
    /// A service that is not among those that are `known`.
    pub fn no_service(project: &str, service: &str, known: Vec<String>) -> Self {
        Self::ServiceNotFound {
            project: project.to_owned(),
            service: service.to_owned(),
            nearest: nearest(service, &known),
            known,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoEngine { .. } => {
                "start Docker (`systemctl start docker`, or Docker Desktop), or check `DOCKER_HOST`".into()
            }
            Self::EngineForbidden { .. } => {
                "add yourself to the `docker` group (`sudo usermod -aG docker $USER`) and log in again".into()
            }
            Self::DockerContext { .. } => {
                "see `docker context ls`; choose another with `docker context use` or `DOCKER_CONTEXT`".into()
            }
            Self::EngineTooOld { .. } => "update Docker to 20.10 or later".into(),
            Self::NoCompose => {
                "install the Compose plugin: https://docs.docker.com/compose/install/".into()
            }
            Self::ComposeTooOld { .. } => "update Docker Compose to 2.24.4 or later".into(),
            Self::NoComposeFile { .. } => {
                "name one with `-f`, or change to the folder of the project".into()
            }
            Self::NoFile { .. } => "check the path".into(),
            Self::Override { remedy, .. } | Self::CannotChange { remedy, .. } => remedy.clone(),
            Self::FileChanged { diff, .. } => format!("look at what was changed, and undo it or Teal's change by hand:\n{diff}"),
            Self::PlanOutdated => "look at the changes again".into(),
            Self::PlanChanged { plan } => {
                format!("review the new plan, `{}`, and start that one", plan.id)
            }
            Self::ServiceNotFound { nearest, known, .. } => match nearest {
                Some(name) => format!("did you mean `{name}`?"),
                None if known.is_empty() => "the project has no services".into(),
                None => format!(
                    "its services are: {}; one whose profile is off may need `--profile`",
                    known.join(", ")
                ),
            },
            Self::Refused { verdicts, .. } => verdicts
                .iter()
                .map(|verdict| verdict.remedy.as_str())
                .collect::<Vec<_>>()
                .join("; "),
            Self::Busy { .. } => "wait until it has ended, or abort it where it runs".into(),
            Self::Interrupted { service, project } => {
                format!(
                    "settle it first: `teal recover {service} -p {project}` with `--finish` or `--roll-back`"
                )
            }
            Self::BlueIsGone { service, project } => format!(
                "finish it with `teal recover {service} --finish -p {project}`; then `teal rollback {service} -p {project}` returns to the limits before"
            ),
            Self::NoRevision { .. } => "`teal history` lists the revisions".into(),
            Self::ImageMissing { .. } => {
                "check that the engine reaches the registry, or load the image with `docker load`".into()
            }
            Self::NoImage { .. } => {
                "nothing was changed; see what Compose says, and bring the image by hand (`docker compose pull` or `build`), then deploy again".into()
            }
            Self::RemoteFiles { variable } => {
                format!("if you trust what it names, allow Compose to fetch it: set `{variable}=true` and try again")
            }
            Self::LiveUpdate { service, left, .. } if !left.is_empty() => {
                format!("roll the service out to have all its containers alike: `teal deploy {service} --recreate`")
            }
            Self::LiveUpdate { service, .. } => format!("roll it out instead: `teal deploy {service}`"),
            Self::ProjectInvalid { .. }
            | Self::NothingToRecover { .. }
            | Self::NothingToUndo { .. }
            | Self::Engine { .. }
            | Self::File { .. }
            | Self::Command { .. }
            | Self::Unexpected(_) => return None,
        })
    }

    /// The exit code of the command line.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Busy { .. } => 6,
            Self::LiveUpdate { left, .. } if left.is_empty() => 2,
            Self::LiveUpdate { .. } => 3,
            Self::NoEngine { .. }
            | Self::EngineForbidden { .. }
            | Self::DockerContext { .. }
            | Self::EngineTooOld { .. }
            | Self::NoCompose
            | Self::ComposeTooOld { .. } => 7,
            _ => 1,
        }
    }

    /// A stable word for programs, such as the window, that act on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoEngine { .. } => "noEngine",
            Self::EngineForbidden { .. } => "engineForbidden",
            Self::DockerContext { .. } => "dockerContext",
            Self::EngineTooOld { .. } => "engineTooOld",
            Self::NoCompose => "noCompose",
            Self::ComposeTooOld { .. } => "composeTooOld",
            Self::NoComposeFile { .. } | Self::NoFile { .. } => "noFile",
            Self::ProjectInvalid { .. } => "projectInvalid",
            Self::RemoteFiles { .. } => "remoteFiles",
            Self::Override { .. } => "override",
            Self::CannotChange { .. } => "cannotChange",
            Self::FileChanged { .. } => "fileChanged",
            Self::PlanOutdated => "planOutdated",
            Self::PlanChanged { .. } => "planChanged",
            Self::NothingToUndo { .. } => "nothingToUndo",
            Self::ServiceNotFound { .. } => "serviceNotFound",
            Self::Refused { .. } => "refused",
            Self::Busy { .. } => "busy",
            Self::Interrupted { .. } => "interrupted",
            Self::NothingToRecover { .. } => "nothingToRecover",
            Self::BlueIsGone { .. } => "blueIsGone",
            Self::NoRevision { .. } => "noRevision",
            Self::LiveUpdate { .. } => "liveUpdate",
            Self::NoImage { .. } => "noImage",
            Self::ImageMissing { .. }
            | Self::Engine { .. }
            | Self::File { .. }
            | Self::Command { .. }
            | Self::Unexpected(_) => "unexpected",
        }
    }
}
