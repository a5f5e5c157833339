//! One question to the container beside: does it answer?
//!
//! `teal-sidecar ask PORT [PATH]` prints what it got, and ends with success where the port accepts
//! a connection and, with a path, answers a GET of it with a status below 400.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// What it answers, and whether that is good.
pub(crate) fn ask(port: u16, path: Option<&str>) -> io::Result<(bool, String)> {
    let mut stream = connect(port)?;
    let Some(path) = path else {
        return Ok((true, format!("port {port} accepts connections")));
    };
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // In one piece: some servers read no further than the first.
    let question = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: teal\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes())?;
    let mut start = [0; 64];
    let mut length = 0;
    while length < start.len() && !start[..length].contains(&b'\n') {
        match stream.read(&mut start[length..])? {
            0 => break,
            read => length += read,
        }
    }
    let start = String::from_utf8_lossy(&start[..length]);
    let line = start.lines().next().unwrap_or_default().to_owned();
    Ok((is_good(&line), line))
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let to = |address: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(address, port), TIMEOUT);
    to(Ipv4Addr::LOCALHOST.into())
        .or_else(|error| to(Ipv6Addr::LOCALHOST.into()).map_err(|_| error))
}

/// Whether a status line is HTTP's, with a status of 200 to 399.
fn is_good(line: &str) -> bool {
    let mut words = line.split(' ');
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|word| word.parse().ok());
    is_http && status.is_some_and(|status: u16| (200..400).contains(&status))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A port that answers one request with `answer`.
    fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /ready HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn an_answer_below_400_is_good() {
        for (answer, good) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", true),
            ("HTTP/1.0 302 Found\r\n\r\n", true),
            ("HTTP/1.1 404 Not Found\r\n\r\n", false),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("-ERR unknown command\r\n", false),
        ] {
            let asked = ask(answering(answer), Some("/ready")).unwrap();
            assert_eq!(asked.0, good, "{answer}");
            assert_eq!(asked.1, answer.lines().next().unwrap());
        }
    }

    #[test]
    fn without_a_path_a_connection_is_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(ask(port, None).unwrap().0);
        drop(listener);
        assert!(ask(port, None).is_err());
    }
}
