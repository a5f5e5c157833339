//! The Docker engine: how to reach it, and the labels by which Compose and Teal know their own.

mod containers;
mod exec;
mod missing;
mod outage;
mod usage;

use bollard::{Docker, errors::Error as BollardError};
use tokio::process::Command;

use crate::{Error, Result, Settings};

pub(crate) use containers::{
    Image, container_label, health_check, image, image_volumes, inspect, last_log, limits, list,
    list_projects, look_at, probe_output, remove, replica, replicas, start, stop,
};
pub(crate) use exec::{ExecEnd, exec};
pub(crate) use missing::Missing;
pub(crate) use outage::{Clocks, Heard, events, patiently, until_sent};
pub(crate) use usage::{usage_now, usage_of, usage_of_all};

/// The oldest API that Teal speaks: Docker 20.10's.
const OLDEST_API: (usize, usize) = (1, 41);

#[cfg(unix)]
const DEFAULT_ENDPOINT: &str = "unix:///var/run/docker.sock";
#[cfg(windows)]
const DEFAULT_ENDPOINT: &str = "npipe:////./pipe/docker_engine";

/// Compose's labels.
pub(crate) mod compose_label {
    pub(crate) const PROJECT: &str = "com.docker.compose.project";
    pub(crate) const SERVICE: &str = "com.docker.compose.service";
    pub(crate) const NUMBER: &str = "com.docker.compose.container-number";
    pub(crate) const ONE_OFF: &str = "com.docker.compose.oneoff";
    pub(crate) const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
    pub(crate) const WORKING_DIRECTORY: &str = "com.docker.compose.project.working_dir";
    pub(crate) const ENVIRONMENT_FILES: &str = "com.docker.compose.project.environment_file";
    pub(crate) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
    /// The id of the image a container was made from.
    pub(crate) const IMAGE: &str = "com.docker.compose.image";
}

/// Teal's labels.
pub(crate) mod teal_label {
    /// The rollout that created a container, on Green and on sidecars.
    pub(crate) const ROLLOUT: &str = "dev.teal.rollout";
    /// The project and the service that a record or a lock is about.
    pub(crate) const PROJECT: &str = "dev.teal.project";
    pub(crate) const SERVICE: &str = "dev.teal.service";
    /// What a helper of Teal's is there for, on sidecars and their image.
    pub(crate) const ROLE: &str = "dev.teal.role";
    /// Where the Teal that started a helper keeps its records and locks, on sidecars.
    pub(crate) const DATA: &str = "dev.teal.data";
}

/// A connection, with what the engine says of itself.
pub(crate) struct Connection {
    pub(crate) docker: Docker,
    /// The address, as `DOCKER_HOST` would name it.
    pub(crate) endpoint: String,
    /// The Docker context's name, where one is in use.
    pub(crate) context: Option<String>,
    pub(crate) info: bollard::models::SystemInfo,
}

/// Connects to the engine that Docker's own tools would use: `DOCKER_HOST`, else the current
/// context, else the default socket.
pub(crate) async fn connect(settings: &Settings) -> Result<Connection> {
    let (endpoint, context) = match &settings.docker_host {
        Some(host) => (host.clone(), None),
        None => find_endpoint().await,
    };
    let unreachable = |source: BollardError| match permission_denied(&source) {
        true => Error::EngineForbidden {
            endpoint: endpoint.clone(),
        },
        false => Error::NoEngine {
            endpoint: endpoint.clone(),
            source: Box::new(source),
        },
    };
    let docker = Docker::connect_with_host(&endpoint).map_err(unreachable)?;
    let docker = docker.negotiate_version().await.map_err(unreachable)?;
    let version = docker.client_version();
    if (version.major_version, version.minor_version) < OLDEST_API {
        return Err(Error::EngineTooOld {
            found: format!("{}.{}", version.major_version, version.minor_version),
            needed: format!("{}.{}", OLDEST_API.0, OLDEST_API.1),
        });
    }
    let info = docker.info().await.map_err(unreachable)?;
    Ok(Connection {
        docker,
        endpoint,
        context,
        info,
    })
}

async fn find_endpoint() -> (String, Option<String>) {
    let default = DEFAULT_ENDPOINT.to_owned();
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => (host, None),
        _ => context_endpoint()
            .await
            .map_or((default, None), |(host, name)| (host, Some(name))),
    }
}

/// The current Docker context's address and name. Asking the `docker` program leaves the layout of
/// Docker's configuration to Docker; without the program there are no contexts.
async fn context_endpoint() -> Option<(String, String)> {
    let output = Command::new("docker")
        .args(["context", "inspect", "--format"])
        .arg("{{.Name}}\t{{.Endpoints.docker.Host}}")
        .output()
        .await
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (name, host) = text.trim().split_once('\t')?;
    (!host.is_empty()).then(|| (host.to_owned(), name.to_owned()))
}

fn permission_denied(error: &BollardError) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::PermissionDenied
        {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Whether Compose can have a project or a service of this name.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Names the operation that failed.
pub(crate) fn failed(operation: impl Into<String>) -> impl FnOnce(BollardError) -> Error {
    let operation = operation.into();
    move |source| Error::Engine { operation, source }
}
