//! Connections that the service lets go of: as many servers do, a few seconds after the last answer.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Accepts connections that are reset by a request which comes later than this after an answer: what
/// a client meets that is just too late.
pub(crate) struct ShortLived {
    pub(crate) listener: TcpListener,
    /// None keeps connections for ever.
    pub(crate) keep_alive: Option<Duration>,
}

pub(crate) struct Connection {
    stream: TcpStream,
    keep_alive: Option<Duration>,
    /// None while a request is read.
    answered_at: Option<Instant>,
}

impl Listener for ShortLived {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let connection = Connection {
            stream,
            keep_alive: self.keep_alive,
            answered_at: None,
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let idle = self.answered_at.take().map(|at| at.elapsed());
        let is_late = self
            .keep_alive
            .zip(idle)
            .is_some_and(|(keep_alive, idle)| idle > keep_alive);
        Poll::Ready(match is_late {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        })
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answered_at = Some(Instant::now());
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
