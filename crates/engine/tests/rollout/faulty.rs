//! The real engine behind a socket on which chosen calls fail.

use std::{path::PathBuf, sync::Arc};

use bollard::models::ErrorResponse;
use http_body_util::{Either, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client, server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};

const ENGINE: &str = "/var/run/docker.sock";

type Body = Either<Incoming, Full<Bytes>>;

/// Lives as long as the test that started it.
pub(crate) struct FaultyEngine {
    directory: TempDir,
}

impl FaultyEngine {
    /// Passes everything on to the engine but the calls whose method and path `fails` picks.
    pub(crate) fn start(fails: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let engine = Self { directory };
        let listener = UnixListener::bind(engine.socket()).expect("the socket can be bound");
        let fails = Arc::new(fails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fails = Arc::clone(&fails);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let fails = fails(request.method().as_str(), request.uri().path());
                    async move {
                        match fails {
                            true => Ok(refusal()),
                            false => pass_on(request).await,
                        }
                    }
                });
                tokio::spawn(
                    server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        engine
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }
}

fn refusal() -> Response<Body> {
    let message = ErrorResponse {
        message: "this call fails on purpose".to_owned(),
    };
    let text = serde_json::to_vec(&message).expect("a message is JSON");
    let mut response = Response::new(Either::Right(Full::from(text)));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

async fn pass_on(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let stream = UnixStream::connect(ENGINE)
        .await
        .expect("the engine answers");
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    Ok(response.map(Either::Left))
}
