//! Finding the Traefiks of an engine, and one of them again.

use std::collections::{BTreeSet, HashMap};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerInspectResponse, ContainerSummary},
    query_parameters::ListContainersOptions,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use teal_docker::{EngineHost, compose_label, look_at, patiently, teal_label};

use super::{
    edge::is_edge,
    gateway::Gateway,
    identity::{Identity, are_settings},
    pins::Limited,
    settings::{self, Settings},
};

/// Containers that are looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;

impl Gateway {
    /// The Traefiks among these running containers that reach one of these networks, by name. Those
    /// that were looked at already are not looked at again.
    ///
    /// # Errors
    /// The engine does not tell of a container that it has.
    pub(super) async fn find(
        docker: &Docker,
        host: EngineHost,
        containers: &[ContainerSummary],
        networks: &BTreeSet<String>,
        looked_at: &[ContainerInspectResponse],
    ) -> Result<Vec<Self>, DockerError> {
        let reaching = containers.iter().filter(|summary| {
            !summary.labels.as_ref().is_some_and(is_of_teal) && may_reach(summary, networks)
        });
        let ids: Vec<_> = reaching.filter_map(|summary| summary.id.clone()).collect();
        let mut found = Self::among(docker, host, ids, looked_at).await?;
        // Those that are known to read labels come first.
        found.sort_by(|one, other| {
            let by = |gateway: &Self| (!gateway.reads_labels, gateway.name.clone());
            by(one).cmp(&by(other))
        });
        Ok(found)
    }

    /// Itself as it runs now, or what has been made in its place; `None` if neither runs.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub(super) async fn find_again(&self, docker: &Docker) -> Result<Option<Self>, DockerError> {
        let running = patiently(|| docker.list_containers(None::<ListContainersOptions>)).await?;
        let is_it = |summary: &ContainerSummary| summary.id.as_deref() == Some(&self.id);
        let is_alike = |summary: &ContainerSummary| {
            let labels = summary.labels.as_ref();
            match &self.service {
                Some(service) => labels.and_then(compose_service).as_ref() == Some(service),
                None => summary
                    .names
                    .iter()
                    .flatten()
                    .any(|name| name.trim_start_matches('/') == self.name),
            }
        };
        let place = match running.iter().any(is_it) {
            true => running.iter().filter(|it| is_it(it)).collect::<Vec<_>>(),
            false => running.iter().filter(|it| is_alike(it)).collect(),
        };
        let ids: Vec<_> = place.iter().filter_map(|it| it.id.clone()).collect();
        let found = Self::among(docker, self.host, ids, &[]).await?;
        let mut found = found.into_iter().filter(|it| it.reaches(&self.networks));
        Ok(found.next().map(|found| {
            let version = found.version.clone().or_else(|| self.version.clone());
            let mut found = Self { version, ..found };
            for point in &mut found.entry_points {
                let before = self.entry_points.iter().find(|it| it.name == point.name);
                point.limited = before.map_or(Limited::No, |before| before.limited.clone());
            }
            found
        }))
    }

    /// The Traefiks among these. One that is gone was removed since it was listed.
    async fn among(
        docker: &Docker,
        host: EngineHost,
        ids: Vec<String>,
        looked_at: &[ContainerInspectResponse],
    ) -> Result<Vec<Self>, DockerError> {
        let looks = ids.into_iter().map(async |id| {
            let known = looked_at
                .iter()
                .find(|container| container.id.as_ref() == Some(&id));
            let container = match known {
                Some(container) => Some(container.clone()),
                None => look_at(docker, &id).await?,
            };
            match container {
                Some(container) => Self::of(docker, host, &container).await,
                None => Ok(None),
            }
        });
        let found: Vec<_> = stream::iter(looks.collect::<Vec<_>>())
            .buffered(LOOKS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// This container, if it is a Traefik that takes routes from containers' labels, or may be one:
    /// settings can be where they can't be read. One that was told of other providers alone leads no
    /// request by labels, and would take up no split.
    async fn of(
        docker: &Docker,
        host: EngineHost,
        container: &ContainerInspectResponse,
    ) -> Result<Option<Self>, DockerError> {
        let settings = match Identity::of(container) {
            Identity::Traefik => Some(settings::of(docker, container).await?),
            Identity::Perhaps => settings::of_file(docker, container)
                .await?
                .filter(are_settings),
            Identity::Other => None,
        };
        Ok(settings
            .filter(|settings| reads_labels(settings) || !are_settings(settings))
            .map(|settings| Self::read(container, host, &settings)))
    }
}

pub(super) fn reads_labels(settings: &Settings) -> bool {
    settings
        .iter()
        .any(|(key, value)| match key.strip_prefix("providers.docker") {
            Some("") => !value.eq_ignore_ascii_case("false"),
            Some(option) => option.starts_with('.'),
            None => false,
        })
}

pub(super) fn compose_service(labels: &HashMap<String, String>) -> Option<(String, String)> {
    let label = |key| labels.get(key).cloned();
    Some((
        label(compose_label::PROJECT)?,
        label(compose_label::SERVICE)?,
    ))
}

/// Whether a container may be in one of these networks, or in the host's.
fn may_reach(summary: &ContainerSummary, networks: &BTreeSet<String>) -> bool {
    let mode = summary
        .host_config
        .as_ref()
        .and_then(|config| config.network_mode.as_deref());
    let attached = summary
        .network_settings
        .iter()
        .filter_map(|settings| settings.networks.as_ref())
        .flat_map(HashMap::values);
    mode == Some("host")
        || attached
            .filter_map(|network| network.network_id.as_ref())
            .any(|network| networks.contains(network))
}

/// The edge and the helpers lead no user's requests by labels.
fn is_of_teal(labels: &HashMap<String, String>) -> bool {
    is_edge(labels) || labels.contains_key(teal_label::ROLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traefik_without_the_docker_provider_reads_no_labels() {
        let reads = |key: &str, value: &str| {
            reads_labels(&Settings::from([(key.to_owned(), value.to_owned())]))
        };
        assert!(reads("providers.docker", "true"));
        assert!(reads("providers.docker.exposedbydefault", "false"));
        assert!(!reads("providers.docker", "false"));
        assert!(!reads("providers.file.directory", "/dyn"));
        assert!(!reads("entrypoints.web.address", ":80"));
        assert!(!reads_labels(&Settings::new()));
    }
}
