//! What the edge's file provider reads: the baseline, and the splits above it.

use serde_json::{Map, Value, json};

use super::{
    PING_ENTRY,
    entry::{Entry, Protocol},
};
use crate::{
    http::PROBE_HEADER,
    pins::{Pin, probe_value},
    split::{Sizes, Split},
};
use teal_docker::short;
use teal_model::event::Color;

/// The baseline's name in the edge.
pub(super) const BASELINE: &str = "baseline.yaml";

const BASELINE_HEAD: &str = "# Where Teal's edge leads each port while no rollout runs. Teal writes this file, and takes it\n# away when it gives the ports back.\n";

/// What a split is above: the baseline's routers have the length of their rule.
const PRIORITY: u32 = 1_000;
const PROBE_PRIORITY: u32 = 1_000_000_000;

/// What the rule of an HTTP port is, and what of one that speaks HTTP/2 besides needs that: gRPC and
/// Connect, which have trailers and answers while the request goes on.
const ANY: &str = "PathPrefix(`/`)";
const NEEDS_H2C: &str =
    "PathPrefix(`/`) && HeaderRegexp(`Content-Type`, `^application/(grpc|connect)`)";
/// What needs HTTP/2 is looked for before all else, in every split.
const H2C_ABOVE: u32 = 1_000_000;

/// How connections to services are made.
const TRANSPORT: &str = "teal";
/// Servers close connections that nobody has used for some seconds (Gunicorn 2 s, Node 5 s), and a
/// request that comes at that moment fails. So the edge lets go of them first.
const IDLE: &str = "1s";

fn transports() -> Map<String, Value> {
    let transport = json!({ "forwardingTimeouts": { "idleConnTimeout": IDLE } });
    Map::from_iter([(TRANSPORT.to_owned(), transport)])
}

fn h2c(name: &str) -> String {
    format!("{name}-h2c")
}

/// A name of a container that stays the same when it is started again: the engine's DNS knows it.
fn host(pin: &Pin) -> String {
    short(&pin.container, 12)
}

/// Where the edge asks itself whether this generation is served. 0 is the baseline.
pub(super) fn ping_address(generation: u32) -> String {
    let [_, high, middle, low] = generation.to_be_bytes();
    format!("127.{high}.{middle}.{}", low.saturating_add(1))
}

/// Each port of the edge leads to its service by name.
pub(super) fn baseline(entries: &[Entry]) -> String {
    let mut routes = Routes::default();
    for entry in entries {
        let name = entry.route();
        routes.backend(entry, &name, &entry.service);
        routes.router(entry, &name, &name, None);
    }
    routes.ping(0);
    format!("{BASELINE_HEAD}{}", routes.text())
}

/// A split of one service's ports.
pub(super) struct Generation<'a> {
    pub(super) number: u32,
    pub(super) entries: &'a [Entry],
    pub(super) split: Split,
    pub(super) pins: &'a [Pin],
    /// Only this generation answers to it.
    pub(super) secret: &'a str,
}

impl Generation<'_> {
    /// The name of its file in the edge's directory.
    pub(super) fn file(number: u32) -> String {
        format!("split-{number}.yaml")
    }

    /// The number of a generation's file.
    pub(super) fn number_of(path: &str) -> Option<u32> {
        let name = path.rsplit('/').next()?;
        name.strip_prefix("split-")?
            .strip_suffix(".yaml")?
            .parse()
            .ok()
    }

    pub(super) fn text(&self) -> String {
        let of = |color| self.pins.iter().filter(|pin| pin.color == color).count();
        let sizes = Sizes {
            blue: of(Color::Blue),
            green: of(Color::Green),
        };
        let mut routes = Routes::default();
        for (index, entry) in self.entries.iter().enumerate() {
            let name = format!("g{}-{}", self.number, entry.name());
            let mut parts = Vec::new();
            for pin in self.pins {
                let part = format!("{name}-{}", host(pin));
                routes.backend(entry, &part, &host(pin));
                if entry.protocol.is_http() {
                    routes.probe(entry, &part, &part, &probe_value(&pin.secret, index));
                }
                let weight = self.split.weight(pin.color, sizes).unwrap_or(1);
                parts.push((part, weight));
            }
            routes.weighted(entry, &name, &parts);
            routes.router(entry, &name, &name, Some(PRIORITY + self.number));
            if entry.protocol.is_http() {
                let secret = probe_value(self.secret, index);
                // Traefik answers this itself: to look does not bother the service.
                routes.probe(entry, &format!("{name}-probe"), "noop@internal", &secret);
            }
        }
        routes.ping(self.number);
        routes.text()
    }
}

/// The parts of a dynamic configuration.
#[derive(Default)]
struct Routes {
    http_routers: Map<String, Value>,
    http_services: Map<String, Value>,
    http_middlewares: Map<String, Value>,
    tcp_routers: Map<String, Value>,
    tcp_services: Map<String, Value>,
}

impl Routes {
    fn service(&mut self, entry: &Entry, name: &str, service: Value) {
        let services = match entry.protocol.is_http() {
            true => &mut self.http_services,
            false => &mut self.tcp_services,
        };
        services.insert(name.to_owned(), service);
    }

    /// The containers that a name leads to.
    fn backend(&mut self, entry: &Entry, name: &str, host: &str) {
        let target = entry.target;
        let http = |scheme: &str| {
            let server = json!({ "url": format!("{scheme}://{host}:{target}") });
            json!({ "loadBalancer": { "servers": [server], "serversTransport": TRANSPORT } })
        };
        match entry.protocol {
            Protocol::Http => self.service(entry, name, http("http")),
            Protocol::HttpAndH2c => {
                self.service(entry, name, http("http"));
                self.service(entry, &h2c(name), http("h2c"));
            }
            Protocol::Tcp => {
                let server = json!({ "address": format!("{host}:{target}") });
                let balancer = json!({ "loadBalancer": { "servers": [server] } });
                self.service(entry, name, balancer);
            }
        }
    }

    /// A service that shares what it gets among others.
    fn weighted(&mut self, entry: &Entry, name: &str, parts: &[(String, usize)]) {
        let shares = |name_of: fn(&str) -> String| {
            let parts = parts.iter();
            let parts: Vec<_> = parts
                .map(|(part, weight)| json!({ "name": name_of(part), "weight": weight }))
                .collect();
            json!({ "weighted": { "services": parts } })
        };
        self.service(entry, name, shares(str::to_owned));
        if entry.protocol == Protocol::HttpAndH2c {
            self.service(entry, &h2c(name), shares(h2c));
        }
    }

    /// Everything that comes in at the entry goes to this service.
    fn router(&mut self, entry: &Entry, name: &str, service: &str, priority: Option<u32>) {
        match entry.protocol {
            Protocol::Http => self.route(entry, name, ANY, service, priority),
            Protocol::HttpAndH2c => {
                self.route(entry, name, ANY, service, priority);
                let priority = priority.map(|priority| priority + H2C_ABOVE);
                self.route(entry, &h2c(name), NEEDS_H2C, &h2c(service), priority);
            }
            Protocol::Tcp => self.route(entry, name, "HostSNI(`*`)", service, priority),
        }
    }

    fn route(
        &mut self,
        entry: &Entry,
        name: &str,
        rule: &str,
        service: &str,
        priority: Option<u32>,
    ) {
        let routers = match entry.protocol.is_http() {
            true => &mut self.http_routers,
            false => &mut self.tcp_routers,
        };
        let mut router = json!({
            "entryPoints": [entry.name()],
            "rule": rule,
            "service": service,
        });
        if let Some(priority) = priority {
            router["priority"] = priority.into();
        }
        routers.insert(name.to_owned(), router);
    }

    /// Who knows the value gets to this service, and the value back.
    fn probe(&mut self, entry: &Entry, name: &str, service: &str, value: &str) {
        let router = json!({
            "entryPoints": [entry.name()],
            "rule": format!("Header(`{PROBE_HEADER}`, `{value}`)"),
            "priority": PROBE_PRIORITY,
            "service": service,
            "middlewares": [name],
        });
        self.http_routers.insert(name.to_owned(), router);
        let headers = json!({ "headers": { "customResponseHeaders": { PROBE_HEADER: value } } });
        self.http_middlewares.insert(name.to_owned(), headers);
    }

    /// The edge's own ping answers at this generation's address, within the edge.
    fn ping(&mut self, generation: u32) {
        let router = json!({
            "entryPoints": [PING_ENTRY],
            "rule": format!("Host(`{}`) && Path(`/ping`)", ping_address(generation)),
            "service": "ping@internal",
        });
        self.http_routers
            .insert(format!("ping-{generation}"), router);
    }

    /// As YAML. An empty part is an error to Traefik, so it is left out.
    fn text(self) -> String {
        let mut top = Map::new();
        let is_http = !self.http_services.is_empty();
        let mut put = |protocol: &str, part: &str, map: Map<String, Value>| {
            if !map.is_empty() {
                let section = top.entry(protocol).or_insert_with(|| json!({}));
                section[part] = map.into();
            }
        };
        put("http", "routers", self.http_routers);
        put("http", "services", self.http_services);
        put("http", "middlewares", self.http_middlewares);
        if is_http {
            put("http", "serversTransports", transports());
        }
        put("tcp", "routers", self.tcp_routers);
        put("tcp", "services", self.tcp_services);
        yaml_serde::to_string(&top).unwrap_or_else(|_| Value::from(top).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(port: u16, protocol: Protocol) -> Entry {
        Entry {
            port,
            protocol,
            service: "web".into(),
            target: 8080,
        }
    }

    #[test]
    fn the_baseline_leads_to_the_service_by_its_name() {
        let text = baseline(&[entry(10_000, Protocol::Http), entry(10_001, Protocol::Tcp)]);
        assert!(text.starts_with("# "), "{text}");
        let routes: Value = yaml_serde::from_str(&text).unwrap();
        let service = &routes["http"]["services"]["web-e10000"];
        let servers = &service["loadBalancer"]["servers"];
        assert_eq!(*servers, json!([{ "url": "http://web:8080" }]));
        let servers = &routes["tcp"]["services"]["web-e10001"]["loadBalancer"]["servers"];
        assert_eq!(*servers, json!([{ "address": "web:8080" }]));
        let way_in = &routes["http"]["routers"]["web-e10000"];
        assert_eq!(way_in["entryPoints"], json!(["e10000"]));
        assert!(routes["http"].get("middlewares").is_none());
        assert_eq!(service["loadBalancer"]["serversTransport"], "teal");
        assert!(routes["http"]["serversTransports"]["teal"].is_object());
    }

    #[test]
    fn what_needs_http_2_gets_it_in_the_same_shares() {
        let both = entry(10_000, Protocol::HttpAndH2c);
        let routes: Value = yaml_serde::from_str(&baseline(std::slice::from_ref(&both))).unwrap();
        let grpc = &routes["http"]["services"]["web-e10000-h2c"]["loadBalancer"]["servers"];
        assert_eq!(*grpc, json!([{ "url": "h2c://web:8080" }]));
        let pin = |container: &str, color| Pin {
            container: container.repeat(8),
            color,
            secret: container.to_owned(),
        };
        let generation = Generation {
            number: 2,
            entries: &[both],
            split: Split::of(50),
            pins: &[pin("aaaaaaaa", Color::Blue), pin("cccccccc", Color::Green)],
            secret: "all",
        };
        let routes: Value = yaml_serde::from_str(&generation.text()).unwrap();
        let shares = &routes["http"]["services"]["g2-e10000-h2c"]["weighted"]["services"];
        assert_eq!(shares[1]["name"], "g2-e10000-cccccccccccc-h2c");
        let by_grpc = &routes["http"]["routers"]["g2-e10000-h2c"];
        assert_eq!(by_grpc["priority"], 1_001_002);
        assert!(by_grpc["rule"].as_str().unwrap().contains("grpc"));
    }

    #[test]
    fn a_split_gives_each_container_what_makes_up_its_sets_share() {
        let pin = |container: &str, color| Pin {
            container: container.repeat(8),
            color,
            secret: container.to_owned(),
        };
        let pins = [
            pin("aaaaaaaa", Color::Blue),
            pin("bbbbbbbb", Color::Blue),
            pin("cccccccc", Color::Green),
        ];
        let generation = Generation {
            number: 3,
            entries: &[entry(10_000, Protocol::Http)],
            split: Split::of(50),
            pins: &pins,
            secret: "all",
        };
        let routes: Value = yaml_serde::from_str(&generation.text()).unwrap();
        let services = &routes["http"]["services"];
        let parts = services["g3-e10000"]["weighted"]["services"]
            .as_array()
            .unwrap();
        let weights: Vec<_> = parts.iter().map(|part| &part["weight"]).collect();
        assert_eq!(weights, [1, 1, 2]);
        let one = &services["g3-e10000-cccccccccccc"]["loadBalancer"]["servers"][0];
        assert_eq!(one["url"], "http://cccccccccccc:8080");
        let probe = &routes["http"]["routers"]["g3-e10000-probe"];
        assert_eq!(probe["rule"], "Header(`x-teal-probe`, `all-0`)");
        assert_eq!(routes["http"]["routers"]["g3-e10000"]["priority"], 1003);
        assert_eq!(Generation::number_of("teal/split-3.yaml"), Some(3));
        assert_eq!(Generation::number_of(BASELINE), None);
    }
}
