//! Whether connections from outside of this network namespace are accepted.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

const LISTEN: &str = "0A";
/// `127.0.0.1` and `::1`, as the kernel's tables write them.
const LOOPBACKS: [&str; 2] = ["0100007F", "00000000000000000000000001000000"];

/// Whether something listens on one of these ports.
pub(crate) fn listens(ports: &[u16]) -> bool {
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .into_iter()
        .filter_map(|table| File::open(table).ok())
        .any(|table| has_listener(BufReader::new(table), ports))
}

/// Those that listen stand at the top of a table, below its heading, so that the rest need not be
/// read.
fn has_listener(table: impl BufRead, ports: &[u16]) -> bool {
    table
        .lines()
        .skip(1)
        .map_while(Result::ok)
        .take_while(|line| is_listener(line))
        .filter_map(|line| open_port(&line))
        .any(|port| ports.contains(&port))
}

fn is_listener(line: &str) -> bool {
    line.split_whitespace().nth(3) == Some(LISTEN)
}

/// None of a socket that only this namespace itself reaches.
fn open_port(line: &str) -> Option<u16> {
    let (address, port) = line.split_whitespace().nth(1)?.split_once(':')?;
    if LOOPBACKS.contains(&address) {
        return None;
    }
    u16::from_str_radix(port, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when
   0: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000
   2: 020011AC:0050 010011AC:D3B2 01 00000000:00000000 00:00000000 00000000
   3: 00000000:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000
";

    #[test]
    fn only_a_port_that_outsiders_reach_is_open() {
        let has = |port| has_listener(TABLE.as_bytes(), &[port]);
        assert!(has(8080));
        assert!(!has(8081), "it is for the namespace itself");
        assert!(!has(80), "a connection is no listener");
        assert!(!has(81), "what comes after the connections is not read");
        assert!(!has_listener(TABLE.as_bytes(), &[]));
    }

    #[test]
    fn a_real_listener_is_seen() {
        let listener = std::net::TcpListener::bind(("0.0.0.0", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listens(&[port]));
        drop(listener);
        assert!(!listens(&[port]));
    }
}
