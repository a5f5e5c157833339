//! A small HTTP client for probes: one GET, one connection, bounded in time and size.

use std::{
    fmt, io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_util::task::AbortOnDropHandle;

use super::{relay::Relay, rule::Target, tls};

/// The header that a probe carries, and that only a pin's probe router sends back.
pub const PROBE_HEADER: &str = "x-teal-probe";

const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The value of [`PROBE_HEADER`].
    pub proof: Option<String>,
    pub body: Bytes,
    pub elapsed: Duration,
}

/// Why nothing came back.
#[derive(Debug, Error)]
pub enum NoAnswer {
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("can't connect: {0}")]
    Connect(#[source] io::Error),
    #[error("no TLS connection: {0}")]
    Tls(#[source] io::Error),
    #[error("{0}")]
    Broken(#[from] hyper::Error),
    #[error("the address or the header can't be sent: {0}")]
    Unsendable(#[from] hyper::http::Error),
    #[error("the answer broke off: {0}")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: SocketAddr,
    pub tls: bool,
    /// What carries it to an address that only Traefik itself can reach.
    pub(super) relay: Option<Relay>,
}

impl Endpoint {
    /// One that can be reached from here.
    pub const fn here(address: SocketAddr, tls: bool) -> Self {
        Self {
            address,
            tls,
            relay: None,
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Line>> {
        Ok(match &self.relay {
            Some(relay) => Box::new(relay.connect(self.address).await?),
            None => Box::new(TcpStream::connect(self.address).await?),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.relay {
            Some(_) => f.write_str(" in its own network"),
            None => Ok(()),
        }
    }
}

/// Whatever carries bytes both ways.
trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

pub async fn get(
    endpoint: &Endpoint,
    target: &Target,
    secret: Option<&str>,
    timeout: Duration,
) -> Result<Answer, NoAnswer> {
    tokio::time::timeout(timeout, exchange(endpoint, target, secret))
        .await
        .map_err(|_| NoAnswer::TimedOut(timeout))?
}

async fn exchange(
    endpoint: &Endpoint,
    target: &Target,
    secret: Option<&str>,
) -> Result<Answer, NoAnswer> {
    let started = Instant::now();
    let mut request = Request::get(&target.path)
        .header(header::HOST, &target.host)
        .header(
            header::USER_AGENT,
            concat!("teal/", env!("CARGO_PKG_VERSION")),
        );
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    if let Some(secret) = secret {
        request = request.header(PROBE_HEADER, secret);
    }
    let request = request.body(Empty::<Bytes>::new())?;

    let stream = endpoint.connect().await.map_err(NoAnswer::Connect)?;
    let answer = if endpoint.tls {
        let stream = tls::connect(stream, &target.host)
            .await
            .map_err(NoAnswer::Tls)?;
        send(stream, request).await?
    } else {
        send(stream, request).await?
    };
    let elapsed = started.elapsed();
    Ok(Answer { elapsed, ..answer })
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<Answer, NoAnswer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with this function; its own error comes out of the request or of the body as well.
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .map_err(NoAnswer::Body)?;
    Ok(Answer {
        status: head.status.as_u16(),
        proof: head
            .headers
            .get(PROBE_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body: body.to_bytes(),
        elapsed: Duration::ZERO,
    })
}
