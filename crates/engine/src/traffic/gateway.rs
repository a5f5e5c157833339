//! The Traefik container in front of a service: what it was started with, and where its entry
//! points can be reached from here.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use bollard::{
    Docker,
    models::{ContainerInspectResponse, PortBinding},
};

use super::default_rule::DefaultRule;

/// Traefik's own entry point, for its API.
const INTERNAL: &str = "traefik";

/// One Traefik, as far as its arguments and environment tell.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) entry_points: Vec<EntryPoint>,
    pub(super) default_rule: DefaultRule,
    pub(super) exposed_by_default: bool,
    pub(super) constraints: String,
    pub(super) uses_bound_ports: bool,
    /// Where its API may answer.
    pub(super) api: Option<SocketAddr>,
    /// Other Traefiks that share a network with the service.
    pub(super) others: Vec<String>,
}

/// A port that Traefik listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPoint {
    pub(super) name: String,
    pub(super) is_default: bool,
    /// All its routers are TLS ones.
    pub(super) tls: bool,
    /// Sends every request elsewhere.
    pub(super) redirects: bool,
    /// Where it is published.
    pub(super) address: Option<SocketAddr>,
}

impl Gateway {
    /// The Traefik that shares a network with these containers; the first by name, if several do.
    pub(super) async fn find(
        docker: &Docker,
        networks: &BTreeSet<String>,
    ) -> Result<Option<Self>, bollard::errors::Error> {
        let mut found = Vec::new();
        for summary in docker
            .list_containers(None::<bollard::query_parameters::ListContainersOptions>)
            .await?
        {
            let is_candidate = [&summary.image, &summary.command]
                .into_iter()
                .flatten()
                .any(|text| text.to_lowercase().contains("traefik"));
            let Some(id) = summary.id.filter(|_| is_candidate) else {
                continue;
            };
            match docker.inspect_container(&id, None).await {
                Ok(container) => {
                    if reaches(&container, networks) && runs_traefik(&container) {
                        found.push(container);
                    }
                }
                // It was removed since it was listed.
                Err(bollard::errors::Error::DockerResponseServerError {
                    status_code: 404, ..
                }) => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        let mut found = found.iter().map(Self::read);
        Ok(found.next().map(|mut gateway| {
            gateway.others = found.map(|other| other.name).collect();
            gateway
        }))
    }

    /// Reads arguments and environment. Traefik uses the environment only without arguments.
    pub(super) fn read(container: &ContainerInspectResponse) -> Self {
        let arguments = container.args.as_deref().unwrap_or_default();
        let mut settings = from_arguments(arguments);
        if settings.is_empty() {
            let environment = container
                .config
                .as_ref()
                .and_then(|config| config.env.as_deref());
            settings = from_environment(environment.unwrap_or_default());
        }
        let text = |key: &str| settings.get(key).cloned();
        let is_on = |key: &str| {
            settings
                .get(key)
                .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
        };
        let labels = container
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref());
        let api_port = settings
            .get("entrypoints.traefik.address")
            .and_then(|address| port_of(address))
            .unwrap_or(8080);
        Self {
            id: container.id.clone().unwrap_or_default(),
            name: plain_name(container),
            version: labels
                .and_then(|labels| labels.get("org.opencontainers.image.version"))
                .cloned(),
            entry_points: entry_points(&settings, container),
            default_rule: text("providers.docker.defaultrule")
                .map(DefaultRule)
                .unwrap_or_default(),
            exposed_by_default: !settings
                .get("providers.docker.exposedbydefault")
                .is_some_and(|value| value.eq_ignore_ascii_case("false")),
            constraints: text("providers.docker.constraints").unwrap_or_default(),
            uses_bound_ports: is_on("providers.docker.usebindportip"),
            api: is_on("api.insecure")
                .then(|| published(container, api_port))
                .flatten(),
            others: Vec::new(),
        }
    }

    /// The entry points of a router.
    pub(super) fn entry_points_of(&self, names: &[String]) -> Vec<&EntryPoint> {
        self.entry_points
            .iter()
            .filter(|point| {
                if names.is_empty() {
                    point.is_default
                } else {
                    names
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(&point.name))
                }
            })
            .collect()
    }
}

/// A container's name, without the slash in front.
pub(super) fn plain_name(container: &ContainerInspectResponse) -> String {
    let name = container.name.as_deref().unwrap_or_default();
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

/// The ids of the networks that a container is in.
pub(super) fn network_ids(container: &ContainerInspectResponse) -> BTreeSet<String> {
    container
        .network_settings
        .iter()
        .filter_map(|settings| settings.networks.as_ref())
        .flat_map(|networks| networks.values())
        .filter_map(|network| network.network_id.clone())
        .collect()
}

fn is_on_host_network(container: &ContainerInspectResponse) -> bool {
    container
        .host_config
        .as_ref()
        .and_then(|config| config.network_mode.as_deref())
        == Some("host")
}

fn reaches(container: &ContainerInspectResponse, networks: &BTreeSet<String>) -> bool {
    is_on_host_network(container) || !network_ids(container).is_disjoint(networks)
}

/// Tells Traefik from services that only have its name in their image's or command's.
fn runs_traefik(container: &ContainerInspectResponse) -> bool {
    let words = container
        .path
        .iter()
        .chain(container.args.iter().flatten().take(1));
    let title = container
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref())
        .and_then(|labels| labels.get("org.opencontainers.image.title"));
    title.is_some_and(|title| title.eq_ignore_ascii_case("traefik"))
        || words
            .into_iter()
            .any(|word| word.rsplit('/').next() == Some("traefik"))
}

/// `--entryPoints.web.address=:80`, `--api.insecure`; keys in lower case.
fn from_arguments(arguments: &[String]) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let Some(option) = argument.strip_prefix('-') else {
            continue;
        };
        let option = option.strip_prefix('-').unwrap_or(option);
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => match rest.next_if(|next| !next.starts_with('-')) {
                Some(value) => (option, value.clone()),
                None => (option, "true".to_owned()),
            },
        };
        settings.insert(key.to_lowercase(), value);
    }
    settings
}

/// `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80`
fn from_environment(environment: &[String]) -> BTreeMap<String, String> {
    environment
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .filter_map(|(name, value)| {
            let key = name.to_lowercase();
            Some((
                key.strip_prefix("traefik_")?.replace('_', "."),
                value.to_owned(),
            ))
        })
        .collect()
}

fn entry_points(
    settings: &BTreeMap<String, String>,
    container: &ContainerInspectResponse,
) -> Vec<EntryPoint> {
    let names: BTreeSet<_> = settings
        .keys()
        .filter_map(|key| key.strip_prefix("entrypoints."))
        .filter_map(|key| key.split('.').next())
        .filter(|name| *name != INTERNAL)
        .collect();
    if names.is_empty() {
        // Traefik's own default, where none is defined.
        return vec![EntryPoint {
            name: "http".into(),
            is_default: true,
            tls: false,
            redirects: false,
            address: published(container, 80),
        }];
    }
    let is_on = |name: &str, option: &str| {
        settings
            .get(&format!("entrypoints.{name}.{option}"))
            .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    };
    let some_are_default = names.iter().any(|name| is_on(name, "asdefault"));
    names
        .into_iter()
        .filter_map(|name| {
            let address = settings.get(&format!("entrypoints.{name}.address"))?;
            let below = |option: &str| {
                let prefix = format!("entrypoints.{name}.{option}");
                settings.keys().any(|key| key.starts_with(&prefix))
            };
            Some(EntryPoint {
                name: name.to_owned(),
                is_default: !some_are_default || is_on(name, "asdefault"),
                tls: below("http.tls"),
                redirects: below("http.redirections.entrypoint.to"),
                address: port_of(address).and_then(|port| published(container, port)),
            })
        })
        .collect()
}

/// The port of an entry point's address: `:80`, `0.0.0.0:80`, `:80/tcp`. None for UDP.
fn port_of(address: &str) -> Option<u16> {
    let address = match address.rsplit_once('/') {
        Some((address, "tcp")) => address,
        Some(_) => return None,
        None => address,
    };
    address.rsplit(':').next()?.parse().ok()
}

/// Where a port of the container can be reached on this machine.
fn published(container: &ContainerInspectResponse, port: u16) -> Option<SocketAddr> {
    if is_on_host_network(container) {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let ports = container.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{port}/tcp"))?.as_ref()?;
    bindings.iter().find_map(address_of)
}

fn address_of(binding: &PortBinding) -> Option<SocketAddr> {
    let port = binding.host_port.as_ref()?.parse().ok()?;
    let address = match binding.host_ip.as_deref() {
        None | Some("") => Ipv4Addr::LOCALHOST.into(),
        Some(address) => address.parse::<IpAddr>().ok()?,
    };
    let address = if address.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        address
    };
    Some(SocketAddr::new(address, port))
}
