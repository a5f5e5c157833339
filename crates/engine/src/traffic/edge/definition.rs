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

/// Why an edge can't take a service's ports, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) reason: String,
    pub(crate) remedy: &'static str,
}

/// The ports of a service that the edge would take.
///
/// # Errors
/// One of them is none for an edge.
pub(crate) fn fixed_ports<'a>(
    model: &'a ComposeModel,
    service: &str,
) -> Result<Vec<&'a ComposePort>, Unfit> {
    let Some(file) = model.services.get(service) else {
        return Ok(Vec::new());
    };
    let mut fixed = Vec::new();
    for port in &file.ports {
        let Some((first, last)) = port.host_ports() else {
            continue;
        };
        if first != last {
            return Err(Unfit {
                reason: format!("`{port}` is a range of ports, of which each container takes one"),
                remedy: "publish one port, which the edge can hold for all of them",
            });
        }
        if port.protocol != "tcp" {
            return Err(Unfit {
                reason: format!("the edge can't hold `{port}`: it passes on TCP only"),
                remedy: "change this service with a restart in a quiet hour",
            });
        }
        fixed.push(port);
    }
    if !fixed.is_empty() && file.network_mode.is_some() {
        return Err(Unfit {
            reason: "the service is in no network of the project, where the edge could reach it"
                .into(),
            remedy: "remove `network_mode`",
        });
    }
    Ok(fixed)
}

impl Definition {
    /// The edge that there is in the model, with these ports of a service besides.
    pub(crate) fn with(
        model: &ComposeModel,
        service: &str,
        ports: &[(&ComposePort, Protocol)],
        image: Option<&str>,
    ) -> Self {
        let edge = model.services.get(SERVICE);
        let mut entries = edge.map_or_else(Vec::new, |edge| Entry::all(&edge.labels));
        let mut published: Vec<_> = edge.iter().flat_map(|edge| edge.ports.clone()).collect();
        for (port, protocol) in ports {
            let taken = |number: &u16| entries.iter().any(|entry| entry.port == *number);
            let free = (FIRST_ENTRY..).find(|number| !taken(number));
            let entry = Entry {
                port: free.unwrap_or(FIRST_ENTRY),
                protocol: *protocol,
                service: service.to_owned(),
                target: port.target,
            };
            published.push(ComposePort {
                target: entry.port,
                ..(*port).clone()
            });
            entries.push(entry);
        }
        let file = model.services.get(service);
        let left = file.iter().flat_map(|file| &file.ports);
        let left = left
            .filter(|port| port.host_ports().is_none())
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

    #[test]
    fn ports_keep_their_host_addresses_and_random_ones_stay() {
        let model = model(
            "{'name': 'p', 'services': {'web': {'networks': {'default': null}, 'ports': [
                {'target': 80, 'published': '8080', 'protocol': 'tcp'},
                {'target': 443, 'published': '8443', 'host_ip': '::1', 'protocol': 'tcp'},
                {'target': 90, 'protocol': 'tcp'}]}}}",
        );
        let ports = fixed_ports(&model, "web").unwrap();
        let ports = [(ports[0], Protocol::Http), (ports[1], Protocol::Tcp)];
        let edge = Definition::with(&model, "web", &ports, None);
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
        let ports = fixed_ports(&model, "api").unwrap();
        let edge = Definition::with(&model, "api", &[(ports[0], Protocol::Http)], None);
        assert_eq!(edge.ports, ["8080:10000", "127.0.0.1:9000:10001"]);
        assert_eq!(edge.networks, ["back", "default"]);
        assert_eq!(edge.image, "mine:1");
        assert!(edge.baseline.contains("http://web:80") && edge.baseline.contains("http://api:80"));
    }

    #[test]
    fn what_an_edge_can_not_hold_says_why() {
        let unfit = |port: &str| {
            let text = format!("{{'name': 'p', 'services': {{'web': {{'ports': [{port}]}}}}}}");
            fixed_ports(&model(&text), "web").unwrap_err().reason
        };
        let reason = unfit("{'target': 53, 'published': '53', 'protocol': 'udp'}");
        assert!(reason.contains("TCP only"), "{reason}");
        let reason = unfit("{'target': 80, 'published': '8000-8010'}");
        assert!(reason.contains("range"), "{reason}");
    }
}
