//! A port of the edge: what it leads to, and the label that says so.

use std::{collections::HashMap, fmt, str::FromStr};

use teal_model::HandoverPort;

/// Before the number of a port of the edge: the label says what it leads to.
const LABEL: &str = "dev.teal.edge.";

/// What the edge speaks at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Each request goes where the split says.
    Http,
    /// The same, and the port speaks HTTP/2 without TLS besides: what needs it, such as gRPC, gets
    /// there by HTTP/2, and all else by HTTP/1.1.
    HttpAndH2c,
    /// Each connection does; the edge passes its bytes on as they are.
    Tcp,
}

impl Protocol {
    /// Whether the edge sees requests.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpAndH2c)
    }

    pub(super) const fn of(port: &HandoverPort) -> Self {
        match (port.http, port.h2c) {
            (false, _) => Self::Tcp,
            (true, false) => Self::Http,
            (true, true) => Self::HttpAndH2c,
        }
    }
}

/// One port of the edge's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub port: u16,
    pub protocol: Protocol,
    pub service: String,
    /// The port of the service's containers.
    pub target: u16,
}

impl Entry {
    /// The entries that a set of labels tells of, by their port.
    pub(super) fn all<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<Self> {
        let mut entries: Vec<_> = labels
            .into_iter()
            .filter_map(|(key, value)| Self::read(key.strip_prefix(LABEL)?, value))
            .collect();
        entries.sort_by_key(|entry| entry.port);
        entries
    }

    fn read(port: &str, value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        Some(Self {
            port: port.parse().ok()?,
            protocol: words.next()?.parse().ok()?,
            service: words.next()?.to_owned(),
            target: words.next()?.parse().ok()?,
        })
    }

    pub(super) fn label(&self) -> (String, String) {
        let Self {
            port,
            protocol,
            service,
            target,
        } = self;
        let value = format!("{protocol} {service} {target}");
        (format!("{LABEL}{port}"), value)
    }

    /// The name of its route in the baseline. A port of a service may be published twice.
    pub(super) fn route(&self) -> String {
        format!("{}-{}", self.service, self.name())
    }

    /// The name of Traefik's entry point.
    pub(super) fn name(&self) -> String {
        format!("e{}", self.port)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::HttpAndH2c => "http+h2c",
            Self::Tcp => "tcp",
        })
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "http" => Ok(Self::Http),
            "http+h2c" => Ok(Self::HttpAndH2c),
            "tcp" => Ok(Self::Tcp),
            _ => Err(()),
        }
    }
}

/// Whether these are the labels of an edge.
pub(crate) fn is_edge(labels: &HashMap<String, String>) -> bool {
    labels
        .get(teal_docker::teal_label::ROLE)
        .is_some_and(|role| role == teal_docker::teal_label::EDGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_back_from_their_labels() {
        let entries = [
            Entry {
                port: 10_000,
                protocol: Protocol::Http,
                service: "web".into(),
                target: 80,
            },
            Entry {
                port: 10_001,
                protocol: Protocol::Tcp,
                service: "mail.in".into(),
                target: 25,
            },
            Entry {
                port: 10_002,
                protocol: Protocol::HttpAndH2c,
                service: "web".into(),
                target: 90,
            },
        ];
        let mut labels: HashMap<_, _> = entries.iter().map(Entry::label).collect();
        labels.insert("dev.teal.role".into(), "edge".into());
        labels.insert("dev.teal.edge.x".into(), "http web 80".into());
        labels.insert("dev.teal.edge.1".into(), "udp web 80".into());
        assert_eq!(Entry::all(&labels), entries);
        assert!(is_edge(&labels));
    }
}
