//! Ports of the host, as the files publish them.

use std::fmt;

use serde::Deserialize;

use super::read::text;
use teal_model::HostPort;

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ComposePort {
    /// The container's port.
    pub target: u16,
    /// The host's port, or a range of which each container takes one.
    #[serde(default, deserialize_with = "text")]
    pub published: Option<String>,
    #[serde(default)]
    pub host_ip: Option<String>,
    #[serde(default = "tcp")]
    pub protocol: String,
}

impl ComposePort {
    /// The host ports that containers can take; `None` if the engine picks a free one for each.
    pub fn host_ports(&self) -> Option<(u16, u16)> {
        let published = self.published.as_deref()?;
        let (first, last) = published.split_once('-').unwrap_or((published, published));
        match (first.parse().ok()?, last.parse().ok()?) {
            (0, _) => None,
            range => Some(range),
        }
    }

    /// Whether a container of it may have this port of the host.
    pub fn can_be_published_as(&self, port: &HostPort) -> bool {
        let range = self.host_ports();
        self.target == port.target
            && self.protocol == port.protocol
            && is_same_address(self.host_ip.as_deref(), port.host_ip.as_deref())
            && range.is_none_or(|(first, last)| (first..=last).contains(&port.published))
    }
}

fn is_same_address(one: Option<&str>, other: Option<&str>) -> bool {
    let all = |address: Option<&str>| {
        address
            .filter(|ip| !["", "0.0.0.0", "::"].contains(ip))
            .map(str::to_owned)
    };
    all(one) == all(other)
}

impl fmt::Display for ComposePort {
    /// As Compose prints it: `127.0.0.1:8080:80/tcp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host_ip) = &self.host_ip {
            if host_ip.contains(':') {
                write!(f, "[{host_ip}]:")?;
            } else {
                write!(f, "{host_ip}:")?;
            }
        }
        match (&self.published, &self.host_ip) {
            (Some(published), _) if published != "0" => write!(f, "{published}:")?,
            (_, Some(_)) => write!(f, ":")?,
            _ => {}
        }
        write!(f, "{}/{}", self.target, self.protocol)
    }
}

fn tcp() -> String {
    "tcp".into()
}
