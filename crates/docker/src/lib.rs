//! The Docker engine: how to reach it, and the labels by which Compose and Teal know their own.

mod archive;
mod containers;
mod dial;
mod endpoint;
mod exec;
mod helper;
mod host;
mod image_name;
mod missing;
mod no_limits;
mod outage;
mod ports;
mod projects;
mod pull;
mod stop;
mod usage;
mod volumes;

use std::time::Duration;

use bollard::{Docker, errors::Error as BollardError};
use tokio::process::Command;

use teal_model::{Error, Result};

pub use archive::{Archive, archive};
pub use containers::{
    Image, container_label, health_check_of_image, image, image_named, inspect, last_log, limits,
    list, look_at, probe_output, remove, remove_but_volumes, replica, replicas, short, start,
};
pub use endpoint::{Endpoint, Environment, Variable, apply};
pub use exec::{ExecEnd, exec};
pub use helper::sidecar_architectures;
pub use helper::{SIDECAR, confined, ensure_image, remove_image, runs_on, tarball};
pub use host::EngineHost;
pub use image_name::{ImageName, is_image_name};
pub use missing::{Missing, is_status};
pub use no_limits::NoLimits;
pub use outage::{Clocks, Heard, events, patiently, until_sent};
pub use ports::published;
pub use projects::list_projects;
pub use pull::pull;
pub use stop::{grace_period, is_endless, stop, stop_in_time, stop_within, to_its_end};
pub use usage::{UsageNow, usage_now, usage_of, usage_of_all};
pub use volumes::{image_volumes, remove_volume, unnamed_volumes};

/// The oldest API that Teal speaks: Docker 20.10's.
const OLDEST_API: (usize, usize) = (1, 41);

/// Compose's labels.
pub mod compose_label {
    pub const PROJECT: &str = "com.docker.compose.project";
    pub const SERVICE: &str = "com.docker.compose.service";
    pub const NUMBER: &str = "com.docker.compose.container-number";
    pub const ONE_OFF: &str = "com.docker.compose.oneoff";
    pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
    pub const WORKING_DIRECTORY: &str = "com.docker.compose.project.working_dir";
    pub const ENVIRONMENT_FILES: &str = "com.docker.compose.project.environment_file";
    pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
    /// The id of the image a container was made from.
    pub const IMAGE: &str = "com.docker.compose.image";
}

/// Teal's labels.
pub mod teal_label {
    /// The rollout that created a container, on Green and on sidecars.
    pub const ROLLOUT: &str = "dev.teal.rollout";
    /// The project and the service that a record or a lock is about.
    pub const PROJECT: &str = "dev.teal.project";
    pub const SERVICE: &str = "dev.teal.service";
    /// What a helper of Teal's is there for, on sidecars and their image.
    pub const ROLE: &str = "dev.teal.role";
    /// Where the Teal that started a helper keeps its records and locks, on sidecars.
    pub const DATA: &str = "dev.teal.data";
    /// How Teal itself asks whether a container is healthy: `http:8080/ready`, or `tcp:8080`.
    pub const HEALTH: &str = "dev.teal.health";

    /// The role of the edge.
    pub const EDGE: &str = "edge";
}

/// A connection, with what the engine says of itself.
pub struct Connection {
    pub docker: Docker,
    pub endpoint: Endpoint,
    /// Where its published ports are.
    pub host: EngineHost,
    pub info: bollard::models::SystemInfo,
    pub no_limits: NoLimits,
}

/// Connects to the engine that Docker's own tools would use.
///
/// # Errors
/// [`Error::DockerContext`] where it can't be told which one that is, and everything that keeps it
/// from answering.
pub async fn connect(
    docker_host: Option<&str>,
    request_timeout: Option<Duration>,
) -> Result<Connection> {
    let endpoint = Endpoint::find(docker_host).await?;
    let timeout = request_timeout.or(client_timeout()?);
    match reach(&endpoint, timeout).await {
        Ok((docker, info)) => {
            let version = docker.client_version();
            if (version.major_version, version.minor_version) < OLDEST_API {
                return Err(Error::EngineTooOld {
                    found: format!("{}.{}", version.major_version, version.minor_version),
                    needed: format!("{}.{}", OLDEST_API.0, OLDEST_API.1),
                });
            }
            Ok(Connection {
                host: EngineHost::of(&endpoint.address).await,
                docker,
                endpoint,
                no_limits: NoLimits::of(&info),
                info,
            })
        }
        Err(source) if permission_denied(&source) => Err(Error::EngineForbidden {
            endpoint: endpoint.address,
        }),
        Err(source) => Err(Error::NoEngine {
            source: match endpoint.is_dialled() {
                true => dialling_failed(&endpoint, source).await.into(),
                false => Box::new(source),
            },
            endpoint: endpoint.address,
        }),
    }
}

async fn reach(
    endpoint: &Endpoint,
    timeout: Option<Duration>,
) -> std::result::Result<(Docker, bollard::models::SystemInfo), BollardError> {
    let docker = match endpoint.is_dialled() {
        true => dial::connect(endpoint.environment())?,
        false => Docker::connect_with_host(&endpoint.address)?,
    };
    let docker = match timeout {
        Some(timeout) => docker.with_timeout(timeout),
        None => docker,
    };
    let docker = docker.negotiate_version().await?;
    let info = docker.info().await?;
    Ok((docker, info))
}

/// How long a call may take, by the variable that Docker's SDKs know.
fn client_timeout() -> Result<Option<Duration>> {
    const VARIABLE: &str = "DOCKER_CLIENT_TIMEOUT";
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(Error::Unexpected(format!(
            "`{VARIABLE}` is not a number of seconds: `{text}`"
        ))),
    }
}

/// Why the `docker` program can't connect, in its own words: a connection tells only that it ended.
async fn dialling_failed(endpoint: &Endpoint, source: BollardError) -> String {
    let said = ask(
        &endpoint.environment(),
        &["version", "--format", "{{.Server.Version}}"],
    )
    .await;
    match said {
        Err(reason) if !reason.is_empty() => reason,
        _ => source.to_string(),
    }
}

/// Whether the `docker` program still finds the engine with this id where it is led to.
///
/// # Errors
/// [`Error::DockerContext`] where it finds another or none.
pub async fn check_same(endpoint: &Endpoint, id: &str) -> Result<()> {
    let Some(context) = endpoint.context.as_ref().filter(|_| endpoint.is_named()) else {
        return Ok(());
    };
    let reason = match ask(&endpoint.environment(), &["info", "--format", "{{.ID}}"]).await {
        Ok(found) if found == id => return Ok(()),
        Ok(_) => "it leads to another engine by now".to_owned(),
        Err(reason) => reason,
    };
    Err(Error::DockerContext {
        asked: format!("the Docker context `{context}`"),
        reason,
    })
}

/// What a `docker` program prints, or what it says of its failure.
async fn ask(environment: &[Variable], arguments: &[&str]) -> std::result::Result<String, String> {
    let mut command = Command::new("docker");
    command.args(arguments);
    apply(environment, &mut command);
    let output = command.output().await.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
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
pub fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.chars().all(is_allowed)
}

/// Names the operation that failed.
pub fn failed(operation: impl Into<String>) -> impl FnOnce(BollardError) -> Error {
    let operation = operation.into();
    move |source| Error::Engine { operation, source }
}
