//! The real engine behind a socket that can be cut and mended.

use std::{fs, path::PathBuf, sync::Mutex};

use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
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
}

impl Line {
    /// A line that works. To be called in a runtime, as [`mend`](Self::mend).
    pub fn new() -> Self {
        let line = Self {
            directory: tempfile::tempdir().expect("a temporary directory can be made"),
            cut: Mutex::default(),
        };
        line.mend();
        line
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
        tokio::spawn(cut.clone().run_until_cancelled_owned(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let pass_on = async move {
                    let mut engine = UnixStream::connect(ENGINE).await?;
                    copy_bidirectional(&mut stream, &mut engine).await
                };
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
