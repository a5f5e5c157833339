//! Requests that are answered: short, slow, streams.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    Kind, Target,
    failure::{Broken, Cause},
};
use crate::traffic::CONTAINER_HEADER;

type Sender = SendRequest<Empty<Bytes>>;

/// A client with one connection.
pub(super) struct Http {
    target: Target,
    /// What the last request has left open.
    open: Option<Sender>,
}

impl Http {
    pub(super) fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    /// The next request gets a new connection.
    pub(super) fn disconnect(&mut self) {
        self.open = None;
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        kind: Kind,
        length: Duration,
        container: &mut Option<String>,
    ) -> Result<(), Broken> {
        let mut sender = self.sender().await?;
        let request = Request::get(path(kind, length))
            .header(header::HOST, &self.target.host)
            .body(Empty::new())
            .map_err(|error| Broken::by(Cause::Connection, &error))?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| Broken::by(Cause::NoAnswer, &error))?;
        *container = container_of(response.headers());
        let status = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| Broken::by(Cause::Truncated, &error))?;
        if !status.is_success() {
            return Err(Broken::new(Cause::Status, status.to_string()));
        }
        if !is_whole(kind, length, &body.to_bytes()) {
            return Err(Broken::new(Cause::Truncated, "its end is missing"));
        }
        if kind == Kind::KeepAlive {
            self.open = Some(sender);
        }
        Ok(())
    }

    /// The open connection, unless the other side has closed it after an answer, as it may.
    async fn sender(&mut self) -> Result<Sender, Broken> {
        if let Some(mut sender) = self.open.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        let no_connection = |error: &dyn std::error::Error| Broken::by(Cause::Connection, error);
        let stream = TcpStream::connect(self.target.address).await;
        let stream = stream.map_err(|error| no_connection(&error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| no_connection(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| no_connection(&error))?;
        // What goes wrong with it, the request hears.
        tokio::spawn(async { connection.await.ok() });
        Ok(sender)
    }
}

fn path(kind: Kind, length: Duration) -> String {
    match kind {
        Kind::Slow => format!("/slow?ms={}", length.as_millis()),
        Kind::Stream => format!("/stream?ms=1000&chunks={}", length.as_secs()),
        Kind::KeepAlive | Kind::NewConnection | Kind::WebSocket => "/".to_owned(),
    }
}

/// Whether the answer goes to its end, as `hello` writes it.
fn is_whole(kind: Kind, length: Duration, body: &[u8]) -> bool {
    let chunks = length.as_secs();
    match kind {
        Kind::Stream => body.ends_with(format!("chunk {chunks} of {chunks}\n").as_bytes()),
        _ => body.ends_with(b"\n"),
    }
}

/// The start of the id of the container that answered.
pub(super) fn container_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(CONTAINER_HEADER)?.to_str().ok()?;
    Some(id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_its_end_is_not_whole() {
        let length = Duration::from_secs(2);
        let whole = b"chunk 1 of 2\nchunk 2 of 2\n";
        assert!(is_whole(Kind::Stream, length, whole));
        assert!(!is_whole(Kind::Stream, length, &whole[..13]));
        assert!(!is_whole(Kind::KeepAlive, length, b""));
    }
}
