//! Projects and services as they are: in the files and on the engine.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AppliedChange, Drift, Limits, Memory, Readiness, Verdict, VerdictCode};

/// The Docker engine and the Compose that Teal talks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EngineInfo {
    /// The engine's own id, the same for every client.
    pub id: String,
    /// The engine's host name, or the Docker context's name where one is in use.
    pub name: String,
    pub version: String,
    pub api_version: String,
    pub compose_version: String,
    pub cpus: u32,
    pub memory: Memory,
    /// Why it can't hold a container to a CPU limit; `None` if it can.
    #[serde(default)]
    pub no_cpu_limits: Option<String>,
    /// Why it can't hold a container to a memory limit; `None` if it can.
    #[serde(default)]
    pub no_memory_limits: Option<String>,
}

/// How a project is opened: the options of `docker compose` that choose its files.
///
/// An empty source means "as Compose finds it in the working directory".
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ProjectSource {
    /// `-f`: compose files, or one folder to look in.
    pub files: Vec<PathBuf>,
    /// `--env-file`
    pub env_files: Vec<PathBuf>,
    /// `--profile`
    pub profiles: Vec<String>,
    /// `-p`
    pub project_name: Option<String>,
    /// `--project-directory`
    pub project_directory: Option<PathBuf>,
}

/// A project found on the engine by Compose's labels, running or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ProjectSummary {
    pub name: String,
    /// Opens this project again.
    pub source: ProjectSource,
    pub working_directory: PathBuf,
    /// Containers that run, of all its containers.
    pub running: u32,
    pub total: u32,
    /// Jobs that have ended well and that nothing starts again, of all its containers.
    #[serde(default)]
    pub completed: u32,
    /// Whether a running container is unhealthy.
    pub unhealthy: bool,
    /// False where a compose file of it is gone from the disk.
    pub files_exist: bool,
}

/// A project as its compose files describe it, with what the engine runs of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Project {
    pub name: String,
    /// The source with every file resolved to its absolute path.
    pub source: ProjectSource,
    pub working_directory: PathBuf,
    pub services: Vec<Service>,
    /// The Traefik that routes to this project, if one was found.
    pub traefik: Option<TraefikInfo>,
    /// `docker-compose.blue-green.yml`, where there is one beside the compose file.
    pub override_file: Option<PathBuf>,
    /// What Compose warns of as it reads the files, in its own words, and what Teal leaves out of them.
    #[serde(default)]
    pub notices: Vec<String>,
}

/// One service: what the files say and what runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Service {
    /// Whether it is Teal's own edge, which is neither made ready nor rolled out.
    #[serde(default)]
    pub edge: bool,
    pub name: String,
    /// The profiles of which one has to be on for Compose to start it with the project; empty where
    /// Compose does so anyway.
    #[serde(default)]
    pub off_profiles: Vec<String>,
    /// The image's name, or none for a service that is only built.
    pub image: Option<String>,
    /// The most telling state of its containers; none without a container.
    pub state: Option<ContainerState>,
    /// The worst health of its running containers.
    pub health: Health,
    /// The number the files ask for.
    pub desired_replicas: u32,
    /// Its containers, by number. While a rollout runs, Blue's and Green's.
    pub replicas: Vec<Replica>,
    /// Limits in the compose files, without Teal's override.
    pub file_limits: Limits,
    /// Limits with Teal's override, as the next rollout would start from.
    pub limits: Limits,
    /// Reservations: a limit may not go below these.
    pub reservations: Limits,
    pub key_family: KeyFamily,
    pub health_check: Option<HealthCheck>,
    /// Fixed and random host ports, as Compose prints them: `8080:80/tcp`.
    pub ports: Vec<String>,
    pub volumes: Vec<Volume>,
    pub routes: Vec<Route>,
    /// Other services of the project that name this one (`depends_on`, `links`).
    pub callers: Vec<String>,
    /// What all verdicts come to.
    pub readiness: Readiness,
    /// What stands in the way of a rollout, the worst first; empty means ready.
    pub verdicts: Vec<Verdict>,
    /// Revision that runs now, where Teal knows it.
    pub revision: Option<u32>,
    /// How its containers and its files have come apart; `None` if they agree, or where there is
    /// no container.
    pub drift: Option<Drift>,
    /// What Teal changed in the project's files for it and can undo, the newest first.
    pub applied: Vec<AppliedChange>,
}

/// One container of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Replica {
    /// The container's full id.
    pub id: String,
    pub name: String,
    /// Compose's number for it.
    pub number: u32,
    pub state: ContainerState,
    /// How its last run ended; none for one that runs, or never did.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub exit_code: Option<i64>,
    pub health: Health,
    /// The limits in force, from the engine.
    pub limits: Limits,
    #[ts(type = "string | null")]
    pub started_at: Option<Timestamp>,
    pub image_id: String,
    /// The rollout that created it, where Teal did.
    pub rollout: Option<String>,
}

impl Service {
    /// What its verdicts come to besides that nothing of it was started; `None` if it has a
    /// container.
    pub fn readiness_once_started(&self) -> Option<Readiness> {
        let others = self.verdicts.iter();
        let others = others.filter(|verdict| verdict.code != VerdictCode::NotRunning);
        let each = others.map(|verdict| verdict.readiness);
        (self.replicas.is_empty() && !self.edge).then(|| each.max().unwrap_or_default())
    }
}

impl Replica {
    /// Whether Traefik gives it requests: it leaves out what is not healthy, or not yet.
    pub fn gets_requests(&self) -> bool {
        self.state == ContainerState::Running
            && matches!(self.health, Health::None | Health::Healthy)
    }
}

/// A container's state, in Docker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum ContainerState {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

/// A container's health, in Docker's words; `none` means that there is no health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Health {
    None,
    Healthy,
    Starting,
    Unhealthy,
}

/// The keys that a service's limits are written in: mixing the two is an error in Compose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum KeyFamily {
    /// `deploy.resources.limits`: also for a service that has no limits yet.
    #[default]
    Deploy,
    /// `cpus` and `mem_limit`.
    Service,
}

/// A health check as it is in force: the file's, else the image's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HealthCheck {
    pub test: Vec<String>,
    #[ts(type = "number")]
    pub interval_ms: u64,
    #[ts(type = "number")]
    pub timeout_ms: u64,
    #[ts(type = "number")]
    pub start_period_ms: u64,
    /// The time between two probes during the start period, where file or image say it: engines from
    /// API 1.44 on know it.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub start_interval_ms: Option<u64>,
    pub retries: u32,
}

/// A volume or bind mount of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Volume {
    /// `volume`, `bind`, `tmpfs` …
    pub kind: String,
    pub source: Option<String>,
    pub target: String,
    pub read_only: bool,
}

/// A way from Traefik's entry point to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Route {
    /// The router's name, without Traefik's `@docker`.
    pub router: String,
    pub rule: String,
    pub entry_points: Vec<String>,
    pub tls: bool,
    /// Where a person can reach it from here, such as `http://localhost:8000/`.
    pub url: Option<String>,
}

/// The Traefik in front of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TraefikInfo {
    pub container: String,
    pub version: Option<String>,
    /// Published addresses of its entry points: `localhost:8000`.
    pub addresses: Vec<String>,
    /// Whether its API answers here.
    pub api: bool,
}
