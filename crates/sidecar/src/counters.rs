//! What the kernel counts of this network namespace, as it tells in `/proc/self/net`.

use std::{fs, io, thread, time::Duration};

/// A value of the table `snmp`, where each protocol has a line of names and one of values.
pub(crate) fn in_snmp(table: &str, protocol: &str, name: &str) -> io::Result<u64> {
    let mut rows = table
        .lines()
        .filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'));
    let (names, values) = (rows.next(), rows.next());
    names
        .into_iter()
        .flat_map(str::split_whitespace)
        .zip(values.into_iter().flat_map(str::split_whitespace))
        .find(|(found, _)| *found == name)
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| missing(name))
}

/// How many names are looked up within this time. Docker's own name server answers inside of the
/// namespace: a question and its answer are two datagrams there, on the loopback interface. Others on
/// that interface are taken for the same.
pub(crate) fn lookups(within: Duration) -> io::Result<u64> {
    let before = Datagrams::read()?;
    thread::sleep(within);
    let after = Datagrams::read()?;
    let sent = after.sent.saturating_sub(before.sent);
    let on_loopback = after.on_loopback.saturating_sub(before.on_loopback);
    Ok(sent.min(on_loopback) / 2)
}

struct Datagrams {
    sent: u64,
    /// Packets of all kinds.
    on_loopback: u64,
}

impl Datagrams {
    fn read() -> io::Result<Self> {
        let snmp = fs::read_to_string("/proc/self/net/snmp")?;
        let devices = fs::read_to_string("/proc/self/net/dev")?;
        Ok(Self {
            sent: in_snmp(&snmp, "Udp", "OutDatagrams")?,
            on_loopback: sent_on_loopback(&devices).ok_or_else(|| missing("lo"))?,
        })
    }
}

/// The table `dev` has eight columns of what came in, and then those of what went out.
fn sent_on_loopback(table: &str) -> Option<u64> {
    let row = table
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    row.split_whitespace().nth(9)?.parse().ok()
}

fn missing(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("no {name} in its table"),
    )
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_value_stands_below_its_name() {
        let table = "Tcp: ActiveOpens PassiveOpens\nTcp: 7 9\nUdp: InDatagrams OutDatagrams\nUdp: 1 2\nUdpLite: InDatagrams\nUdpLite: 5\n";
        assert_eq!(in_snmp(table, "Tcp", "PassiveOpens").unwrap(), 9);
        assert_eq!(in_snmp(table, "Udp", "OutDatagrams").unwrap(), 2);
        assert!(in_snmp(table, "Udp", "InErrors").is_err());
    }

    #[test]
    fn packets_of_the_loopback_interface_are_found() {
        let table = "Inter-|   Receive  |  Transmit\n    lo: 100 2 0 0 0 0 0 0 300 4 0 0 0 0 0 0\n  eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n";
        assert_eq!(sent_on_loopback(table), Some(4));
    }

    #[test]
    fn a_question_and_its_answer_are_one_lookup() {
        let before = Datagrams::read().unwrap();
        let one = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        one.send_to(b"?", other.local_addr().unwrap()).unwrap();
        other.send_to(b"!", one.local_addr().unwrap()).unwrap();
        let after = Datagrams::read().unwrap();
        assert!(after.sent >= before.sent + 2);
        assert!(after.on_loopback >= before.on_loopback + 2);
    }
}
