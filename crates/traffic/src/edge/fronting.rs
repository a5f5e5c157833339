//! The edge in front of a service, as it is found on the engine.

use std::{collections::HashMap, net::SocketAddr};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerInspectResponse, ContainerSummary, PortSummary},
    query_parameters::ListContainersOptions,
};

use super::entry::{Entry, Protocol, is_edge};
use crate::{
    http::Endpoint,
    pins::Limited,
    rule::{Target, health_path},
    survey::{Door, Steering, Survey},
};
use teal_docker::{EngineHost, compose_label, container_label, patiently, teal_label};
use teal_model::{Route, TraefikInfo, TrafficPlan};

/// How the edge is called where a Traefik's name stands.
pub(super) const NAME: &str = "Teal's edge";

/// The edge in front of one service.
#[derive(Debug, Clone)]
pub(crate) struct Fronting {
    pub(super) project: String,
    /// The entries of the service.
    pub(super) entries: Vec<Entry>,
    /// For each entry; `None` if it is not HTTP, or can't be reached from here.
    pub(crate) doors: Vec<Option<Door>>,
}

/// The edges of a project that run.
pub(super) async fn find(
    docker: &Docker,
    project: &str,
) -> Result<Vec<ContainerSummary>, DockerError> {
    list(docker, project, false).await
}

/// The edges of a project, whether they run or not.
pub(super) async fn find_all(
    docker: &Docker,
    project: &str,
) -> Result<Vec<ContainerSummary>, DockerError> {
    list(docker, project, true).await
}

async fn list(
    docker: &Docker,
    project: &str,
    all: bool,
) -> Result<Vec<ContainerSummary>, DockerError> {
    let filter = [
        format!("{}={}", teal_label::ROLE, teal_label::EDGE),
        format!("{}={project}", compose_label::PROJECT),
    ];
    let options = ListContainersOptions {
        all,
        filters: Some(HashMap::from([("label".to_owned(), filter.to_vec())])),
        ..ListContainersOptions::default()
    };
    patiently(|| docker.list_containers(Some(options.clone()))).await
}

/// The entries of a container for a service.
pub(super) fn entries_for(container: &ContainerSummary, service: &str) -> Vec<Entry> {
    let mut entries = Entry::all(container.labels.iter().flatten());
    entries.retain(|entry| entry.service == service);
    entries
}

impl Fronting {
    /// Whether it passes all of the service's connections on as they are.
    pub(crate) fn is_tcp(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|entry| entry.protocol == Protocol::Tcp)
    }

    /// What is known of a service's traffic by the edge among these containers; `None` if no edge
    /// is in front of it.
    pub(crate) fn survey(
        containers: &[ContainerSummary],
        host: EngineHost,
        first: &ContainerInspectResponse,
    ) -> Option<Survey> {
        let project = container_label(first, compose_label::PROJECT)?;
        let service = container_label(first, compose_label::SERVICE)?;
        let is_its = |container: &&ContainerSummary| {
            let labels = container.labels.as_ref();
            labels.is_some_and(|labels| {
                is_edge(labels)
                    && labels.get(compose_label::PROJECT).map(String::as_str) == Some(project)
            })
        };
        let edge = containers
            .iter()
            .filter(is_its)
            .find(|edge| !entries_for(edge, service).is_empty())?;
        let entries = entries_for(edge, service);
        let addresses = entries
            .iter()
            .map(|entry| address(entry, host, edge.ports.iter().flatten()))
            .collect();
        let name = edge.names.iter().flatten().next();
        let mut survey = survey_of(project, entries, addresses, first);
        survey.traefik = Some(TraefikInfo {
            container: name
                .map_or("", |name| name.trim_start_matches('/'))
                .to_owned(),
            version: None,
            addresses: survey
                .routes
                .iter()
                .filter_map(|route| route.url.clone())
                .collect(),
            api: false,
        });
        Some(survey)
    }
}

/// The survey of a service behind the edge; `addresses` are where its entries are reached from here.
pub(super) fn survey_of(
    project: &str,
    entries: Vec<Entry>,
    addresses: Vec<Option<SocketAddr>>,
    first: &ContainerInspectResponse,
) -> Survey {
    let health = health_path(first);
    let routes: Vec<_> = entries
        .iter()
        .zip(&addresses)
        .map(|(entry, address)| route(entry, *address))
        .collect();
    let doors = entries
        .iter()
        .zip(addresses)
        .map(|(entry, address)| door(entry, address?, health.as_deref()))
        .collect();
    Survey {
        ports: entries.iter().map(|entry| entry.target).collect(),
        plan: TrafficPlan::Steered {
            traefik: NAME.to_owned(),
            routes: routes.clone(),
        },
        routes,
        steering: Some(Steering::Edge(Fronting {
            project: project.to_owned(),
            entries,
            doors,
        })),
        ..Survey::unsteered("")
    }
}

fn route(entry: &Entry, address: Option<SocketAddr>) -> Route {
    let (scheme, rule) = match entry.protocol.is_http() {
        true => ("http", "PathPrefix(`/`)"),
        false => ("tcp", "HostSNI(`*`)"),
    };
    Route {
        router: entry.route(),
        rule: rule.to_owned(),
        entry_points: vec![entry.name()],
        tls: false,
        url: address.map(|address| match address.ip() {
            ip if ip.is_loopback() && ip.is_ipv4() => {
                format!("{scheme}://localhost:{}/", address.port())
            }
            _ => format!("{scheme}://{address}/"),
        }),
    }
}

fn door(entry: &Entry, address: SocketAddr, health: Option<&str>) -> Option<Door> {
    let door = Door {
        endpoint: Endpoint::here(address, false),
        target: Target::new("PathPrefix(`/`)", health, false),
        other_paths: Vec::new(),
        limited: Limited::No,
    };
    entry.protocol.is_http().then_some(door)
}

/// Where an entry can be reached from this machine.
fn address<'a>(
    entry: &Entry,
    host: EngineHost,
    ports: impl Iterator<Item = &'a PortSummary>,
) -> Option<SocketAddr> {
    let mut published = ports.filter(|port| port.private_port == entry.port);
    published.find_map(|port| reached(host, port.ip.as_deref(), port.public_port?))
}

/// Where a port that is bound to this address on the engine's machine can be reached from here.
pub(super) fn reached(host: EngineHost, bound: Option<&str>, port: u16) -> Option<SocketAddr> {
    let bound = bound.and_then(|ip| ip.parse().ok());
    Some((host.reach(bound)?, port).into())
}
