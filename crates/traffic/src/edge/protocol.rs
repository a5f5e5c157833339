//! What a service speaks at a port, by asking it.

use std::{net::SocketAddr, time::Duration};

use bollard::models::ContainerInspectResponse;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{entry::Protocol, fronting::reached};
use crate::{
    http::{self, Endpoint},
    rule::{Target, health_path},
};
use teal_docker::EngineHost;
use teal_model::HostPort;

/// Longer than a page needs; a server that only listens says nothing ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What a client of HTTP/2 begins with: its preface, and settings of which none is other than usual.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The head of a frame: its length, its kind, its flags, its stream.
const FRAME_HEAD: usize = 9;
const SETTINGS: u8 = 4;

/// HTTP where the port answers a plain GET, whatever the answer is, and HTTP/2 besides where it
/// takes the preface. Everything else is passed on as it is: TLS, HTTP/2 alone, what is no HTTP at
/// all, and what can't be reached from here.
pub async fn protocol(
    port: &HostPort,
    host: EngineHost,
    container: &ContainerInspectResponse,
) -> Protocol {
    let Some(address) = reached(host, port.host_ip.as_deref(), port.published) else {
        tracing::info!(
            port = port.published,
            "bound where only its own machine reaches it"
        );
        return Protocol::Tcp;
    };
    let endpoint = Endpoint::here(address, false);
    let health = health_path(container);
    let target = Target::new("PathPrefix(`/`)", health.as_deref(), false);
    if let Err(problem) = http::get(&endpoint, &target, None, ANSWERS_WITHIN).await {
        tracing::info!(%problem, port = port.published, "no HTTP");
        return Protocol::Tcp;
    }
    match timeout(ANSWERS_WITHIN, takes_preface(address)).await {
        Ok(Ok(true)) => Protocol::HttpAndH2c,
        _ => Protocol::Http,
    }
}

/// Whether a server answers the preface of HTTP/2 with its own settings, which come first.
async fn takes_preface(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(PREFACE).await?;
    let mut head = [0; FRAME_HEAD];
    stream.read_exact(&mut head).await?;
    let is_first = head[5..] == [0; 4];
    Ok(head[3] == SETTINGS && is_first)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; PREFACE.len()];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_server_of_http_2_is_known_by_its_settings() {
        let http2 = server(b"\0\0\0\x04\0\0\0\0\0").await;
        assert!(takes_preface(http2).await.unwrap());
        let http1 = server(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert!(!takes_preface(http1).await.unwrap());
        let short = server(b"no").await;
        assert!(takes_preface(short).await.is_err());
    }
}
