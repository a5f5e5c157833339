//! The TCP connections of this network namespace, as the kernel's socket diagnosis tells them.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

const AF_INET: u8 = 2;
const AF_NETLINK: u16 = 16;
const SOCK_RAW_CLOEXEC: i32 = 3 | 0o2_000_000;
const SOCK_NONBLOCK: i32 = 0o4000;
const NETLINK_SOCK_DIAG: i32 = 4;
/// `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, a bit each.
const TCP_DESTROYED: u32 = 0b101;

const TCPDIAG_GETSOCK: u16 = 18;
const REQUEST: u16 = 0x1;
const REQUEST_DUMP: u16 = 0x301;
const MESSAGE_ERROR: u16 = 2;
const MESSAGE_DONE: u16 = 3;
const INFO: u16 = 2;

/// `ENOENT`, and `ESTALE` where another has its addresses and ports.
const GONE: [i32; 2] = [2, 116];

const ESTABLISHED: u8 = 1;
const FIN_WAIT1: u8 = 4;
const LAST_ACK: u8 = 9;
const LISTEN: u8 = 10;
const CONNECTIONS: u32 = 1 << ESTABLISHED | 1 << FIN_WAIT1 | 1 << LAST_ACK;
const LISTENERS: u32 = 1 << LISTEN;

/// `ENOBUFS`.
const LOST: i32 = 105;
const BUFFER: usize = 32 * 1024;

const HEADER: usize = 16;
/// `struct inet_diag_msg`, without its attributes.
const MESSAGE: usize = 72;
/// `struct inet_diag_sockid`, from its place in a message.
const ID: usize = 48;
const ID_AT: usize = 4;

/// The length of `struct sockaddr_nl`.
const NETLINK_ADDRESS: u32 = 12;

/// `struct sockaddr_nl`.
#[repr(C)]
struct NetlinkAddress {
    family: u16,
    padding: u16,
    port: u32,
    groups: u32,
}

unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn bind(descriptor: i32, address: *const NetlinkAddress, length: u32) -> i32;
}

/// One connection that a client opened to a port of this namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The kernel's name for it, never used twice.
    pub(crate) cookie: u64,
    /// What the kernel finds it again by.
    pub(crate) key: Key,
    pub(crate) local_port: u16,
    pub(crate) peer: Peer,
    /// Both ends are open.
    pub(crate) is_established: bool,
    /// Whether the client is in this namespace itself, as a health check is.
    pub(crate) is_local: bool,
    /// Bytes that came in and were not read yet, or that were written and not acknowledged yet.
    pub(crate) queued: u32,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Milliseconds since data last came in or went out, in the kernel's ticks.
    pub(crate) since_received: u32,
    pub(crate) since_sent: u32,
    /// Milliseconds since any segment came in, with data or without.
    pub(crate) since_heard: u32,
    /// Segments with data that came in.
    pub(crate) data_segments_in: u32,
    /// Segments that went out without data: acknowledgements.
    pub(crate) bare_acks: u32,
    /// Segments that came in without data, likewise.
    pub(crate) bare_acks_in: u32,
}

/// An address family and a `struct inet_diag_sockid`.
#[derive(Debug, Clone)]
pub(crate) struct Key(u8, [u8; ID]);

impl Default for Key {
    fn default() -> Self {
        Self(0, [0; ID])
    }
}

/// The address of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Default for Peer {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// A socket to ask the kernel with. Needs no privilege.
pub(crate) struct Diagnosis {
    netlink: File,
    buffer: Vec<u8>,
}

impl Diagnosis {
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            netlink: open(SOCK_RAW_CLOEXEC)?,
            buffer: vec![0; BUFFER],
        })
    }

    /// All connections of both address families. The kernel walks the table of the connections of
    /// all the machine for it: some thousand times the work of one that it is asked for by its key.
    pub(crate) fn connections(&mut self) -> io::Result<Vec<Connection>> {
        let mut found = Vec::new();
        self.dump(CONNECTIONS, |message| found.extend(connection(message)))?;
        Ok(found)
    }

    /// A connection as it is now, where it still is one.
    pub(crate) fn again(&mut self, key: &Key) -> io::Result<Option<Connection>> {
        self.netlink.write_all(&request(REQUEST, key, 0))?;
        let mut found = None;
        match self.receive(|message| found = connection(message)) {
            Ok(_) => Ok(found),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where connections are accepted.
    pub(crate) fn listeners(&mut self) -> io::Result<Vec<SocketAddr>> {
        let mut found = Vec::new();
        self.dump(LISTENERS, |message| {
            if message.len() >= MESSAGE {
                found.push(SocketAddr::new(address(message, 8), port(message)));
            }
        })?;
        Ok(found)
    }

    fn dump(&mut self, states: u32, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let request = request(REQUEST_DUMP, &Key::default(), states);
        self.netlink.write_all(&request)?;
        while self.receive(&mut take)? {}
        Ok(())
    }

    /// One datagram of the answer; false after the last of a dump.
    fn receive(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
        let length = self.netlink.read(&mut self.buffer)?;
        messages(&self.buffer[..length], &mut take)
    }
}

/// Hears of connections as the kernel forgets them: also those that came and went between two
/// questions. Needs no privilege.
pub(crate) struct Farewells {
    netlink: File,
    buffer: Vec<u8>,
}

impl Farewells {
    /// # Errors
    /// The kernel does not tell: one before 4.3, or one that keeps it from us.
    pub(crate) fn open() -> io::Result<Self> {
        let netlink = open(SOCK_RAW_CLOEXEC | SOCK_NONBLOCK)?;
        let address = NetlinkAddress {
            family: AF_NETLINK,
            padding: 0,
            port: 0,
            groups: TCP_DESTROYED,
        };
        // SAFETY: the address lives until `bind` returns, and is as long as is said.
        if unsafe { bind(netlink.as_raw_fd(), &raw const address, NETLINK_ADDRESS) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            netlink,
            buffer: vec![0; BUFFER],
        })
    }

    /// Those since the last time. What the kernel could not keep for us is lost.
    pub(crate) fn connections(&mut self) -> Vec<Connection> {
        let mut gone = Vec::new();
        loop {
            match self.netlink.read(&mut self.buffer) {
                Ok(length) => {
                    let take = |message: &[u8]| gone.extend(read(message));
                    if messages(&self.buffer[..length], take).is_err() {
                        return gone;
                    }
                }
                // `ENOBUFS`: too many came at once.
                Err(error) if error.raw_os_error() == Some(LOST) => {}
                Err(_) => return gone,
            }
        }
    }
}

fn open(kind: i32) -> io::Result<File> {
    // SAFETY: `socket` takes three integers and touches no memory of ours.
    let descriptor = unsafe { socket(i32::from(AF_NETLINK), kind, NETLINK_SOCK_DIAG) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just opened and nobody else has it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// The messages of one datagram; false after the last of a dump.
fn messages(mut rest: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<bool> {
    while rest.len() >= HEADER {
        let size = u32_at(rest, 0) as usize;
        if size < HEADER || size > rest.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match u16_at(rest, 4) {
            MESSAGE_DONE => return Ok(false),
            MESSAGE_ERROR => {
                let code = i32::from_ne_bytes(bytes(rest, HEADER));
                return Err(io::Error::from_raw_os_error(-code));
            }
            _ => take(&rest[HEADER..size]),
        }
        rest = &rest[size.next_multiple_of(4).min(rest.len())..];
    }
    Ok(true)
}

fn is_gone(error: &io::Error) -> bool {
    (error.raw_os_error()).is_some_and(|code| GONE.contains(&code))
}

/// A request for `struct tcp_info` of one connection, or of all in these states. This is its old
/// form, which is for both families at once.
fn request(flags: u16, Key(family, id): &Key, states: u32) -> [u8; 76] {
    let mut message = [0; 76];
    message[0..4].copy_from_slice(&76_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&TCPDIAG_GETSOCK.to_ne_bytes());
    message[6..8].copy_from_slice(&flags.to_ne_bytes());
    message[16] = *family;
    message[19] = 1 << (INFO - 1);
    message[20..20 + ID].copy_from_slice(id);
    message[68..72].copy_from_slice(&states.to_ne_bytes());
    message
}

fn connection(message: &[u8]) -> Option<Connection> {
    // Who asks for one by its key is answered whatever its state.
    let is_one = message.len() >= MESSAGE && CONNECTIONS >> message[1] & 1 == 1;
    is_one.then(|| read(message)).flatten()
}

fn read(message: &[u8]) -> Option<Connection> {
    let (head, mut attributes) = message.split_at_checked(MESSAGE)?;
    let peer = address(head, 24);
    let mut connection = Connection {
        cookie: u64::from(u32_at(head, 44)) | u64::from(u32_at(head, 48)) << 32,
        key: Key(head[0], bytes(head, ID_AT)),
        local_port: port(head),
        is_established: head[1] == ESTABLISHED,
        peer: Peer(peer),
        is_local: peer.is_loopback() || peer == address(head, 8),
        queued: u32_at(head, 56).saturating_add(u32_at(head, 60)),
        ..Connection::default()
    };
    while attributes.len() >= 4 {
        let size = u16_at(attributes, 0) as usize;
        if size < 4 || size > attributes.len() {
            break;
        }
        if u16_at(attributes, 2) == INFO {
            read_info(&attributes[4..size], &mut connection)?;
            return Some(connection);
        }
        attributes = &attributes[size.next_multiple_of(4).min(attributes.len())..];
    }
    None
}

/// The own port.
fn port(head: &[u8]) -> u16 {
    u16::from_be_bytes(bytes(head, ID_AT))
}

/// The address at this place.
fn address(head: &[u8], at: usize) -> IpAddr {
    if head[0] == AF_INET {
        Ipv4Addr::from(bytes::<4>(head, at)).into()
    } else {
        Ipv6Addr::from(bytes::<16>(head, at)).to_canonical()
    }
}

/// The offsets are those of `struct tcp_info`, which only ever grows at its end. None from a
/// kernel before 4.6, whose structure is too short.
fn read_info(info: &[u8], connection: &mut Connection) -> Option<()> {
    if info.len() < 160 {
        return None;
    }
    connection.since_sent = u32_at(info, 44);
    connection.since_received = u32_at(info, 52);
    connection.since_heard = u32_at(info, 56);
    connection.received = u64::from_ne_bytes(bytes(info, 128));
    connection.bare_acks = u32_at(info, 136).saturating_sub(u32_at(info, 156));
    connection.data_segments_in = u32_at(info, 152);
    connection.bare_acks_in = u32_at(info, 140).saturating_sub(connection.data_segments_in);
    // Sent bytes are there from 4.19; acknowledged ones are the same a little later.
    let sent_at = if info.len() >= 208 { 200 } else { 120 };
    connection.sent = u64::from_ne_bytes(bytes(info, sent_at));
    Some(())
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut copy = [0; N];
    copy.copy_from_slice(&from[at..at + N]);
    copy
}

fn u16_at(from: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes(from, at))
}

fn u32_at(from: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes(from, at))
}
