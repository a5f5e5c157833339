//! The project's files, as its containers were started from them.

use std::collections::BTreeMap;

use bollard::models::ContainerInspectResponse;

use super::Planner;
use teal_compose::{ComposeModel, Files};
use teal_docker::{self as docker, compose_label, container_label};
use teal_model::{ProjectSource, Result};

impl Planner<'_> {
    /// Reads the project. Where Compose leaves services of profiles that are off out of it, the
    /// profiles of services with containers are on: somebody has started these with `--profile`, and
    /// opens the project without it.
    pub async fn read(&self, source: &ProjectSource) -> Result<Files> {
        let files = self.compose.read(source).await?;
        if !files.model.leaves_out {
            return Ok(files);
        }
        let containers = docker::list(self.docker, &files.model.name, None).await?;
        let present = services(&containers);
        self.compose.with_profiles_of(files, &present).await
    }
}

/// Tells the model which of its services have containers. The engine is only asked where that
/// matters: where the profiles of some service are off.
pub async fn mark_present(planner: &Planner<'_>, model: &mut ComposeModel) -> Result<()> {
    if model.services.values().all(|service| service.enabled) {
        return Ok(());
    }
    let running = by_service(docker::list(planner.docker, &model.name, None).await?);
    model.mark_present(running.keys().map(String::as_str));
    Ok(())
}

/// Containers by the service that they are of.
pub fn by_service(
    containers: Vec<ContainerInspectResponse>,
) -> BTreeMap<String, Vec<ContainerInspectResponse>> {
    let mut services: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for container in containers {
        let service = container_label(&container, compose_label::SERVICE);
        if let Some(service) = service.map(ToOwned::to_owned) {
            services.entry(service).or_default().push(container);
        }
    }
    services
}

/// The services that these containers are of, those with a running one first.
fn services(containers: &[ContainerInspectResponse]) -> Vec<String> {
    let is_running = |container: &&ContainerInspectResponse| {
        let state = container.state.as_ref();
        state.and_then(|state| state.running) == Some(true)
    };
    let running = containers.iter().filter(is_running);
    let others = containers.iter().filter(|it| !is_running(it));
    let mut services = Vec::new();
    for container in running.chain(others) {
        let service = container_label(container, compose_label::SERVICE);
        services.extend(service.map(ToOwned::to_owned));
    }
    let mut seen = std::collections::BTreeSet::new();
    services.retain(|service| seen.insert(service.clone()));
    services
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_that_run_come_before_those_that_have_ended() {
        let container = |service: &str, running: bool| {
            let text = json!({
                "Config": {"Labels": {compose_label::SERVICE: service}},
                "State": {"Running": running},
            });
            serde_json::from_value(text).unwrap()
        };
        let containers = [
            container("app-large", false),
            container("app-small", true),
            container("app-small", true),
            container("app-large", false),
        ];
        assert_eq!(services(&containers), ["app-small", "app-large"]);
    }
}
