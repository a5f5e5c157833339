//! Containers of a Compose project: found by label, read, started, stopped, removed.

use std::collections::HashMap;

use bollard::{
    Docker,
    errors::Error as BollardError,
    models::{
        ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, HealthConfig,
        HealthStatusEnum, HealthcheckResult, ImageInspect,
    },
    query_parameters::{ListContainersOptions, LogsOptions, RemoveContainerOptions},
};
use futures_util::{TryStreamExt, future::try_join_all};

use super::{Missing, compose_label, failed, is_image_name, patiently, teal_label};
use teal_model::{ContainerState, Cpus, Health, HealthCheck, Limits, Memory, Replica, Result};

/// The most text of a health probe that is shown.
const PROBE_OUTPUT: usize = 2_000;

/// Containers with these labels in any state, one-off ones (`compose run`) left out.
pub(super) async fn summaries(
    docker: &Docker,
    labels: Vec<String>,
) -> Result<Vec<ContainerSummary>> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([("label".to_owned(), labels)])),
        ..Default::default()
    };
    let found = patiently(|| docker.list_containers(Some(options.clone())))
        .await
        .map_err(failed("list containers"))?;
    Ok(found
        .into_iter()
        .filter(|container| {
            label(container, compose_label::ONE_OFF).is_none_or(|one_off| one_off != "True")
                // Where Traefik's constraints ask for Compose's labels, sidecars have them too. Of
                // Teal's own only the edge is a service of the project.
                && label(container, teal_label::ROLE).is_none_or(|role| role == teal_label::EDGE)
        })
        .collect())
}

pub(super) fn label<'a>(container: &'a ContainerSummary, name: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(name).map(String::as_str)
}

/// The containers of a project, or of one of its services, in any state, by Compose's number.
pub async fn list(
    docker: &Docker,
    project: &str,
    service: Option<&str>,
) -> Result<Vec<ContainerInspectResponse>> {
    let mut labels = vec![format!("{}={project}", compose_label::PROJECT)];
    labels.extend(service.map(|service| format!("{}={service}", compose_label::SERVICE)));
    let found = summaries(docker, labels).await?;
    let inspected = found
        .iter()
        .filter_map(|container| container.id.as_deref())
        .map(|id| inspect(docker, id));
    let mut containers: Vec<_> = try_join_all(inspected)
        .await?
        .into_iter()
        .flatten()
        .collect();
    containers.sort_by_key(number);
    Ok(containers)
}

/// One container; `None` if it is gone.
pub async fn inspect(docker: &Docker, id: &str) -> Result<Option<ContainerInspectResponse>> {
    look_at(docker, id)
        .await
        .map_err(failed(format!("inspect container `{id}`")))
}

/// The same for callers that say themselves what failed.
pub async fn look_at(
    docker: &Docker,
    id: &str,
) -> std::result::Result<Option<ContainerInspectResponse>, BollardError> {
    patiently(|| docker.inspect_container(id, None))
        .await
        .missing()
}

/// An image on the engine.
#[derive(Debug, Clone)]
pub struct Image {
    pub id: String,
    /// What it asks for itself.
    pub health_check: Option<HealthCheck>,
}

/// The image that a name means on the engine; `None` if it is not there.
pub async fn image(docker: &Docker, name: &str) -> Result<Option<Image>> {
    let image = image_named(docker, name).await?;
    Ok(image.and_then(|image| {
        let config = image.config.unwrap_or_default();
        Some(Image {
            id: image.id?,
            health_check: config.healthcheck.as_ref().and_then(health_check_of),
        })
    }))
}

/// The same with all that the engine knows of it.
pub async fn image_named(docker: &Docker, name: &str) -> Result<Option<ImageInspect>> {
    // The engine refuses to look for what is not a name.
    if !is_image_name(name) {
        return Ok(None);
    }
    docker
        .inspect_image(name)
        .await
        .missing()
        .map_err(failed(format!("inspect image `{name}`")))
}

/// The health check that the image of a service brings itself. What a container was made with may be
/// a file's, and the file may have changed since; so the image that the file names is asked, or that
/// of the container where the engine has no such image yet.
pub async fn health_check_of_image(
    docker: &Docker,
    named: Option<&Image>,
    container: Option<&ContainerInspectResponse>,
) -> Result<Option<HealthCheck>> {
    let made_from = container.and_then(|container| container.image.as_deref());
    match (named, made_from) {
        (Some(named), _) => Ok(named.health_check.clone()),
        (None, Some(made_from)) => Ok(match image(docker, made_from).await? {
            Some(image) => image.health_check,
            // Somebody has removed it by force: nothing else is known of it.
            None => container.and_then(health_check),
        }),
        (None, None) => Ok(None),
    }
}

fn number(container: &ContainerInspectResponse) -> u32 {
    container_label(container, compose_label::NUMBER)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// A label of a container.
pub fn container_label<'a>(container: &'a ContainerInspectResponse, name: &str) -> Option<&'a str> {
    let labels = container.config.as_ref()?.labels.as_ref()?;
    labels.get(name).map(String::as_str)
}

pub fn replicas(containers: &[ContainerInspectResponse]) -> Vec<Replica> {
    containers.iter().map(replica).collect()
}

pub fn replica(container: &ContainerInspectResponse) -> Replica {
    let state = container.state.as_ref();
    Replica {
        id: container.id.clone().unwrap_or_default(),
        name: container
            .name
            .as_deref()
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        number: number(container),
        state: state
            .and_then(|state| state.status)
            .map_or(ContainerState::Dead, container_state),
        exit_code: state
            .filter(|state| state.status == Some(ContainerStateStatusEnum::EXITED))
            .and_then(|state| state.exit_code),
        health: health(container),
        limits: limits(container),
        started_at: state
            .and_then(|state| state.started_at.as_ref())
            .and_then(|at| at.parse().ok())
            .filter(|at: &jiff::Timestamp| at.as_second() > 0),
        image_id: container.image.clone().unwrap_or_default(),
        rollout: container_label(container, teal_label::ROLLOUT).map(ToOwned::to_owned),
    }
}

fn container_state(status: ContainerStateStatusEnum) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    match status {
        Status::CREATED => ContainerState::Created,
        Status::RUNNING | Status::STOPPING => ContainerState::Running,
        Status::PAUSED => ContainerState::Paused,
        Status::RESTARTING => ContainerState::Restarting,
        Status::REMOVING => ContainerState::Removing,
        Status::EXITED => ContainerState::Exited,
        Status::DEAD | Status::EMPTY => ContainerState::Dead,
    }
}

fn health(container: &ContainerInspectResponse) -> Health {
    let health = container
        .state
        .as_ref()
        .and_then(|state| state.health.as_ref())
        .and_then(|health| health.status);
    match health {
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => Health::None,
    }
}

/// The limits in force. Docker keeps "no limit" as 0.
pub fn limits(container: &ContainerInspectResponse) -> Limits {
    let config = container.host_config.as_ref();
    let positive =
        |value: Option<i64>| value.and_then(|v| u64::try_from(v).ok()).filter(|v| *v > 0);
    // `docker run --cpu-quota` and Compose's `cpu_quota` set the same limit in other words.
    let quota = || Cpus::from_quota(positive(config?.cpu_quota)?, positive(config?.cpu_period));
    Limits {
        cpus: positive(config.and_then(|config| config.nano_cpus))
            .map(Cpus::from_nano)
            .or_else(quota),
        memory: positive(config.and_then(|config| config.memory)).map(Memory::from_bytes),
    }
}

/// The health check in force, from the file or the image; `None` if there is none.
fn health_check(container: &ContainerInspectResponse) -> Option<HealthCheck> {
    health_check_of(container.config.as_ref()?.healthcheck.as_ref()?)
}

fn health_check_of(check: &HealthConfig) -> Option<HealthCheck> {
    let test = check
        .test
        .clone()
        .filter(|test| !test.is_empty() && test[0] != "NONE")?;
    let ms = |nanoseconds: Option<i64>, default: u64| {
        nanoseconds
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| *value > 0)
            .map_or(default, |value| value / 1_000_000)
    };
    // Docker's own defaults stand where the image or file says nothing.
    Some(HealthCheck {
        test,
        interval_ms: ms(check.interval, 30_000),
        timeout_ms: ms(check.timeout, 30_000),
        start_period_ms: ms(check.start_period, 0),
        start_interval_ms: Some(ms(check.start_interval, 0)).filter(|time| *time > 0),
        retries: check
            .retries
            .and_then(|retries| u32::try_from(retries).ok())
            .filter(|retries| *retries > 0)
            .unwrap_or(3),
    })
}

/// What the last health probe printed.
pub fn probe_output(container: &ContainerInspectResponse) -> Option<String> {
    let log = container.state.as_ref()?.health.as_ref()?.log.as_ref()?;
    let HealthcheckResult { output, .. } = log.last()?;
    let text: String = output
        .as_deref()?
        .trim()
        .chars()
        .take(PROBE_OUTPUT)
        .collect();
    (!text.is_empty()).then_some(text)
}

/// The last lines of a container's log, without their time stamps.
pub async fn last_log(docker: &Docker, id: &str, lines: u32) -> Result<Vec<String>> {
    let options = LogsOptions {
        stdout: true,
        stderr: true,
        tail: lines.to_string(),
        ..Default::default()
    };
    let chunks: Vec<_> = patiently(|| docker.logs(id, Some(options.clone())).try_collect())
        .await
        .missing()
        .map_err(failed(format!("read the log of `{id}`")))?
        .unwrap_or_default();
    Ok(chunks
        .into_iter()
        .map(|chunk| {
            String::from_utf8_lossy(&chunk.into_bytes())
                .trim_end()
                .to_owned()
        })
        .collect())
}

pub async fn start(docker: &Docker, id: &str) -> Result<()> {
    patiently(|| docker.start_container(id, None))
        .await
        .map_err(failed(format!("start container `{id}`")))
}

/// Removes a container and its volumes without a name, killed if it runs. One that is gone is as
/// good.
pub async fn remove(docker: &Docker, id: &str) -> Result<()> {
    remove_with(docker, id, true).await
}

/// The same, but that all of its volumes stay.
pub async fn remove_but_volumes(docker: &Docker, id: &str) -> Result<()> {
    remove_with(docker, id, false).await
}

async fn remove_with(docker: &Docker, id: &str, volumes: bool) -> Result<()> {
    let options = RemoveContainerOptions {
        v: volumes,
        force: true,
        link: false,
    };
    let removed = patiently(|| docker.remove_container(id, Some(options.clone()))).await;
    match removed.missing() {
        // Somebody else, such as Compose, is removing it at this moment.
        Err(BollardError::DockerResponseServerError {
            status_code: 409,
            message,
        }) if message.contains("already in progress") => Ok(()),
        answer => answer
            .map_err(failed(format!("remove container `{id}`")))
            .map(drop),
    }
}

/// The start of an id, without what a name can't have.
pub fn short(id: &str, length: usize) -> String {
    id.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(length)
        .collect()
}
