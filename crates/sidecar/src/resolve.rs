//! The addresses that a name has for whoever lives in this network namespace, by the name server that
//! the engine puts into it. Asked without the C library, whose lookups may need files of the image's.

use std::{
    io::{self, Error, ErrorKind::InvalidData},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// Where the engine answers, in each namespace with a network that somebody has made.
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 11), 53);
/// It is on the same machine, but asks another one for a name that it does not know.
const AT_MOST: Duration = Duration::from_secs(5);

const HEADER: usize = 12;
const LONGEST_LABEL: usize = 63;
const LARGEST_ANSWER: usize = 4096;
const INTERNET: u16 = 1;
const A: u16 = 1;
const AAAA: u16 = 28;
/// The first two bits of a length that is a pointer to a name elsewhere.
const POINTER: u8 = 0xc0;

/// The addresses of a name; `None` if it has none.
///
/// # Errors
/// Nobody answers, or not in the form of an answer; no host can have such a name.
pub(crate) fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    resolve_by(SERVER.into(), name)
}

fn resolve_by(server: SocketAddr, name: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for kind in [A, AAAA] {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_read_timeout(Some(AT_MOST))?;
        socket.connect(server)?;
        socket.send(&question(name, kind)?)?;
        let mut answer = [0; LARGEST_ANSWER];
        let length = socket.recv(&mut answer)?;
        let found = answers(&answer[..length]);
        addresses.extend(found.ok_or_else(|| Error::from(InvalidData))?);
    }
    Ok(addresses)
}

/// One question, with recursion, since a name may be of another machine's.
fn question(name: &str, kind: u16) -> io::Result<Vec<u8>> {
    let mut packet = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        if !(1..=LONGEST_LABEL).contains(&label.len()) {
            return Err(Error::new(io::ErrorKind::InvalidInput, "no host's name"));
        }
        packet.extend(u8::try_from(label.len()));
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(kind.to_be_bytes());
    packet.extend(INTERNET.to_be_bytes());
    Ok(packet)
}

/// The addresses in an answer; `None` where it ends before it should. A refusal has none.
fn answers(packet: &[u8]) -> Option<Vec<IpAddr>> {
    packet.get(..HEADER)?;
    let (questions, count) = (number(packet, 4)?, number(packet, 6)?);
    let mut at = HEADER;
    for _ in 0..questions {
        at = after_name(packet, at)? + 4;
    }
    let mut addresses = Vec::new();
    for _ in 0..count {
        at = after_name(packet, at)?;
        let kind = number(packet, at)?;
        let length = usize::from(number(packet, at + 8)?);
        let data = packet.get(at + 10..at + 10 + length)?;
        at += 10 + length;
        match kind {
            A => addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            AAAA => addresses.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            _ => {}
        }
    }
    Some(addresses)
}

fn number(packet: &[u8], at: usize) -> Option<u16> {
    let bytes = packet.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Where a name ends that begins there.
fn after_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *packet.get(at)?;
        match length {
            0 => return Some(at + 1),
            _ if length & POINTER == POINTER => return Some(at + 2),
            _ => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A name server that answers each question with these records, each a kind and its data.
    fn server(records: &'static [(u16, &'static [u8])]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut question) {
                let mut answer = question[..length].to_vec();
                let kind = number(&answer, length - 4).unwrap();
                let fitting = records.iter().filter(|(own, _)| *own == kind || *own == 5);
                let count = u16::try_from(fitting.clone().count()).unwrap();
                answer[6..8].copy_from_slice(&count.to_be_bytes());
                for (kind, data) in fitting {
                    answer.extend([POINTER, 12]);
                    answer.extend(kind.to_be_bytes());
                    answer.extend([0, 1, 0, 0, 0, 1]);
                    answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                    answer.extend(*data);
                }
                socket.send_to(&answer, peer).unwrap();
            }
        });
        address
    }

    #[test]
    fn a_name_has_all_its_addresses() {
        const V6: &[u8] = &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];
        // The second is another name for it.
        let server = server(&[
            (A, &[10, 0, 0, 2]),
            (5, b"\x01x\x00"),
            (A, &[10, 0, 0, 3]),
            (AAAA, V6),
        ]);
        let found = resolve_by(server, "web.front").unwrap();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.2", "10.0.0.3", "fd00::3"]);
    }

    #[test]
    fn a_name_that_nobody_has_is_no_failure() {
        assert_eq!(resolve_by(server(&[]), "web").unwrap(), [] as [IpAddr; 0]);
    }

    #[test]
    fn what_is_no_answer_or_no_name_is_a_failure() {
        assert_eq!(answers(&[0; 11]), None);
        let short = resolve_by(server(&[(A, &[10, 0])]), "web").unwrap_err();
        assert_eq!(short.kind(), InvalidData);
        assert_eq!(
            answers(&[0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 3, b'w']),
            None
        );
        for name in ["", "a..b", &"x".repeat(64)] {
            assert!(question(name, A).is_err(), "{name}");
        }
    }
}
