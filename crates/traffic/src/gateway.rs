//! The Traefik container in front of a service: what it was started with, and where its entry
//! points can be reached from here.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use bollard::models::{ContainerInspectResponse, PortBinding};

use teal_docker::EngineHost;

use super::{
    constraints,
    default_rule::DefaultRule,
    find::{compose_service, reads_labels},
    pins::Limited,
    settings::Settings,
    throttle::Throttle,
    version::Version,
};

/// Traefik's own entry point, for its API.
const INTERNAL: &str = "traefik";

/// One Traefik, as far as its static configuration tells.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub(super) id: String,
    pub(super) name: String,
    /// As its API, its image's label or tag tells it.
    pub(super) version: Option<String>,
    pub(super) entry_points: Vec<EntryPoint>,
    pub(super) default_rule: DefaultRule,
    pub(super) exposed_by_default: bool,
    pub(super) constraints: String,
    pub(super) uses_bound_ports: bool,
    /// What it takes routes from besides containers.
    pub(super) other_providers: BTreeSet<String>,
    /// Where its API may answer.
    pub(super) api: Option<SocketAddr>,
    pub(super) throttle: Throttle,
    /// Whether it takes up what changes on the engine.
    pub(super) watches: bool,
    /// Whether its settings say that it takes routes from labels, as far as they can be read.
    pub(super) reads_labels: bool,
    /// Compose's project and service: what stays the same when it is recreated.
    pub(super) service: Option<(String, String)>,
    pub(super) networks: BTreeSet<String>,
    pub(super) is_on_host_network: bool,
    /// Where its ports are published.
    pub(super) host: EngineHost,
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
    /// Those of every request, before its router's.
    pub(super) middlewares: Vec<String>,
    /// Whether these let only so many requests through.
    pub(super) limited: Limited,
    /// Where it is published.
    pub(super) address: Option<SocketAddr>,
    /// Where it is in Traefik's own network; none of UDP.
    pub(super) inner: Option<SocketAddr>,
}

impl Gateway {
    pub(super) fn read(
        container: &ContainerInspectResponse,
        host: EngineHost,
        settings: &Settings,
    ) -> Self {
        let text = |key: &str| settings.get(key).cloned();
        let is_on = |key: &str| {
            settings
                .get(key)
                .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
        };
        let api = settings
            .get("entrypoints.traefik.address")
            .and_then(|address| inner(address))
            .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        Self {
            id: container.id.clone().unwrap_or_default(),
            name: plain_name(container),
            version: labels_of(container)
                .remove("org.opencontainers.image.version")
                .or_else(|| Some(Version::of_image(image_of(container)?)?.to_owned())),
            entry_points: entry_points(settings, container, host),
            default_rule: text("providers.docker.defaultrule")
                .map(DefaultRule)
                .unwrap_or_default(),
            exposed_by_default: !settings
                .get("providers.docker.exposedbydefault")
                .is_some_and(|value| value.eq_ignore_ascii_case("false")),
            constraints: text("providers.docker.constraints").unwrap_or_default(),
            uses_bound_ports: is_on("providers.docker.usebindportip"),
            other_providers: other_providers(settings),
            api: is_on("api.insecure")
                .then(|| published(container, host, api))
                .flatten(),
            throttle: Throttle::of(settings),
            reads_labels: reads_labels(settings),
            watches: !settings
                .get("providers.docker.watch")
                .is_some_and(|value| value.eq_ignore_ascii_case("false")),
            service: compose_service(&labels_of(container)),
            networks: network_ids(container),
            is_on_host_network: is_on_host_network(container),
            host,
        }
    }

    /// Whether its constraints keep it from a container with these labels, as far as they can be told.
    pub(super) fn leaves_out(&self, labels: &HashMap<String, String>) -> bool {
        constraints::matches(&self.constraints, labels) == Some(false)
    }

    /// Whether it can reach a container in one of these networks.
    pub(super) fn reaches(&self, networks: &BTreeSet<String>) -> bool {
        self.is_on_host_network || !self.networks.is_disjoint(networks)
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

impl EntryPoint {
    /// Its name, and what lets only so many of its requests through.
    pub(super) fn limiter(&self) -> Option<(&str, &str)> {
        match &self.limited {
            Limited::By(middleware) => Some((&self.name, middleware)),
            Limited::No | Limited::Perhaps(_) => None,
        }
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

/// The image that a container was made of, as it was asked for.
fn image_of(container: &ContainerInspectResponse) -> Option<&str> {
    container.config.as_ref()?.image.as_deref()
}

/// A container's labels.
pub(super) fn labels_of(container: &ContainerInspectResponse) -> HashMap<String, String> {
    container
        .config
        .as_ref()
        .and_then(|config| config.labels.clone())
        .unwrap_or_default()
}

/// The ports that a container exposes, the lowest first: TCP or not, as Traefik takes them.
pub(super) fn exposed_ports(container: &ContainerInspectResponse) -> Vec<u16> {
    let bound = container
        .network_settings
        .iter()
        .filter_map(|settings| settings.ports.as_ref())
        .flat_map(HashMap::keys);
    // A container that does not run has no ports, but still says which it exposes.
    let exposed = container
        .config
        .iter()
        .filter_map(|config| config.exposed_ports.as_ref())
        .flatten();
    let ports: BTreeSet<u16> = bound
        .chain(exposed)
        .filter_map(|port| port.split('/').next()?.parse().ok())
        .collect();
    ports.into_iter().collect()
}

fn is_on_host_network(container: &ContainerInspectResponse) -> bool {
    container
        .host_config
        .as_ref()
        .and_then(|config| config.network_mode.as_deref())
        == Some("host")
}

fn entry_points(
    settings: &Settings,
    container: &ContainerInspectResponse,
    host: EngineHost,
) -> Vec<EntryPoint> {
    let names: BTreeSet<_> = settings
        .keys()
        .filter_map(|key| key.strip_prefix("entrypoints."))
        .filter_map(|key| key.split('.').next())
        .filter(|name| *name != INTERNAL)
        .collect();
    if names.is_empty() {
        // Traefik's own default, where none is defined.
        let inner = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        return vec![EntryPoint {
            name: "http".into(),
            is_default: true,
            tls: false,
            redirects: false,
            middlewares: Vec::new(),
            limited: Limited::No,
            address: published(container, host, inner),
            inner: Some(inner),
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
            let inner = inner(address);
            Some(EntryPoint {
                name: name.to_owned(),
                is_default: !some_are_default || is_on(name, "asdefault"),
                tls: below("http.tls"),
                redirects: below("http.redirections.entrypoint.to"),
                middlewares: listed(settings, &format!("entrypoints.{name}.http.middlewares")),
                limited: Limited::No,
                address: inner.and_then(|inner| published(container, host, inner)),
                inner,
            })
        })
        .collect()
}

/// What it takes routes from besides containers: `file`, `consulcatalog`.
fn other_providers(settings: &Settings) -> BTreeSet<String> {
    settings
        .iter()
        .filter(|(_, value)| !value.eq_ignore_ascii_case("false"))
        .filter_map(|(key, _)| key.strip_prefix("providers.")?.split('.').next())
        .filter(|provider| !["docker", "providersthrottleduration"].contains(provider))
        .map(str::to_owned)
        .collect()
}

/// A list as an argument has it, `a,b`, or with an index each, or as files have it: `["a","b"]`.
fn listed(settings: &Settings, key: &str) -> Vec<String> {
    let is_between = |character: char| character == ',' || "[]\" ".contains(character);
    let is_its = |found: &str| match found.strip_prefix(key) {
        Some(rest) => rest.is_empty() || rest.starts_with(['.', '[']),
        None => false,
    };
    settings
        .iter()
        .filter(|(found, _)| is_its(found))
        .flat_map(|(_, value)| value.split(is_between))
        .map(str::to_owned)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Where an entry point is in Traefik's own network, by its address: `:80`, `0.0.0.0:80`, `:80/tcp`.
/// None of UDP.
fn inner(address: &str) -> Option<SocketAddr> {
    let address = match address.rsplit_once('/') {
        Some((address, "tcp")) => address,
        Some(_) => return None,
        None => address,
    };
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let bound = host.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified());
    let ip = bound.unwrap_or(Ipv4Addr::LOCALHOST.into());
    Some(SocketAddr::new(ip, port.parse().ok()?))
}

/// Where what is there in Traefik's own network can be reached from this machine.
fn published(
    container: &ContainerInspectResponse,
    host: EngineHost,
    inner: SocketAddr,
) -> Option<SocketAddr> {
    if is_on_host_network(container) {
        // This one stands for all addresses.
        let bound = Some(inner.ip()).filter(|ip| *ip != Ipv4Addr::LOCALHOST);
        return Some((host.reach(bound)?, inner.port()).into());
    }
    let ports = container.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{}/tcp", inner.port()))?.as_ref()?;
    bindings
        .iter()
        .find_map(|binding| address_of(binding, host))
}

fn address_of(binding: &PortBinding, host: EngineHost) -> Option<SocketAddr> {
    let port = binding.host_port.as_ref()?.parse().ok()?;
    let bound = match binding.host_ip.as_deref() {
        None | Some("") => None,
        Some(address) => Some(address.parse().ok()?),
    };
    Some(SocketAddr::new(host.reach(bound)?, port))
}

#[cfg(test)]
mod tests {
    use bollard::models::HostConfig;

    use super::*;

    #[test]
    fn an_entry_point_on_the_hosts_network_is_asked_where_it_is_bound() {
        let container = ContainerInspectResponse {
            host_config: Some(HostConfig {
                network_mode: Some("host".into()),
                ..HostConfig::default()
            }),
            ..ContainerInspectResponse::default()
        };
        let at = |address: &str| published(&container, EngineHost::Here, inner(address)?);
        let is = |text: &str| Some(text.parse().unwrap());
        assert_eq!(at("192.168.1.5:80"), is("192.168.1.5:80"));
        assert_eq!(at("[fd00::5]:443/tcp"), is("[fd00::5]:443"));
        assert_eq!(at("127.0.0.2:80"), is("127.0.0.2:80"));
        assert_eq!(at("[::1]:80"), is("[::1]:80"));
        assert_eq!(at(":80"), is("127.0.0.1:80"));
        assert_eq!(at("0.0.0.0:80"), is("127.0.0.1:80"));
        assert_eq!(at("[::]:80"), is("127.0.0.1:80"));
        assert_eq!(at(":53/udp"), None);
    }
}
