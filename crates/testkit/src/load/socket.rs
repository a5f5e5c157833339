//! A WebSocket that gets each message back.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
    },
};

use super::{
    Kind, Target,
    failure::{Broken, Cause},
    http::container_of,
    ledger::Ledger,
};

const PAUSE: Duration = Duration::from_secs(1);

/// Sends a message each second until it is over, and closes it then.
pub(super) async fn session(
    target: &Target,
    length: Duration,
    ledger: &Ledger,
    container: &mut Option<String>,
) -> Result<(), Broken> {
    let begin = Instant::now();
    let mut socket = open(target, container).await?;
    let mut number = 0;
    while begin.elapsed() < length {
        let sent = Instant::now();
        echo(&mut socket, &number.to_string()).await?;
        ledger.answered_after(Kind::WebSocket, sent.elapsed());
        number += 1;
        rest(&mut socket).await?;
    }
    close(&mut socket).await
}

async fn open(
    target: &Target,
    container: &mut Option<String>,
) -> Result<WebSocketStream<TcpStream>, Broken> {
    let stream = TcpStream::connect(target.address)
        .await
        .map_err(|error| Broken::by(Cause::Connection, &error))?;
    let no_answer = |error| Broken::by(Cause::NoAnswer, &error);
    let url = format!("ws://{}/ws", target.address);
    let mut request = url.into_client_request().map_err(no_answer)?;
    let host = HeaderValue::from_str(&target.host)
        .map_err(|error| Broken::by(Cause::Connection, &error))?;
    request.headers_mut().insert(header::HOST, host);
    let (socket, response) = client_async(request, stream).await.map_err(|error| {
        use tokio_tungstenite::tungstenite::Error;
        match &error {
            Error::Http(response) => Broken::new(Cause::Status, response.status().to_string()),
            _ => no_answer(error),
        }
    })?;
    *container = container_of(response.headers());
    Ok(socket)
}

/// Sends a message and waits for it to come back.
async fn echo(socket: &mut WebSocketStream<TcpStream>, text: &str) -> Result<(), Broken> {
    let sent = socket.send(Message::text(text)).await;
    sent.map_err(|error| Broken::by(Cause::Closed, &error))?;
    match next(socket).await? {
        Message::Text(back) if back.as_str() == text => Ok(()),
        other => Err(Broken::new(
            Cause::WrongAnswer,
            format!("sent `{text}`, got back {other:?}"),
        )),
    }
}

/// Nothing may come until the next message is due: an end is noticed when it happens.
async fn rest(socket: &mut WebSocketStream<TcpStream>) -> Result<(), Broken> {
    match tokio::time::timeout(PAUSE, next(socket)).await {
        Err(_) => Ok(()),
        Ok(Ok(message)) => Err(Broken::new(
            Cause::WrongAnswer,
            format!("got {message:?} without having asked"),
        )),
        Ok(Err(broken)) => Err(broken),
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<Message, Broken> {
    match socket.next().await {
        Some(Ok(Message::Close(frame))) => {
            let why = frame.map_or_else(|| "without a reason".into(), |frame| frame.to_string());
            Err(Broken::new(Cause::Closed, format!("closed: {why}")))
        }
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(Broken::by(Cause::Closed, &error)),
        None => Err(Broken::new(Cause::Closed, "the connection ended")),
    }
}

/// Says good-bye and waits for the answer to that.
async fn close(socket: &mut WebSocketStream<TcpStream>) -> Result<(), Broken> {
    let closed = socket.close(None).await;
    closed.map_err(|error| Broken::by(Cause::Closed, &error))?;
    while let Some(message) = socket.next().await {
        message.map_err(|error| Broken::by(Cause::Closed, &error))?;
    }
    Ok(())
}
