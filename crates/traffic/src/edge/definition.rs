//! The edge as a service of the project: what stands in the override.

use std::collections::BTreeSet;

use super::{
    DIRECTORY, PING_ENTRY, PING_PORT, SERVICE,
    entry::{Entry, Protocol},
    image::{EdgeImage, Setting},
    routes::{self, BASELINE},
};
use teal_compose::{ComposeModel, ComposePort};
use teal_docker::teal_label;
use teal_model::HostPort;

/// The file with the edge's baseline, beside the override.
pub const BASELINE_FILE: &str = "teal-edge.yaml";

const FIRST_ENTRY: u16 = 10_000;
/// Characters that Traefik may refuse where a path has them encoded.
const ENCODED: [&str; 7] = [
    "SLASH",
    "BACKSLASH",
    "NULLCHARACTER",
    "SEMICOLON",
    "PERCENT",
    "QUESTIONMARK",
    "HASH",
];

const USER: &str = "65534:65534";

/// What the edge's containers are made from. Whoever runs `docker compose up` gets the same edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub image: String,
    pub environment: Vec<(String, String)>,
    /// In Compose's short form.
    pub ports: Vec<String>,
    pub labels: Vec<(String, String)>,
    /// `None` if the project's default network will do.
    pub networks: Vec<String>,
    /// The text of [`BASELINE_FILE`].
    pub baseline: String,
    /// Ports of the service that stay its own.
    pub left: Vec<String>,
}

impl Definition {
    /// The edge that there is in the model, with these ports of a service besides.
    pub fn with(
        model: &ComposeModel,
        service: &str,
        taken: &[(&HostPort, Protocol)],
        image: &EdgeImage,
    ) -> Self {
        let edge = model.services.get(SERVICE);
        let mut entries = edge.map_or_else(Vec::new, |edge| Entry::all(&edge.labels));
        let mut published: Vec<_> = edge.iter().flat_map(|edge| edge.ports.clone()).collect();
        for (port, protocol) in taken {
            let is_used = |number: &u16| entries.iter().any(|entry| entry.port == *number);
            let free = (FIRST_ENTRY..=u16::MAX).find(|number| !is_used(number));
            let entry = Entry {
                port: free.unwrap_or(FIRST_ENTRY),
                protocol: *protocol,
                service: service.to_owned(),
                target: port.target,
            };
            published.push(ComposePort {
                target: entry.port,
                published: Some(port.published.to_string()),
                host_ip: port.host_ip.clone(),
                protocol: port.protocol.clone(),
            });
            entries.push(entry);
        }
        let file = model.services.get(service);
        let left = file.iter().flat_map(|file| &file.ports);
        let is_taken = |port: &ComposePort| {
            taken
                .iter()
                .any(|(taken, _)| port.can_be_published_as(taken))
        };
        let left = left
            .filter(|port| !is_taken(port))
            .map(ToString::to_string)
            .collect();
        Self {
            image: image.name.clone(),
            environment: environment(&entries, image),
            ports: published.iter().map(short_form).collect(),
            labels: labels(&entries),
            networks: networks(model, service),
            baseline: routes::baseline(&entries),
            left,
        }
    }

    /// What is mounted: the volume for splits, and the baseline above it.
    pub fn volumes() -> [String; 2] {
        [
            format!("{SERVICE}:{DIRECTORY}"),
            // `z`: where SELinux decides who reads a file, the edge may. Elsewhere it means nothing.
            format!("./{BASELINE_FILE}:{DIRECTORY}/{BASELINE}:ro,z"),
        ]
    }

    /// Everything but what differs from edge to edge.
    pub const fn hardening() -> [(&'static str, &'static str); 5] {
        [
            ("user", USER),
            ("read_only", "true"),
            ("cap_drop", "[ALL]"),
            ("security_opt", "[\"no-new-privileges:true\"]"),
            ("restart", "unless-stopped"),
        ]
    }
}

/// Traefik's static configuration. It is to be noticed as little as possible: no time limits that
/// the service did not have, and its clients' headers as they come.
fn environment(entries: &[Entry], image: &EdgeImage) -> Vec<(String, String)> {
    let mut settings = vec![
        ("GLOBAL_CHECKNEWVERSION".to_owned(), "false".to_owned()),
        ("GLOBAL_SENDANONYMOUSUSAGE".into(), "false".into()),
        ("PROVIDERS_FILE_DIRECTORY".into(), DIRECTORY.into()),
        // Shifts are served at once; nobody else changes the configuration.
        ("PROVIDERS_PROVIDERSTHROTTLEDURATION".into(), "100ms".into()),
        ("PING".into(), "true".into()),
        ("PING_MANUALROUTING".into(), "true".into()),
    ];
    let mut entry_point = |name: &str, option: &str, value: String| {
        settings.push((
            format!("ENTRYPOINTS_{}_{option}", name.to_uppercase()),
            value,
        ));
    };
    entry_point(PING_ENTRY, "ADDRESS", format!(":{PING_PORT}"));
    for entry in entries {
        let name = entry.name();
        entry_point(&name, "ADDRESS", format!(":{}", entry.port));
        if !entry.protocol.is_http() {
            continue;
        }
        entry_point(&name, "FORWARDEDHEADERS_INSECURE", "true".into());
        // Uploads and streams take as long as they take, and clients keep their connections.
        for timeout in ["READTIMEOUT", "WRITETIMEOUT", "IDLETIMEOUT"] {
            let option = format!("TRANSPORT_RESPONDINGTIMEOUTS_{timeout}");
            entry_point(&name, &option, "0".into());
        }
        // A setting that it does not know ends Traefik at its start.
        if image.knows(Setting::SanitizePath) {
            entry_point(&name, "HTTP_SANITIZEPATH", "false".into());
        }
        if image.knows(Setting::EncodedCharacters) {
            for character in ENCODED {
                let option = format!("HTTP_ENCODEDCHARACTERS_ALLOWENCODED{character}");
                entry_point(&name, &option, "true".into());
            }
        }
    }
    let named = settings.into_iter();
    named
        .map(|(name, value)| (format!("TRAEFIK_{name}"), value))
        .collect()
}

fn labels(entries: &[Entry]) -> Vec<(String, String)> {
    let role = (teal_label::ROLE.to_owned(), teal_label::EDGE.to_owned());
    std::iter::once(role)
        .chain(entries.iter().map(Entry::label))
        .collect()
}

/// All networks of the services behind the edge.
fn networks(model: &ComposeModel, service: &str) -> Vec<String> {
    let of = |name: &str| {
        let service = model.services.get(name);
        service
            .into_iter()
            .flat_map(|service| service.networks.keys().cloned())
            .collect::<BTreeSet<_>>()
    };
    let mut all = of(service);
    all.extend(of(SERVICE));
    if all.iter().all(|name| name == "default") {
        return Vec::new();
    }
    all.into_iter().collect()
}

/// `127.0.0.1:8080:10000`: without the protocol, which is TCP.
fn short_form(port: &ComposePort) -> String {
    let text = port.to_string();
    text.trim_end_matches("/tcp").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> ComposeModel {
        let text = text.replace('\'', "\"");
        serde_json::from_str(&text).unwrap()
    }

    fn port(host_ip: Option<&str>, published: u16, target: u16) -> HostPort {
        HostPort {
            host_ip: host_ip.map(str::to_owned),
            published,
            target,
            protocol: "tcp".into(),
        }
    }

    fn image(name: &str) -> EdgeImage {
        EdgeImage {
            name: name.to_owned(),
            version: name.split_once(":v").map(|(_, version)| version.to_owned()),
            is_on_engine: true,
        }
    }

    #[test]
    fn ports_keep_their_host_addresses_and_others_stay() {
        let model = model(
            "{'name': 'p', 'services': {'web': {'networks': {'default': null}, 'ports': [
                {'target': 80, 'published': '8080', 'protocol': 'tcp'},
                {'target': 443, 'published': '8443', 'host_ip': '::1', 'protocol': 'tcp'},
                {'target': 90, 'protocol': 'tcp'}]}}}",
        );
        let (http, https) = (port(None, 8080, 80), port(Some("::1"), 8443, 443));
        let taken = [(&http, Protocol::Http), (&https, Protocol::Tcp)];
        let edge = Definition::with(&model, "web", &taken, &image("traefik:v3.0"));
        assert_eq!(edge.ports, ["8080:10000", "[::1]:8443:10001"]);
        assert_eq!(edge.left, ["90/tcp"]);
        assert_eq!(edge.networks, [""; 0]);
        assert_eq!(edge.image, "traefik:v3.0");
        let labels: Vec<_> = edge
            .labels
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(labels, ["edge", "http web 80", "tcp web 443"]);
        let names: Vec<_> = edge
            .environment
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(names.contains(&"TRAEFIK_ENTRYPOINTS_E10001_ADDRESS"));
        assert!(!names.iter().any(|name| name.contains("SANITIZE")));
    }

    #[test]
    fn the_port_that_is_published_now_is_taken_out_of_its_range() {
        let model = model(
            "{'name': 'p', 'services': {'web': {'networks': {'default': null}, 'ports': [
                {'target': 80, 'published': '8080-8089', 'protocol': 'tcp'},
                {'target': 81, 'protocol': 'tcp'},
                {'target': 53, 'published': '8053', 'protocol': 'udp'}]}}}",
        );
        let (first, second) = (port(None, 8083, 80), port(None, 49_153, 81));
        let taken = [(&first, Protocol::Http), (&second, Protocol::Tcp)];
        let edge = Definition::with(&model, "web", &taken, &image("traefik:v3.7"));
        assert_eq!(edge.ports, ["8083:10000", "49153:10001"]);
        assert_eq!(edge.left, ["8053:53/udp"]);
        let setting = |name: &str| {
            let mut all = edge.environment.iter();
            all.find(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
        };
        let http = "TRAEFIK_ENTRYPOINTS_E10000_HTTP";
        assert_eq!(setting(&format!("{http}_SANITIZEPATH")), Some("false"));
        let slash = format!("{http}_ENCODEDCHARACTERS_ALLOWENCODEDSLASH");
        assert_eq!(setting(&slash), Some("true"));
        assert_eq!(
            setting("TRAEFIK_ENTRYPOINTS_E10001_HTTP_SANITIZEPATH"),
            None
        );
    }

    #[test]
    fn a_second_service_comes_behind_the_same_edge() {
        let model = model(
            "{'name': 'p', 'services': {
                'api': {'networks': {'back': null}, 'ports': [
                    {'target': 80, 'published': '9000', 'host_ip': '127.0.0.1'}]},
                'teal-edge': {'image': 'mine:1', 'networks': {'default': null},
                    'labels': {'dev.teal.role': 'edge', 'dev.teal.edge.10000': 'http web 80'},
                    'ports': [{'target': 10000, 'published': '8080'}]}}}",
        );
        let http = port(Some("127.0.0.1"), 9000, 80);
        let edge = Definition::with(&model, "api", &[(&http, Protocol::Http)], &image("mine:1"));
        assert_eq!(edge.ports, ["8080:10000", "127.0.0.1:9000:10001"]);
        assert_eq!(edge.networks, ["back", "default"]);
        assert_eq!(edge.image, "mine:1");
        assert!(edge.baseline.contains("http://web:80") && edge.baseline.contains("http://api:80"));
    }

    /// The edge reads its own file also where a security module decides who reads what.
    #[test]
    fn the_baseline_is_labelled_for_containers() {
        let [_, baseline] = Definition::volumes();
        let options = baseline.rsplit(':').next().unwrap_or_default();
        assert_eq!(options.split(',').collect::<Vec<_>>(), ["ro", "z"]);
    }
}
