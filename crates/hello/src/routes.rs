//! What the service answers.

use std::{fs, sync::Arc, time::Duration, time::Instant};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{
        Query, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{log, memory, switches::Switches};

/// Every answer carries the host name, which in a container is the start of its id.
const ID_HEADER: &str = "x-hello-id";

struct Service {
    id: String,
    switches: Switches,
    started: Instant,
    stop: CancellationToken,
}

type Shared = State<Arc<Service>>;

pub(crate) fn router(switches: Switches, started: Instant, stop: CancellationToken) -> Router {
    let service = Arc::new(Service {
        id: host_name(),
        switches,
        started,
        stop,
    });
    Router::new()
        .route("/", get(hello))
        .route("/id", get(id))
        .route("/health", get(health))
        .route("/slow", get(slow))
        .route("/stream", get(stream_chunks))
        .route("/ws", get(echo))
        .route("/request/{*rest}", any(request))
        .layer(middleware::from_fn_with_state(service.clone(), on_every))
        .with_state(service)
}

fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".into(), |name| name.trim().into())
}

/// Fails and delays as the switches say, and tells on every answer who gave it.
async fn on_every(State(service): Shared, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let mut response = if service.switches.fail_path.as_deref() == Some(path) {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    } else {
        if path != "/health" {
            tokio::time::sleep(service.switches.delay).await;
        }
        next.run(request).await
    };
    if let Ok(id) = HeaderValue::from_str(&service.id) {
        response.headers_mut().insert(ID_HEADER, id);
    }
    response
}

async fn hello(State(service): Shared, headers: HeaderMap) -> Response {
    let memory_limit = memory::limit();
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    if wants_json {
        return Json(json!({
            "id": service.id,
            "memoryLimit": memory_limit,
            "uptimeMs": u64::try_from(service.started.elapsed().as_millis()).ok(),
        }))
        .into_response();
    }
    let limit = memory_limit.map_or_else(
        || "without a memory limit".into(),
        |bytes| format!("with a memory limit of {} MiB", bytes / 1024 / 1024),
    );
    format!("Hello from {}, {limit}\n", service.id).into_response()
}

/// The request as it came: its first line and its headers.
async fn request(request: Request) -> String {
    let mut text = format!(
        "{} {} {:?}\n",
        request.method(),
        request.uri(),
        request.version()
    );
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        text.extend([name.as_str(), ": ", &value, "\n"]);
    }
    text
}

async fn id(State(service): Shared) -> String {
    service.id.clone()
}

async fn health(State(service): Shared) -> (StatusCode, &'static str) {
    if service.switches.is_healthy_at(service.started.elapsed()) {
        (StatusCode::OK, "healthy\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not healthy\n")
    }
}

#[derive(Deserialize)]
struct Pace {
    /// How long the answer takes, or how far its chunks are apart.
    ms: Option<u64>,
    chunks: Option<u32>,
}

impl Pace {
    fn pause(&self) -> Duration {
        Duration::from_millis(self.ms.unwrap_or(1000))
    }
}

async fn slow(Query(pace): Query<Pace>) -> String {
    tokio::time::sleep(pace.pause()).await;
    format!("answered after {} ms\n", pace.pause().as_millis())
}

async fn stream_chunks(Query(pace): Query<Pace>) -> Body {
    let chunks = pace.chunks.unwrap_or(10);
    Body::from_stream(stream::unfold(0, move |sent| {
        let pause = pace.pause();
        async move {
            if sent == chunks {
                return None;
            }
            tokio::time::sleep(pause).await;
            let chunk = Bytes::from(format!("chunk {} of {chunks}\n", sent + 1));
            Some((Ok::<_, std::convert::Infallible>(chunk), sent + 1))
        }
    }))
}

async fn echo(State(service): Shared, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        if let Err(error) = echo_messages(socket, &service.stop).await {
            log(&format!("a WebSocket ended: {error}"));
        }
    })
}

/// Sends every message back; says good-bye when the service stops.
async fn echo_messages(mut socket: WebSocket, stop: &CancellationToken) -> Result<(), axum::Error> {
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            () = stop.cancelled() => {
                let goodbye = CloseFrame { code: close_code::AWAY, reason: "stopping".into() };
                return socket.send(Message::Close(Some(goodbye))).await;
            }
        };
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                socket.send(message).await?;
            }
            Some(Ok(_)) => {} // pings and closes are answered by the library
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        }
    }
}
