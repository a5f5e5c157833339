//! The real engine behind a socket that can be cut and mended.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

const ENGINE: &str = "/var/run/docker.sock";

/// A line to the engine. Dropping it cuts it for good.
#[derive(Debug)]
pub struct Line {
    directory: TempDir,
    /// Ends all connections.
    cut: Mutex<CancellationToken>,
    /// The engine's id, where it is to seem another engine.
    disguised: Option<String>,
    connections: Arc<AtomicUsize>,
}

impl Line {
    /// A line that works. To be called in a runtime, as [`mend`](Self::mend).
    pub fn new() -> Self {
        Self::with_id(None)
    }

    /// A line to the same engine, which seems another one: its id is not the engine's.
    pub async fn to_another_engine() -> Self {
        let info = crate::docker().await.info().await;
        let id = info.expect("the engine tells of itself").id;
        Self::with_id(id)
    }

    fn with_id(disguised: Option<String>) -> Self {
        let line = Self {
            directory: tempfile::tempdir().expect("a temporary directory can be made"),
            cut: Mutex::default(),
            disguised,
            connections: Arc::default(),
        };
        line.mend();
        line
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// As `DOCKER_HOST` names it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Ends all connections; there is no socket any more.
    pub fn cut(&self) {
        self.token().cancel();
        fs::remove_file(self.socket()).expect("the socket was there");
    }

    /// There is a socket again.
    pub fn mend(&self) {
        let listener = UnixListener::bind(self.socket()).expect("the socket can be bound");
        let cut = CancellationToken::new();
        *self.token() = cut.clone();
        let (disguised, connections) = (self.disguised.clone(), Arc::clone(&self.connections));
        tokio::spawn(cut.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let pass_on = pass_on(stream, disguised.clone());
                tokio::spawn(cut.clone().run_until_cancelled_owned(pass_on));
            }
        }));
    }

    fn token(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.cut.lock().expect("nothing panics while it is locked")
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }
}

/// Both ways, each to its end.
async fn pass_on(client: UnixStream, disguised: Option<String>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = UnixStream::connect(ENGINE).await?.into_split();
    let asked = async {
        copy(&mut from_client, &mut to_engine).await?;
        to_engine.shutdown().await
    };
    let answered = async {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = from_engine.read(&mut chunk).await?;
            if read == 0 {
                return to_client.shutdown().await;
            }
            if let Some(id) = &disguised {
                disguise(&mut chunk[..read], id.as_bytes());
            }
            to_client.write_all(&chunk[..read]).await?;
        }
    };
    tokio::try_join!(asked, answered)?;
    Ok(())
}

/// Turns the id round wherever it stands: the answer stays as long as it was. It stands at the
/// beginning of an answer, so it comes in one piece.
fn disguise(bytes: &mut [u8], id: &[u8]) {
    let mut at = 0;
    while at + id.len() <= bytes.len() {
        if bytes[at..].starts_with(id) {
            bytes[at..at + id.len()].reverse();
        }
        at += 1;
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.token().cancel();
    }
}
