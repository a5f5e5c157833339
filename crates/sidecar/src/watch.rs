//! The connections to some ports, followed from sample to sample at little cost.

use std::{
    fs::File,
    io::{self, Read, Seek},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    counters,
    diag::{Connection, Diagnosis, Farewells},
};

/// All are asked for this often, whatever the counters say.
const ALL_AFTER: Duration = Duration::from_secs(1);
/// For more than this many a walk through all costs less than to ask for each.
const MOST_ONE_BY_ONE: usize = 200;

/// The ports whose connections are followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ports {
    These(Vec<u16>),
    /// All that something listens on for others.
    All,
}

/// Asks for all connections only where there may be a new one, and else for those that are known.
pub(crate) struct Watch {
    diagnosis: Diagnosis,
    /// `None` if the kernel does not tell.
    farewells: Option<Farewells>,
    counters: File,
    ports: Ports,
    /// Those of them that were open when all connections were last asked for.
    open: Vec<u16>,
    known: Vec<Connection>,
    first_opens: u64,
    opens: u64,
    /// A connection is counted a moment before it can be found.
    is_counted_anew: bool,
    asked_for_all: Option<Instant>,
}

impl Watch {
    pub(crate) fn begin(ports: Ports) -> io::Result<Self> {
        let mut counters = File::open("/proc/self/net/snmp")?;
        let opens = passive_opens(&mut counters)?;
        Ok(Self {
            diagnosis: Diagnosis::open()?,
            farewells: Farewells::open().ok(),
            counters,
            open: match &ports {
                Ports::These(ports) => ports.clone(),
                Ports::All => Vec::new(),
            },
            ports,
            known: Vec::new(),
            first_opens: opens,
            opens,
            is_counted_anew: true,
            asked_for_all: None,
        })
    }

    /// Those that are open now, without those from this namespace itself.
    pub(crate) fn connections(&mut self) -> io::Result<&[Connection]> {
        let opens = passive_opens(&mut self.counters)?;
        let is_counted_anew = opens != self.opens;
        self.opens = opens;
        let is_due = self
            .asked_for_all
            .is_none_or(|asked| asked.elapsed() >= ALL_AFTER);
        if is_counted_anew || self.is_counted_anew || is_due || self.known.len() > MOST_ONE_BY_ONE {
            self.ask_for_all()?;
        } else {
            self.ask_for_each()?;
        }
        self.is_counted_anew = is_counted_anew;
        Ok(&self.known)
    }

    /// Those that have gone since the last time, without those from this namespace itself.
    pub(crate) fn gone(&mut self) -> Vec<Connection> {
        let mut gone = match &mut self.farewells {
            Some(farewells) => farewells.connections(),
            None => Vec::new(),
        };
        gone.retain(|one| self.is_followed(one));
        gone
    }

    fn is_followed(&self, connection: &Connection) -> bool {
        !connection.is_local && self.open.contains(&connection.local_port)
    }

    /// How many this namespace has accepted since the watch began, health checks too.
    pub(crate) fn accepted(&self) -> u64 {
        self.opens.saturating_sub(self.first_opens)
    }

    /// Whether somebody outside of this namespace can open one.
    pub(crate) fn listens(&mut self) -> io::Result<bool> {
        let open = self.outward()?;
        Ok(match &self.ports {
            Ports::These(ports) => open.iter().any(|port| ports.contains(port)),
            Ports::All => !open.is_empty(),
        })
    }

    /// Whether somebody outside can open one at any port at all.
    pub(crate) fn listens_anywhere(&mut self) -> io::Result<bool> {
        Ok(!self.outward()?.is_empty())
    }

    /// The ports that something listens on for others.
    fn outward(&mut self) -> io::Result<Vec<u16>> {
        let listeners = self.diagnosis.listeners()?;
        let outward = listeners.iter().filter(|at| !at.ip().is_loopback());
        Ok(outward.map(SocketAddr::port).collect())
    }

    fn ask_for_all(&mut self) -> io::Result<()> {
        if self.ports == Ports::All {
            self.open = self.outward()?;
        }
        let mut known = self.diagnosis.connections()?;
        known.retain(|one| self.is_followed(one));
        self.known = known;
        self.asked_for_all = Some(Instant::now());
        Ok(())
    }

    fn ask_for_each(&mut self) -> io::Result<()> {
        let known = self.known.iter();
        let again: io::Result<Vec<_>> = known.map(|one| self.diagnosis.again(&one.key)).collect();
        match again {
            Ok(again) => self.known = again.into_iter().flatten().collect(),
            // A kernel that does not answer for one may for all.
            Err(_) => self.ask_for_all()?,
        }
        Ok(())
    }
}

/// Connections that this namespace has accepted since it exists, as the kernel counts them.
fn passive_opens(counters: &mut File) -> io::Result<u64> {
    let mut table = String::new();
    counters.rewind()?;
    counters.read_to_string(&mut table)?;
    counters::in_snmp(&table, "Tcp", "PassiveOpens")
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// A listener that others reach, and its port.
    fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("0.0.0.0", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[test]
    fn a_listener_for_others_is_seen_until_it_is_gone() {
        let (open, port) = listener();
        let mut watch = Watch::begin(Ports::These(vec![port])).unwrap();
        assert!(watch.listens().unwrap());
        drop(open);
        assert!(!watch.listens().unwrap());
    }

    #[test]
    fn a_listener_for_this_namespace_alone_is_none() {
        let own = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = own.local_addr().unwrap().port();
        assert!(
            !Watch::begin(Ports::These(vec![port]))
                .unwrap()
                .listens()
                .unwrap()
        );
    }

    #[test]
    fn with_all_ports_a_listener_for_others_is_found() {
        let (_open, port) = listener();
        let mut watch = Watch::begin(Ports::All).unwrap();
        assert!(watch.listens().unwrap());
        watch.connections().unwrap();
        assert!(watch.open.contains(&port));
    }

    #[test]
    fn a_connection_that_came_and_went_is_told_of() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut farewells = Farewells::open().unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"question").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.read_exact(&mut [0; 8]).unwrap();
        drop((server, client));
        let begun = Instant::now();
        let told = loop {
            let gone = farewells.connections();
            if let Some(one) = gone.into_iter().find(|one| one.local_port == port) {
                break one;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing is told");
            std::thread::yield_now();
        };
        assert!(told.is_local);
        // The end of the stream counts as a byte.
        assert!(told.received >= 8, "{told:?}");
    }

    #[test]
    fn one_by_one_they_are_what_a_walk_through_all_finds() {
        // With the second, the kernel writes IPv4's addresses as IPv6's.
        for address in ["0.0.0.0:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            client.write_all(b"question").unwrap();
            server.read_exact(&mut [0; 8]).unwrap();

            let mut diagnosis = Diagnosis::open().unwrap();
            let all = diagnosis.connections().unwrap();
            let found = all.iter().find(|one| one.local_port == port).unwrap();
            assert!(found.is_local && found.is_established);
            assert_eq!((found.received, found.sent), (8, 0));

            server.write_all(b"answer").unwrap();
            client.read_exact(&mut [0; 6]).unwrap();
            let again = diagnosis.again(&found.key).unwrap().unwrap();
            assert_eq!(again.cookie, found.cookie);
            assert_eq!((again.received, again.sent), (8, 6));
            drop(client);
            drop(server);
            assert!(diagnosis.again(&found.key).unwrap().is_none());
        }
    }
}
