//! Connections to where only Traefik itself is: a sidecar in its network carries them, as
//! `crates/sidecar/src/relay.rs` says. This is how Teal asks a Traefik without published ports.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    errors::Error as DockerError,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{AttachContainerOptions, CreateContainerOptions},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::{mpsc, oneshot},
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    error::TrafficError,
    sidecar::{TARGET, remove},
    sidecars::Sidecars,
};
use teal_docker::{
    SIDECAR, confined, look_at,
    teal_label::{DATA, ROLE, ROLLOUT},
};

const OPEN: u8 = 0;
const PIECE: u8 = 1;
const END: u8 = 2;
const HEAD: usize = 9;

/// Each connection has a thread in the sidecar; the live probe has 16 at most.
const PROCESSES: i64 = 64;
/// How much of a connection may wait for its reader.
const BUFFER: usize = 64 * 1024;
/// Frames that wait to be sent.
const QUEUE: usize = 64;

/// A sidecar that carries connections into the network of a container. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    line: Arc<Line>,
    /// The container that it stands beside, and when that was started: started again it has another
    /// network, and the sidecar stays in the old one.
    beside: Option<(String, String)>,
}

#[derive(Debug)]
struct Line {
    frames: mpsc::Sender<Bytes>,
    open: Arc<Open>,
    next: AtomicU32,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// The connections, by number, and where what comes of them goes.
#[derive(Debug, Default)]
struct Open(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    by_number: HashMap<u32, mpsc::UnboundedSender<Told>>,
    /// The sidecar has ended.
    is_over: bool,
}

/// What the sidecar tells of one connection.
enum Told {
    Open,
    Piece(Bytes),
    End(String),
}

impl PartialEq for Relay {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.line, &other.line)
    }
}

impl Eq for Relay {}

impl Relay {
    /// Starts one beside a container, as a helper of a rollout.
    pub(super) async fn start(
        sidecars: &mut Sidecars,
        container: &str,
    ) -> Result<Self, TrafficError> {
        sidecars.ready().await?;
        let docker = &sidecars.docker;
        let beside = run_of(docker, container)
            .await
            .map_err(TrafficError::engine("look at Traefik"))?;
        let started = async {
            let id = create(sidecars, container).await?;
            match listen(docker, &id).await {
                Ok(line) => Ok((id, line)),
                Err(error) => {
                    remove(docker, [id.as_str()]).await?;
                    Err(error)
                }
            }
        };
        let (id, line) = started
            .await
            .map_err(TrafficError::engine("start a sidecar in Traefik's network"))?;
        sidecars.relays(id);
        let relay = Self::of(line.output, line.input);
        Ok(Self { beside, ..relay })
    }

    fn of(
        output: Pin<Box<dyn Stream<Item = Result<LogOutput, DockerError>> + Send>>,
        input: Pin<Box<dyn AsyncWrite + Send>>,
    ) -> Self {
        let open = Arc::new(Open::default());
        let (frames, queue) = mpsc::channel(QUEUE);
        let told = tokio::spawn(hear(output, open.clone()));
        let tell = tokio::spawn(tell(input, queue));
        let line = Line {
            frames,
            open,
            next: AtomicU32::new(0),
            _tasks: [told, tell].map(AbortOnDropHandle::new),
        };
        Self {
            line: Arc::new(line),
            beside: None,
        }
    }

    /// Whether the sidecar still runs beside this container, as that runs now.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(super) async fn is_beside(
        &self,
        docker: &Docker,
        container: &str,
    ) -> Result<bool, DockerError> {
        if self.line.open.lock().is_over {
            return Ok(false);
        }
        Ok(self.beside == run_of(docker, container).await?)
    }

    /// Opens a connection to an address as it is in there. Given up meanwhile, it is closed in there
    /// as well.
    ///
    /// # Errors
    /// Nobody takes it, or the sidecar has ended.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<DuplexStream> {
        let line = &self.line;
        let number = line.next.fetch_add(1, Ordering::Relaxed);
        let (sender, told) = mpsc::unbounded_channel();
        if !line.open.insert(number, sender) {
            return Err(over());
        }
        let connection = Connection {
            number,
            frames: line.frames.clone(),
            told,
            open: line.open.clone(),
        };
        let (answer, opened) = oneshot::channel();
        // It ends when either end is dropped.
        tokio::spawn(connection.run(address, answer));
        opened.await.unwrap_or_else(|_| Err(over()))
    }
}

/// One connection, from its first frame to its last.
struct Connection {
    number: u32,
    frames: mpsc::Sender<Bytes>,
    told: mpsc::UnboundedReceiver<Told>,
    open: Arc<Open>,
}

impl Connection {
    async fn run(
        mut self,
        address: SocketAddr,
        mut answer: oneshot::Sender<io::Result<DuplexStream>>,
    ) {
        let opened = tokio::select! {
            opened = self.opened(address) => Some(opened),
            // Nobody waits for it any more.
            () = answer.closed() => None,
        };
        match opened {
            Some(Ok(())) => {
                let (near, far) = tokio::io::duplex(BUFFER);
                // One that nobody takes any more is closed by being dropped.
                answer.send(Ok(near)).ok();
                self.carry(far).await;
            }
            Some(Err(error)) => {
                answer.send(Err(error)).ok();
            }
            None => {}
        }
        self.open.remove(self.number);
        // Where the sidecar has ended, so has the connection.
        self.frames.send(frame(self.number, END, &[])).await.ok();
    }

    async fn opened(&mut self, address: SocketAddr) -> io::Result<()> {
        let opens = frame(self.number, OPEN, address.to_string().as_bytes());
        self.frames.send(opens).await.map_err(|_| over())?;
        match self.told.recv().await {
            Some(Told::Open) => Ok(()),
            Some(Told::End(reason)) => {
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, reason))
            }
            Some(Told::Piece(_)) | None => Err(over()),
        }
    }

    /// Until one of its ends is closed.
    async fn carry(&mut self, mut far: DuplexStream) {
        let mut piece = vec![0; BUFFER];
        loop {
            tokio::select! {
                read = far.read(&mut piece) => {
                    let length = read.unwrap_or(0);
                    if length == 0 {
                        return;
                    }
                    let carried = frame(self.number, PIECE, &piece[..length]);
                    if self.frames.send(carried).await.is_err() {
                        return;
                    }
                }
                heard = self.told.recv() => {
                    let Some(Told::Piece(bytes)) = heard else {
                        return;
                    };
                    if far.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// A container as it runs: its id and when it was started.
async fn run_of(docker: &Docker, container: &str) -> Result<Option<(String, String)>, DockerError> {
    let found = look_at(docker, container).await?;
    Ok(found.and_then(|found| Some((found.id?, found.state?.started_at?))))
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False where there is nobody any more who could tell of it.
    fn insert(&self, number: u32, sender: mpsc::UnboundedSender<Told>) -> bool {
        let mut connections = self.lock();
        if !connections.is_over {
            connections.by_number.insert(number, sender);
        }
        !connections.is_over
    }

    fn remove(&self, number: u32) {
        self.lock().by_number.remove(&number);
    }

    /// One that nobody listens to any more is nobody's business.
    fn pass_on(&self, number: u32, told: Told) {
        if let Some(sender) = self.lock().by_number.get(&number) {
            sender.send(told).ok();
        }
    }

    fn end(&self) {
        let mut connections = self.lock();
        connections.is_over = true;
        connections.by_number.clear();
    }
}

fn over() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the sidecar in Traefik's network has ended",
    )
}

async fn create(sidecars: &Sidecars, container: &str) -> Result<String, DockerError> {
    let labels = [
        (ROLE, SIDECAR),
        (ROLLOUT, sidecars.rollout.as_str()),
        (TARGET, container),
        // Whatever Traefik's defaults are, this is not a server.
        ("traefik.enable", "false"),
    ];
    let data = sidecars.data.as_deref().map(|data| (DATA, data));
    let body = ContainerCreateBody {
        image: sidecars.image().map(str::to_owned),
        cmd: Some(vec!["relay".to_owned()]),
        labels: Some(
            labels
                .into_iter()
                .chain(data)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        ),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        host_config: Some(HostConfig {
            pids_limit: Some(PROCESSES),
            ..confined(format!("container:{container}"))
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions {
        name: Some(format!("teal-relay-{}", Uuid::new_v4().simple())),
        ..CreateContainerOptions::default()
    };
    let created = sidecars
        .docker
        .create_container(Some(options), body)
        .await?;
    Ok(created.id)
}

async fn listen(docker: &Docker, id: &str) -> Result<AttachContainerResults, DockerError> {
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        ..AttachContainerOptions::default()
    };
    let line = docker.attach_container(id, Some(options)).await?;
    docker.start_container(id, None).await?;
    Ok(line)
}

/// Takes in what the sidecar says, until it ends.
async fn hear(
    mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, DockerError>> + Send>>,
    open: Arc<Open>,
) {
    let mut said = BytesMut::new();
    while let Some(Ok(LogOutput::StdOut { message })) = output.next().await {
        said.extend_from_slice(&message);
        while let Some((number, told)) = next(&mut said) {
            open.pass_on(number, told);
        }
    }
    open.end();
}

async fn tell(mut input: Pin<Box<dyn AsyncWrite + Send>>, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(frame) = queue.recv().await {
        let sent = async {
            input.write_all(&frame).await?;
            input.flush().await
        };
        if let Err(error) = sent.await {
            return tracing::warn!(%error, "the sidecar in Traefik's network hears nothing more");
        }
    }
}

fn frame(number: u32, kind: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + payload.len());
    frame.put_u32(number);
    frame.put_u8(kind);
    // No payload is longer than the buffer of a connection.
    frame.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    frame.put_slice(payload);
    frame.freeze()
}

/// The next whole frame of what was said, taken out of it.
fn next(said: &mut BytesMut) -> Option<(u32, Told)> {
    let mut head = said.get(..HEAD)?;
    let (number, kind, length) = (head.get_u32(), head.get_u8(), head.get_u32());
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if said.len() - HEAD < length {
        return None;
    }
    said.advance(HEAD);
    let payload = said.split_to(length).freeze();
    let told = match kind {
        OPEN => Told::Open,
        PIECE => Told::Piece(payload),
        _ => Told::End(String::from_utf8_lossy(&payload).into_owned()),
    };
    Some((number, told))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// A sidecar that opens every connection but those to port 81, which it refuses, and to port 82, on
    /// which it keeps silent; it answers each piece with itself. With what it is told of.
    fn echo() -> (Relay, mpsc::UnboundedReceiver<(u32, u8)>) {
        let (input, mut questions) = duplex(BUFFER);
        let (answers, output) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut head = [0; HEAD];
            while questions.read_exact(&mut head).await.is_ok() {
                let (number, kind, length) = {
                    let mut head = &head[..];
                    (head.get_u32(), head.get_u8(), head.get_u32())
                };
                let mut payload = vec![0; length.try_into().unwrap()];
                questions.read_exact(&mut payload).await.unwrap();
                asks.send((number, kind)).ok();
                let answer = match kind {
                    OPEN if payload == b"127.0.0.1:81" => frame(number, END, b"refused"),
                    OPEN if payload == b"127.0.0.1:82" => continue,
                    OPEN => frame(number, OPEN, &[]),
                    kind => frame(number, kind, &payload),
                };
                // In two pieces, as an engine may hand it over.
                for message in [answer.slice(..5), answer.slice(5..)] {
                    answers.send(Ok(LogOutput::StdOut { message })).ok();
                }
            }
        });
        let output = futures_util::stream::unfold(output, |mut output| async {
            Some((output.recv().await?, output))
        });
        (Relay::of(Box::pin(output), Box::pin(input)), asked)
    }

    #[tokio::test]
    async fn connections_do_not_mix() {
        let (relay, _asked) = echo();
        let address = "127.0.0.1:80".parse().unwrap();
        let mut one = relay.connect(address).await.unwrap();
        let mut other = relay.connect(address).await.unwrap();
        one.write_all(b"one").await.unwrap();
        other.write_all(b"other").await.unwrap();
        let mut said = [0; 5];
        other.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"other");
        one.read_exact(&mut said[..3]).await.unwrap();
        assert_eq!(&said[..3], b"one");
    }

    #[tokio::test]
    async fn what_is_refused_in_there_is_refused_here() {
        let (relay, _asked) = echo();
        let refused = relay.connect("127.0.0.1:81".parse().unwrap()).await;
        assert_eq!(refused.unwrap_err().to_string(), "refused");
        assert!(!relay.line.open.lock().is_over);
    }

    /// The caller has given it up while the sidecar was still connecting, or has just connected.
    #[tokio::test]
    async fn a_connection_that_is_given_up_is_closed_in_there() {
        for (number, port) in [(0, 82), (1, 80)] {
            let (relay, mut asked) = echo();
            relay.line.next.store(number, Ordering::Relaxed);
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let connecting = tokio::spawn({
                let relay = relay.clone();
                async move { relay.connect(address).await.map(drop) }
            });
            assert_eq!(asked.recv().await, Some((number, OPEN)));
            connecting.abort();
            assert_eq!(asked.recv().await, Some((number, END)), "port {port}");
            assert!(relay.line.open.lock().by_number.is_empty());
        }
    }
}
