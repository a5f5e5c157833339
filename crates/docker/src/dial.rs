//! Connections that the `docker` program makes: `docker system dial-stdio` passes its standard input
//! and output on to the engine. So TLS and ssh work with whatever certificates, agents and settings
//! Docker's own tools use, and lead to the engine that they lead to.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker, errors::Error as BollardError};
use hyper::rt::ReadBufCursor;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::AsyncWrite,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::endpoint::{Environment, Variable, apply};

/// As bollard waits for an answer on connections of its own.
const TIMEOUT_SECONDS: u64 = 120;

/// A client whose connections are made by the `docker` program in this environment.
pub(super) fn connect(environment: Environment) -> Result<Docker, BollardError> {
    let connector = Connector {
        environment: environment.into(),
    };
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let client = Arc::new(client);
    let transport = move |request: BollardRequest| {
        let client = Arc::clone(&client);
        async move { client.request(request).await.map_err(BollardError::from) }
    };
    Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        TIMEOUT_SECONDS,
        API_DEFAULT_VERSION,
    )
}

#[derive(Clone)]
struct Connector {
    environment: Arc<[Variable]>,
}

impl tower_service::Service<hyper::Uri> for Connector {
    type Response = Dialled;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Dialled>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: hyper::Uri) -> Self::Future {
        std::future::ready(Dialled::new(&self.environment))
    }
}

/// One connection. Dropping it ends its process.
struct Dialled {
    _process: Child,
    output: TokioIo<ChildStdout>,
    /// None once nothing more is to be sent.
    input: Option<ChildStdin>,
}

impl Dialled {
    fn new(environment: &[Variable]) -> io::Result<Self> {
        let mut command = Command::new("docker");
        command
            .args(["system", "dial-stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        apply(environment, &mut command);
        // Ctrl-C aborts a rollout, which needs the engine for it.
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("a program without input and output"));
        };
        Ok(Self {
            _process: process,
            output: TokioIo::new(output),
            input: Some(input),
        })
    }
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        // The engine learns of it only where the pipe is closed.
        self.input = None;
        Poll::Ready(Ok(()))
    }
}
