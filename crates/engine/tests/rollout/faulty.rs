//! The real engine behind a socket on which chosen calls fail.

use std::{path::PathBuf, sync::Arc};

use bollard::models::ErrorResponse;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client,
    header::CONTENT_LENGTH,
    server,
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

/// What becomes of a call.
enum Fate {
    Fails,
    Passes,
    /// Passes with another body.
    Changes(fn(&str) -> String),
}

impl FaultyEngine {
    /// Passes everything on to the engine but the calls whose method and path `fails` picks.
    pub(crate) fn start(fails: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(move |method, path| match fails(method, path) {
            true => Fate::Fails,
            false => Fate::Passes,
        })
    }

    /// Passes everything on to the engine, what is sent to paths with this end as `change` makes it.
    pub(crate) fn changing(end: &'static str, change: fn(&str) -> String) -> Self {
        Self::with(move |_, path| match path.ends_with(end) {
            true => Fate::Changes(change),
            false => Fate::Passes,
        })
    }

    fn with(fate: impl Fn(&str, &str) -> Fate + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let engine = Self { directory };
        let listener = UnixListener::bind(engine.socket()).expect("the socket can be bound");
        let fate = Arc::new(fate);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fate = Arc::clone(&fate);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let fate = fate(request.method().as_str(), request.uri().path());
                    async move {
                        match fate {
                            Fate::Fails => Ok(refusal()),
                            Fate::Passes => pass_on(request.map(Either::Left)).await,
                            Fate::Changes(change) => pass_on(changed(request, change).await?).await,
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

async fn changed(
    request: Request<Incoming>,
    change: fn(&str) -> String,
) -> Result<Request<Body>, hyper::Error> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = change(&String::from_utf8_lossy(&body));
    // The client counts from the start.
    head.headers.remove(CONTENT_LENGTH);
    Ok(Request::from_parts(head, Either::Right(Full::from(body))))
}

async fn pass_on(request: Request<Body>) -> Result<Response<Body>, hyper::Error> {
    let stream = UnixStream::connect(ENGINE)
        .await
        .expect("the engine answers");
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    Ok(response.map(Either::Left))
}
