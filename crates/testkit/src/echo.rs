//! A WebSocket to `hello`, to see whether a long connection survives.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

/// An open connection to `/ws`, which sends back what it gets.
#[derive(Debug)]
pub struct Echo {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Echo {
    /// `url` is the `http://…/ws` address of `hello`.
    ///
    /// # Panics
    /// No connection comes about.
    pub async fn open(url: &str) -> Self {
        let url = url.replacen("http://", "ws://", 1);
        let (socket, _) = connect_async(&url)
            .await
            .unwrap_or_else(|error| panic!("no WebSocket at {url}: {error}"));
        Self { socket }
    }

    /// Sends `text` and waits for what comes back; none if the server said good-bye.
    pub async fn say(&mut self, text: &str) -> Result<Option<String>, Error> {
        self.socket.send(Message::text(text)).await?;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(text.to_string())),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }
}
