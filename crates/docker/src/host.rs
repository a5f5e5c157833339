//! The machine that an engine runs on, as this one sees it: published ports are reached there.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use tokio::net::lookup_host;

/// Where an engine's published ports are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineHost {
    /// On this machine.
    Here,
    /// On another one.
    At(IpAddr),
    /// On another one, whose address is not known: ssh has names of its own.
    Unknown,
}

impl EngineHost {
    /// The machine of the engine at this address, as `DOCKER_HOST` names it.
    pub async fn of(address: &str) -> Self {
        let Some(name) = name_in(address) else {
            return Self::Here;
        };
        let found = match name.parse() {
            Ok(ip) => Some(ip),
            Err(_) => lookup_host((name, 0))
                .await
                .ok()
                .and_then(|mut found| found.next())
                .map(|found| found.ip()),
        };
        match found {
            Some(ip) if is_here(ip) => Self::Here,
            Some(ip) => Self::At(ip),
            None => Self::Unknown,
        }
    }

    /// Where a port answers that is bound to this address there; `None` if it can't be reached from
    /// here.
    pub fn reach(self, bound: Option<IpAddr>) -> Option<IpAddr> {
        match (self, bound.filter(|ip| !ip.is_unspecified())) {
            (Self::Here, None) => Some(Ipv4Addr::LOCALHOST.into()),
            (Self::Unknown, None) => None,
            (Self::At(_) | Self::Unknown, Some(ip)) if ip.is_loopback() => None,
            (Self::At(ip), None) | (_, Some(ip)) => Some(ip),
        }
    }
}

/// The name or address of the machine; none for a socket or a pipe of this one.
fn name_in(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    if !["tcp", "http", "https", "ssh"].contains(&scheme) {
        return None;
    }
    let authority = rest.split('/').next()?;
    let place = authority.rsplit('@').next()?;
    let name = match place.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => place.split(':').next()?,
    };
    (!name.is_empty()).then_some(name)
}

/// Only an address of this machine can be bound to.
fn is_here(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_read_from_every_kind_of_address() {
        for (address, name) in [
            ("unix:///var/run/docker.sock", None),
            ("npipe:////./pipe/docker_engine", None),
            ("tcp://10.0.0.5:2375", Some("10.0.0.5")),
            ("tcp://[fd00::1]:2376", Some("fd00::1")),
            (
                "ssh://me@far.example:2222/run/docker.sock",
                Some("far.example"),
            ),
            ("tcp://:2375", None),
        ] {
            assert_eq!(name_in(address), name, "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_of_this_machine_is_here() {
        for address in [
            "unix:///x.sock",
            "tcp://127.0.0.1:2375",
            "ssh://me@localhost",
        ] {
            assert_eq!(EngineHost::of(address).await, EngineHost::Here, "{address}");
        }
        // From a block that is for documentation alone.
        let far: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(
            EngineHost::of("tcp://192.0.2.7:2375").await,
            EngineHost::At(far)
        );
        let unknown = EngineHost::of("ssh://no-such-machine.invalid").await;
        assert_eq!(unknown, EngineHost::Unknown);
    }

    #[test]
    fn a_port_is_reached_where_it_is_bound() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let far = EngineHost::At(ip("192.0.2.7"));
        for (host, bound, reached) in [
            (EngineHost::Here, None, Some("127.0.0.1")),
            (EngineHost::Here, Some("0.0.0.0"), Some("127.0.0.1")),
            (EngineHost::Here, Some("127.0.0.2"), Some("127.0.0.2")),
            (far, None, Some("192.0.2.7")),
            (far, Some("::"), Some("192.0.2.7")),
            (far, Some("192.0.2.8"), Some("192.0.2.8")),
            (far, Some("127.0.0.1"), None),
            (EngineHost::Unknown, Some("0.0.0.0"), None),
            (EngineHost::Unknown, Some("127.0.0.1"), None),
        ] {
            assert_eq!(
                host.reach(bound.map(ip)),
                reached.map(ip),
                "{host:?} {bound:?}"
            );
        }
    }
}
