//! Whose an address is that calls, and what is known of that container.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    time::Duration,
};

use bollard::{
    Docker,
    models::{ContainerInspectResponse, ContainerSummary, EndpointSettings},
    query_parameters::{ListContainersOptions, TopOptions},
};

use super::{edge::is_edge, program::Program, within::beside};
use teal_docker::{compose_label, failed, patiently, teal_label};
use teal_model::Result;

/// The containers with an address on one of the engine's networks.
pub type Addresses = BTreeMap<IpAddr, Whose>;

/// A container that has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    pub id: String,
    pub name: String,
    pub project: Option<String>,
    pub service: Option<String>,
    /// Whether it is a Traefik, the user's or Teal's edge.
    pub is_traefik: bool,
}

/// Whose the addresses are that the engine has given out.
///
/// # Errors
/// The engine does not answer.
pub async fn addresses(docker: &Docker) -> Result<Addresses> {
    let containers = running(docker).await?;
    let mut addresses = Addresses::new();
    for container in containers {
        let own = own_addresses(&container);
        if let Some(whose) = whose(container) {
            addresses.extend(own.into_iter().map(|address| (address, whose.clone())));
        }
    }
    Ok(addresses)
}

async fn running(docker: &Docker) -> Result<Vec<ContainerSummary>> {
    patiently(|| docker.list_containers(None::<ListContainersOptions>))
        .await
        .map_err(failed("list the containers"))
}

/// The networks that a container is in, by name, with its place in each.
fn places(container: &ContainerSummary) -> impl Iterator<Item = (&String, &EndpointSettings)> {
    let networks = container
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flatten()
}

fn own_addresses(container: &ContainerSummary) -> Vec<IpAddr> {
    places(container)
        .flat_map(|(_, place)| [&place.ip_address, &place.global_ipv6_address])
        .filter_map(|address| address.as_ref()?.parse().ok())
        .collect()
}

fn whose(container: ContainerSummary) -> Option<Whose> {
    let mut labels = container.labels.unwrap_or_default();
    let names = container.names.unwrap_or_default();
    let is_named_traefik = [&container.image, &container.command]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains("traefik"));
    let is_titled_traefik = labels
        .get("org.opencontainers.image.title")
        .is_some_and(|title| title.eq_ignore_ascii_case("traefik"));
    Some(Whose {
        id: container.id?,
        name: names.first()?.trim_start_matches('/').to_owned(),
        is_traefik: is_named_traefik || is_titled_traefik || is_edge(&labels),
        project: labels.remove(compose_label::PROJECT),
        service: labels.remove(compose_label::SERVICE),
    })
}

/// The running containers on the networks of these, by whose name service they find them: without
/// these themselves, Traefik and Teal's own. On the default network nobody finds a name.
///
/// # Errors
/// The engine does not answer.
pub async fn neighbours(docker: &Docker, own: &[String]) -> Result<Vec<Whose>> {
    let containers = running(docker).await?;
    let is_own = |container: &ContainerSummary| {
        let id = container.id.as_ref();
        id.is_some_and(|id| own.contains(id))
    };
    let networks: BTreeSet<String> = containers
        .iter()
        .filter(|container| is_own(container))
        .flat_map(networks_of)
        .collect();
    let near = containers.into_iter().filter(|container| {
        let shares = networks_of(container)
            .iter()
            .any(|network| networks.contains(network));
        shares && !is_own(container)
    });
    Ok(near
        .filter_map(whose)
        .filter(|whose| !whose.is_traefik)
        .collect())
}

fn networks_of(container: &ContainerSummary) -> Vec<String> {
    places(container)
        .map(|(name, _)| name)
        .filter(|name| !["bridge", "host", "none"].contains(&name.as_str()))
        .cloned()
        .collect()
}

/// The names that others find a container by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that the containers of a service share.
    pub shared: Vec<String>,
    /// Its own: whoever uses these never finds another container.
    pub own: Vec<String>,
}

impl Names {
    /// Of a container as the engine describes it.
    pub fn of(container: &ContainerInspectResponse) -> Self {
        let networks = container
            .network_settings
            .as_ref()
            .and_then(|settings| settings.networks.as_ref());
        let places = networks.into_iter().flat_map(HashMap::values);
        let id = container.id.as_deref().unwrap_or_default();
        let name = container.name.as_deref().unwrap_or_default();
        let name = name.trim_start_matches('/');
        let (own, shared) = places
            .flat_map(|place| place.aliases.iter().flatten().cloned())
            .partition(|alias| id.starts_with(alias.as_str()) || alias == name);
        let mut names = Self { shared, own };
        names.own.push(name.to_owned());
        names
    }
}

/// The processes of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processes {
    pub program: Program,
    /// Of those of a proxy that serve: their numbers on the engine's machine.
    pub serving: BTreeSet<String>,
}

impl Processes {
    /// Whether these have read their settings since `before`: of a proxy's processes none but its
    /// master is left. Processes that nothing is known of prove nothing.
    pub fn have_started_since(&self, before: &Self) -> bool {
        let is_new = |id: &&String| !before.serving.contains(*id);
        let left = before.serving.intersection(&self.serving).count();
        self.serving.iter().any(|id| is_new(&id)) && left <= 1
    }
}

/// What a container runs.
///
/// # Errors
/// The engine can't say: the container has ended, for one.
pub async fn program(docker: &Docker, container: &str) -> Result<Program> {
    Ok(processes(docker, container).await?.program)
}

/// The same, with each process that it has.
///
/// # Errors
/// As [`program`].
pub async fn processes(docker: &Docker, container: &str) -> Result<Processes> {
    let top = patiently(|| docker.top_processes(container, None::<TopOptions>))
        .await
        .map_err(failed("list the processes of a container"))?;
    let titles = top.titles.unwrap_or_default();
    let column = |names: &[&str]| {
        titles
            .iter()
            .position(|title| names.contains(&title.as_str()))
    };
    let (command, id) = (column(&["CMD", "COMMAND", "Name"]), column(&["PID"]));
    let processes = top.processes.unwrap_or_default();
    let commands = processes.iter().filter_map(|row| row.get(command?));
    let serving = processes.iter().filter(|row| {
        command
            .and_then(|at| row.get(at))
            .is_some_and(|it| Program::serves(it))
    });
    Ok(Processes {
        program: Program::of(commands.map(String::as_str)),
        serving: serving.filter_map(|row| row.get(id?)).cloned().collect(),
    })
}

/// How many names a container looks up within this time: about as many, since all that it sends by
/// UDP within itself counts.
///
/// # Errors
/// Nothing can be started beside it, or nothing is said.
pub(crate) async fn lookups(
    docker: &Docker,
    rollout: &str,
    container: &str,
    within: Duration,
) -> Result<u64> {
    let words = ["lookups".to_owned(), within.as_millis().to_string()];
    let label = (teal_label::ROLLOUT.to_owned(), rollout.to_owned());
    let said = beside(docker, container, words.to_vec(), Some(label)).await?;
    let output = said.output;
    (output.parse().ok())
        .filter(|_| said.success)
        .ok_or_else(|| teal_model::Error::Unexpected(format!("a sidecar can't count: {output}")))
}

/// The addresses that these names have for a container, by the engine's name server: of the networks
/// that it is in, the first that knows a name answers.
///
/// # Errors
/// Nothing can be started beside it, or nobody answers there.
pub async fn resolved(
    docker: &Docker,
    rollout: &str,
    container: &str,
    names: &BTreeSet<String>,
) -> Result<BTreeSet<IpAddr>> {
    let words = std::iter::once("resolve".to_owned()).chain(names.iter().cloned());
    let label = (teal_label::ROLLOUT.to_owned(), rollout.to_owned());
    let said = beside(docker, container, words.collect(), Some(label)).await?;
    let output = said.output;
    let addresses = output.split_whitespace().map(str::parse);
    (addresses.collect::<std::result::Result<_, _>>().ok())
        .filter(|_| said.success)
        .ok_or_else(|| {
            teal_model::Error::Unexpected(format!("a sidecar can't look names up: {output}"))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reload_leaves_the_master_alone() {
        let processes = |serving: &[&str]| Processes {
            program: Program::Nginx,
            serving: serving.iter().map(ToString::to_string).collect(),
        };
        let before = processes(&["1", "7", "8"]);
        let since = |now: &[&str]| processes(now).have_started_since(&before);
        assert!(since(&["1", "9", "10"]), "reloaded");
        assert!(since(&["20", "21"]), "started again");
        assert!(!since(&["1", "7", "8"]));
        assert!(!since(&["1", "7", "8", "9"]), "one more worker");
        assert!(!since(&["1", "7", "9"]), "a worker that had died");
        assert!(!since(&[]), "not known");
    }

    #[test]
    fn names_of_a_service_and_of_a_container_are_told_apart() {
        let container: ContainerInspectResponse = serde_json::from_value(json!({
            "Id": "0123456789abcdef",
            "Name": "/shop-web-1",
            "NetworkSettings": { "Networks": {
                "front": { "Aliases": ["shop-web-1", "web", "0123456789ab"] },
            } },
        }))
        .expect("a container");
        let names = Names::of(&container);
        assert_eq!(names.shared, ["web"]);
        assert_eq!(names.own, ["shop-web-1", "0123456789ab", "shop-web-1"]);
    }

    #[test]
    fn a_container_is_known_by_all_its_addresses() {
        let container: ContainerSummary = serde_json::from_value(json!({
            "Id": "p",
            "Names": ["/shop-proxy-1"],
            "Image": "nginx:1.22",
            "Labels": {
                "com.docker.compose.project": "shop",
                "com.docker.compose.service": "proxy",
            },
            "NetworkSettings": { "Networks": {
                "front": { "IPAddress": "172.18.0.3", "GlobalIPv6Address": "fd00::3" },
                "back": { "IPAddress": "172.19.0.2", "GlobalIPv6Address": "" },
            } },
        }))
        .expect("a summary");
        let mut own = own_addresses(&container);
        own.sort();
        let own: Vec<_> = own.iter().map(ToString::to_string).collect();
        assert_eq!(own, ["172.18.0.3", "172.19.0.2", "fd00::3"]);
        let whose = whose(container).expect("it has a name");
        assert_eq!(whose.name, "shop-proxy-1");
        assert_eq!(whose.service.as_deref(), Some("proxy"));
        assert!(!whose.is_traefik);
    }
}
