//! Containers as the engine reports them.

use std::collections::HashMap;

use bollard::{
    Docker,
    errors::Error,
    models::{ContainerInspectResponse, ContainerSummary, HealthStatusEnum},
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder},
};

/// One container of a project.
#[derive(Debug, Clone)]
pub struct Container {
    /// The full id; its first twelve characters are what `hello` answers with.
    pub id: String,
    pub name: String,
    /// Its Compose service; none for one that Compose did not make.
    pub service: Option<String>,
    /// In Docker's words: `running`, `exited` …
    pub state: String,
    /// In Docker's words; `none` without a health check.
    pub health: String,
    pub exit_code: Option<i64>,
    pub oom_killed: bool,
    /// The CPU limit in force, in cores; none without one.
    pub cpus: Option<f64>,
    /// The memory limit in force, in bytes; none without one.
    pub memory: Option<i64>,
    pub image_id: String,
    pub labels: HashMap<String, String>,
}

/// All containers that belong to a project, stopped ones too: those with a label that has the
/// project's name as its value, which is Compose's own and what copies the labels of `hello`; and
/// those that stand in the network of such a one.
pub(crate) async fn of_project(docker: &Docker, project: &str) -> Vec<Container> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let all = docker
        .list_containers(Some(options))
        .await
        .expect("the engine lists its containers");
    let own: Vec<&str> = all
        .iter()
        .filter(|container| is_labelled(container, project))
        .filter_map(|container| container.id.as_deref())
        .collect();
    let mut containers = Vec::new();
    for container in &all {
        let Some(id) = container.id.as_deref() else {
            continue;
        };
        if own.contains(&id) || network_of(container).is_some_and(|other| own.contains(&other)) {
            containers.extend(inspect(docker, id).await);
        }
    }
    containers.sort_by(|a, b| a.name.cmp(&b.name));
    containers
}

fn is_labelled(container: &ContainerSummary, project: &str) -> bool {
    let labels = container.labels.iter().flat_map(HashMap::values);
    labels.into_iter().any(|value| value == project)
}

/// The container in whose network this one stands.
fn network_of(container: &ContainerSummary) -> Option<&str> {
    let mode = container.host_config.as_ref()?.network_mode.as_deref()?;
    mode.strip_prefix("container:")
}

/// None if it has gone meanwhile.
async fn inspect(docker: &Docker, id: &str) -> Option<Container> {
    match docker
        .inspect_container(id, None::<InspectContainerOptions>)
        .await
    {
        Ok(response) => Some(Container::from(response)),
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => None,
        Err(error) => panic!("the engine can't inspect `{id}`: {error}"),
    }
}

impl From<ContainerInspectResponse> for Container {
    fn from(response: ContainerInspectResponse) -> Self {
        let labels = response
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        let state = response.state.unwrap_or_default();
        let host = response.host_config.unwrap_or_default();
        let health = state
            .health
            .and_then(|health| health.status)
            .filter(|status| *status != HealthStatusEnum::EMPTY);
        Self {
            id: response.id.unwrap_or_default(),
            name: response
                .name
                .map(|name| name.trim_start_matches('/').to_owned())
                .unwrap_or_default(),
            service: labels.get("com.docker.compose.service").cloned(),
            state: state
                .status
                .map(|status| status.to_string())
                .unwrap_or_default(),
            health: health.unwrap_or(HealthStatusEnum::NONE).to_string(),
            exit_code: state.exit_code,
            oom_killed: state.oom_killed.unwrap_or_default(),
            cpus: host.nano_cpus.filter(|nano| *nano > 0).map(cores),
            memory: host.memory.filter(|bytes| *bytes > 0),
            image_id: response.image.unwrap_or_default(),
            labels,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "billionths of a core, far below 2^52"
)]
fn cores(nano: i64) -> f64 {
    nano as f64 / 1e9
}
