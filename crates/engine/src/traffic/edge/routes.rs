//! What the edge's file provider reads: the baseline, and the splits above it.

use serde_json::{Map, Value, json};

use super::{
    PING_ENTRY,
    entry::{Entry, Protocol},
};
use crate::{
    event::Color,
    traffic::{
        http::PROBE_HEADER,
        pins::{Pin, probe_value},
        sidecar::short,
        split::{Sizes, Split},
    },
};

/// The baseline's name in the edge.
pub(super) const BASELINE: &str = "baseline.yaml";

const BASELINE_HEAD: &str = "# Where Teal's edge leads each port while no rollout runs. Teal writes this file, and takes it\n# away when it gives the ports back.\n";

/// What a split is above: the baseline's routers have the length of their rule.
const PRIORITY: u32 = 1_000;
const PROBE_PRIORITY: u32 = 1_000_000_000;

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
                if entry.protocol == Protocol::Http {
                    routes.probe(entry, &part, &part, &probe_value(&pin.secret, index));
                }
                let weight = self.split.weight(pin.color, sizes).unwrap_or(1);
                parts.push(json!({ "name": part, "weight": weight }));
            }
            routes.service(entry, &name, json!({ "weighted": { "services": parts } }));
            routes.router(entry, &name, &name, Some(PRIORITY + self.number));
            if entry.protocol == Protocol::Http {
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
        let services = match entry.protocol {
            Protocol::Http => &mut self.http_services,
            Protocol::Tcp => &mut self.tcp_services,
        };
        services.insert(name.to_owned(), service);
    }

    /// The containers that a name leads to.
    fn backend(&mut self, entry: &Entry, name: &str, host: &str) {
        let target = entry.target;
        let server = match entry.protocol {
            Protocol::Http => json!({ "url": format!("http://{host}:{target}") }),
            Protocol::Tcp => json!({ "address": format!("{host}:{target}") }),
        };
        self.service(
            entry,
            name,
            json!({ "loadBalancer": { "servers": [server] } }),
        );
    }

    /// Everything that comes in at the entry goes to this service.
    fn router(&mut self, entry: &Entry, name: &str, service: &str, priority: Option<u32>) {
        let (routers, rule) = match entry.protocol {
            Protocol::Http => (&mut self.http_routers, "PathPrefix(`/`)"),
            Protocol::Tcp => (&mut self.tcp_routers, "HostSNI(`*`)"),
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
        let mut put = |protocol: &str, part: &str, map: Map<String, Value>| {
            if !map.is_empty() {
                let section = top.entry(protocol).or_insert_with(|| json!({}));
                section[part] = map.into();
            }
        };
        put("http", "routers", self.http_routers);
        put("http", "services", self.http_services);
        put("http", "middlewares", self.http_middlewares);
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
