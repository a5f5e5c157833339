//! Carries connections from outside of this network to addresses inside of it.
//!
//! `teal-sidecar relay` reads frames from its standard input and writes frames to its standard
//! output: the number of a connection (4 bytes, big-endian), what it is about (1 byte), the length of
//! what follows (4 bytes), and so many bytes.
//!
//! - `0`, with an address as text: opens a connection; comes back once it is open.
//! - `1`: data of a connection.
//! - `2`: the connection is over; with the reason as text where it could not be opened.
//!
//! It ends with its standard input, which the engine closes when the process at its other end dies.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

const OPEN: u8 = 0;
const DATA: u8 = 1;
const END: u8 = 2;

/// Of a frame that comes in; whoever talks to this sends shorter ones.
const LARGEST: usize = 1024 * 1024;
/// Of a frame that goes out.
const PIECE: usize = 16 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
/// How long one that does not read may hold up the others.
const WRITE: Duration = Duration::from_secs(5);

/// Where frames go out, from several threads.
type Out<W> = Arc<Mutex<W>>;

/// Returns when the input has ended.
pub(crate) fn relay<W: Write + Send + 'static>(mut input: impl Read, output: W) -> io::Result<()> {
    let output = Arc::new(Mutex::new(output));
    let mut open: HashMap<u32, TcpStream> = HashMap::new();
    while let Some((id, kind, payload)) = frame(&mut input)? {
        match kind {
            OPEN => match connect(&payload) {
                Ok(stream) => {
                    send(&output, id, OPEN, &[])?;
                    let (from, to) = (stream.try_clone()?, Arc::clone(&output));
                    thread::spawn(move || pass_on(from, id, &to));
                    open.insert(id, stream);
                }
                Err(error) => send(&output, id, END, error.to_string().as_bytes())?,
            },
            DATA => {
                let written = open.get_mut(&id).map(|stream| stream.write_all(&payload));
                if let Some(Err(_)) = written {
                    close(open.remove(&id));
                }
            }
            _ => close(open.remove(&id)),
        }
    }
    Ok(())
}

/// The thread that reads from it ends with it.
fn close(stream: Option<TcpStream>) {
    if let Some(stream) = stream {
        // One that the other side has closed is closed.
        stream.shutdown(Shutdown::Both).ok();
    }
}

fn connect(address: &[u8]) -> io::Result<TcpStream> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let text = String::from_utf8_lossy(address);
    let address: SocketAddr = text.parse().map_err(invalid)?;
    let stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_write_timeout(Some(WRITE))?;
    Ok(stream)
}

/// Sends on what comes from a connection, until it ends.
fn pass_on(mut from: TcpStream, id: u32, output: &Out<impl Write>) {
    let mut piece = [0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if send(output, id, DATA, &piece[..length]).is_err() {
            return;
        }
    }
    // If nobody listens any more, the input ends as well.
    send(output, id, END, &[]).ok();
}

/// The next frame; none at the end.
fn frame(input: &mut impl Read) -> io::Result<Option<(u32, u8, Vec<u8>)>> {
    let mut head = [0; 9];
    match input.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = usize::try_from(number(5)).unwrap_or(usize::MAX);
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut payload = vec![0; length];
    input.read_exact(&mut payload)?;
    Ok(Some((number(0), head[4], payload)))
}

fn send(output: &Out<impl Write>, id: u32, kind: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(9 + payload.len());
    frame.extend(id.to_be_bytes());
    frame.push(kind);
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    output.write_all(&frame)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::{io::pipe, net::TcpListener};

    use super::*;

    fn frame_of(id: u32, kind: u8, payload: &[u8]) -> Vec<u8> {
        let out = Arc::new(Mutex::new(Vec::new()));
        send(&out, id, kind, payload).unwrap();
        out.lock().unwrap().clone()
    }

    #[test]
    fn a_connection_is_carried_both_ways_until_it_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 8];
            stream.read_exact(&mut question).unwrap();
            stream.write_all(b"answer").unwrap();
            question
        });
        let (input, mut questions) = pipe().unwrap();
        let (mut answers, output) = pipe().unwrap();
        let carrier = thread::spawn(move || relay(input, output));
        questions
            .write_all(&frame_of(7, OPEN, address.as_bytes()))
            .unwrap();
        questions
            .write_all(&frame_of(7, DATA, b"question"))
            .unwrap();
        assert_eq!(frame(&mut answers).unwrap(), Some((7, OPEN, Vec::new())));
        assert_eq!(
            frame(&mut answers).unwrap(),
            Some((7, DATA, b"answer".to_vec()))
        );
        assert_eq!(frame(&mut answers).unwrap(), Some((7, END, Vec::new())));
        assert_eq!(&server.join().unwrap(), b"question");
        drop(questions);
        carrier.join().unwrap().unwrap();
    }

    #[test]
    fn a_connection_that_nobody_takes_is_told_with_its_reason() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let input = [
            frame_of(1, OPEN, address.as_bytes()),
            frame_of(2, OPEN, b"nowhere"),
            // Of one that is not open there is nothing to do.
            frame_of(1, DATA, b"lost"),
            frame_of(1, END, &[]),
        ]
        .concat();
        let (mut answers, output) = pipe().unwrap();
        relay(&input[..], output).unwrap();
        for id in [1, 2] {
            let (from, kind, reason) = frame(&mut answers).unwrap().unwrap();
            assert_eq!((from, kind), (id, END));
            assert!(!reason.is_empty());
        }
        assert_eq!(frame(&mut answers).unwrap(), None);
    }

    #[test]
    fn an_endless_frame_is_refused() {
        let input = [&[0, 0, 0, 1, DATA][..], &u32::MAX.to_be_bytes()].concat();
        assert!(relay(&input[..], io::sink()).is_err());
    }
}
