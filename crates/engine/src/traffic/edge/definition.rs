//! The edge as a service of the project: what stands in the override.

use std::collections::BTreeSet;

use super::{
    DIRECTORY, PING_ENTRY, PING_PORT, ROLE, SERVICE,
    entry::{Entry, Protocol},
    routes::{self, BASELINE},
};
use crate::{
    compose::{ComposeModel, ComposePort},
    docker::teal_label,
    model::HostPort,
};

/// The file with the edge's baseline, beside the override.
pub(crate) const BASELINE_FILE: &str = "teal-edge.yaml";

/// The official image, in whichever third version the engine has or gets.
pub(crate) const IMAGE: &str = "traefik:v3";

const FIRST_ENTRY: u16 = 10_000;
const USER: &str = "65534:65534";

/// What the edge's containers are made from. Whoever runs `docker compose up` gets the same edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) image: String,
    pub(crate) environment: Vec<(String, String)>,
    /// In Compose's short form.
    pub(crate) ports: Vec<String>,
    pub(crate) labels: Vec<(String, String)>,
    /// None where the project's default network will do.
    pub(crate) networks: Vec<String>,
    /// The text of [`BASELINE_FILE`].
    pub(crate) baseline: String,
    /// Ports of the service that stay its own: those without a fixed host port.
    pub(crate) left: Vec<String>,
}

impl Definition {
    /// The edge that there is in the model, with these ports of a service besides.
    pub(crate) fn with(
        model: &ComposeModel,
        service: &str,
        taken: &[(&HostPort, Protocol)],
        image: Option<&str>,
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
            taken.iter().any(|(taken, _)| {
                port.host_ports() == Some((taken.published, taken.published))
                    && port.host_ip == taken.host_ip
            })
        };
        let left = left
            .filter(|port| !is_taken(port))
            .map(ToString::to_string)
            .collect();
        let image = image
            .or(edge.and_then(|edge| edge.image.as_deref()))
            .unwrap_or(IMAGE);
        Self {
            image: image.to_owned(),
            environment: environment(&entries),
            ports: published.iter().map(short_form).collect(),
            labels: labels(&entries),
            networks: networks(model, service),
            baseline: routes::baseline(&entries),
            left,
        }
    }

    /// What is mounted: the volume for splits, and the baseline above it.
    pub(crate) fn volumes() -> [String; 2] {
        [
            format!("{SERVICE}:{DIRECTORY}"),
            format!("./{BASELINE_FILE}:{DIRECTORY}/{BASELINE}:ro"),
        ]
    }

    /// Everything but what differs from edge to edge.
    pub(crate) const fn hardening() -> [(&'static str, &'static str); 5] {
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
fn environment(entries: &[Entry]) -> Vec<(String, String)> {
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
        if entry.protocol == Protocol::Http {
            entry_point(&name, "FORWARDEDHEADERS_INSECURE", "true".into());
            entry_point(
                &name,
                "TRANSPORT_RESPONDINGTIMEOUTS_READTIMEOUT",
                "0".into(),
            );
        }
    }
    let named = settings.into_iter();
    named
        .map(|(name, value)| (format!("TRAEFIK_{name}"), value))
        .collect()
}

fn labels(entries: &[Entry]) -> Vec<(String, String)> {
    let role = (teal_label::ROLE.to_owned(), ROLE.to_owned());
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

    #[test]
    fn ports_keep_their_host_addresses_and_random_ones_stay() {
        let model = model(
            "{'name': 'p', 'services': {'web': {'networks': {'default': null}, 'ports': [
                {'target': 80, 'published': '8080', 'protocol': 'tcp'},
                {'target': 443, 'published': '8443', 'host_ip': '::1', 'protocol': 'tcp'},
                {'target': 90, 'protocol': 'tcp'}]}}}",
        );
        let (http, https) = (port(None, 8080, 80), port(Some("::1"), 8443, 443));
        let taken = [(&http, Protocol::Http), (&https, Protocol::Tcp)];
        let edge = Definition::with(&model, "web", &taken, None);
        assert_eq!(edge.ports, ["8080:10000", "[::1]:8443:10001"]);
        assert_eq!(edge.left, ["90/tcp"]);
        assert_eq!(edge.networks, [""; 0]);
        assert_eq!(edge.image, IMAGE);
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
        let edge = Definition::with(&model, "api", &[(&http, Protocol::Http)], None);
        assert_eq!(edge.ports, ["8080:10000", "127.0.0.1:9000:10001"]);
        assert_eq!(edge.networks, ["back", "default"]);
        assert_eq!(edge.image, "mine:1");
        assert!(edge.baseline.contains("http://web:80") && edge.baseline.contains("http://api:80"));
    }
}
