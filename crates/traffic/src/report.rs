//! What a sidecar sees in its network namespace, as it says it.

use std::net::IpAddr;

use serde::Deserialize;
use tokio::time::Instant;

/// One line of a sidecar's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Connections with a request in flight.
    pub in_flight: u32,
    pub connections: u32,
    /// Open connections on which nothing has moved since before the sidecar started: they may be idle
    /// or in use.
    #[serde(default)]
    pub untouched: u32,
    /// Connections accepted since the sidecar started, health checks too.
    pub accepted: u64,
    pub received: u64,
    pub sent: u64,
    /// Whether something listens on one of the ports, for others than the container itself.
    pub listens: bool,
    /// Whether something listens on any port, for others than the container itself.
    #[serde(default)]
    pub listens_anywhere: bool,
    /// Who has called since the sidecar started, without the container itself.
    #[serde(default)]
    pub callers: Vec<Calling>,
}

/// The calls of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Calling {
    pub address: IpAddr,
    #[serde(flatten)]
    pub calls: Calls,
}

/// How often somebody has called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Calls {
    /// Connections that were opened.
    pub opened: u64,
    /// Requests over connections that were there: about as many, as far as samples show them.
    pub requests: u64,
}

/// A report and when it came.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) report: Report,
    pub(super) at: Instant,
}

impl Report {
    /// The newest one of what a sidecar has said: a busy engine hands over several lines at once.
    pub(super) fn last_in(message: &[u8]) -> Option<Self> {
        let lines = message.rsplit(|byte| *byte == b'\n');
        lines
            .into_iter()
            .find_map(|line| serde_json::from_slice(line).ok())
    }
}

impl Calls {
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            opened: self.opened.saturating_add(other.opened),
            requests: self.requests.saturating_add(other.requests),
        }
    }

    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            opened: self.opened.saturating_sub(other.opened),
            requests: self.requests.saturating_sub(other.requests),
        }
    }

    pub const fn all(self) -> u64 {
        self.opened.saturating_add(self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_line_is_read() {
        let line = r#"{"inFlight":1,"connections":2,"untouched":1,"accepted":3,"received":4,"sent":5,"listens":true,"callers":[{"address":"172.18.0.3","opened":6,"requests":7}]}"#;
        let report = Report::last_in(format!("{line}\n{{\"inFl").as_bytes()).expect("it is read");
        assert_eq!((report.in_flight, report.untouched), (1, 1));
        let calls = Calls {
            opened: 6,
            requests: 7,
        };
        let address = "172.18.0.3".parse().expect("an address");
        assert_eq!(report.callers, [Calling { address, calls }]);
        assert_eq!(Report::last_in(b"no JSON"), None);
    }
}
