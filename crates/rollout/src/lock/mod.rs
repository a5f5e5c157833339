//! One rollout of a service at a time: across processes, users and machines that use one engine.
//!
//! A *file* tells processes with the same data at once. A *container* on the engine tells all
//! others; it runs as long as whoever holds the lock talks to it, so that no dead process holds one.

mod container;
mod file;
mod holder;
mod keeper;

use std::path::{Path, PathBuf};

use bollard::Docker;
use tokio_util::sync::CancellationToken;

use teal_model::{Error, Result};

use container::ContainerLock;
pub use file::FileLock;

/// The locks of one engine.
#[derive(Debug, Clone)]
pub struct Locks {
    docker: Docker,
    data: PathBuf,
    engine: String,
}

/// The lock of a service. Dropping it lets go of it too, a little later.
#[derive(Debug)]
pub struct Lock {
    /// `None` if the data directory can't be written.
    _file: Option<FileLock>,
    /// None on an engine that no helper of Teal's runs on: there the file is all there is.
    container: Option<ContainerLock>,
}

impl Locks {
    pub fn new(docker: &Docker, data: &Path, engine: &str) -> Self {
        Self {
            docker: docker.clone(),
            data: data.to_owned(),
            engine: engine.to_owned(),
        }
    }

    /// Takes the lock of a service.
    ///
    /// # Errors
    /// [`Error::Busy`] names the process that holds it.
    pub async fn take(&self, project: &str, service: &str) -> Result<Lock> {
        let file = match self.take_here(project, service) {
            Err(busy @ Error::Busy { .. }) => return Err(busy),
            file => file,
        };
        // Large beside what waits for it.
        let container = ContainerLock::take(&self.docker, self.place(), project, service);
        let container = Box::pin(container).await?;
        let file = match file {
            // A disk that can't be written keeps nobody from a rollout.
            Err(error) if container.is_some() => {
                tracing::warn!(%error, "the lock is on the engine alone");
                None
            }
            file => Some(file?),
        };
        Ok(Lock {
            _file: file,
            container,
        })
    }

    /// Takes the lock of a service for what concerns this machine alone, such as its files.
    ///
    /// # Errors
    /// [`Error::Busy`] names the process with the same data that holds it.
    pub fn take_here(&self, project: &str, service: &str) -> Result<FileLock> {
        FileLock::take(&self.data, &self.engine, project, service)
    }

    /// Whether some process holds the lock of a service.
    pub async fn is_held(&self, project: &str, service: &str) -> Result<bool> {
        Ok(
            FileLock::is_held(&self.data, &self.engine, project, service)?
                || ContainerLock::is_held(&self.docker, &self.place(), project, service).await?,
        )
    }

    /// Where others with the same data are, and only they.
    fn place(&self) -> String {
        let host = gethostname::gethostname();
        format!("{}:{}", host.to_string_lossy(), self.data.display())
    }

    /// Removes containers of locks that nobody holds or can hold any more.
    pub async fn remove_stale(&self) -> Result<()> {
        container::remove_stale(&self.docker).await
    }
}

impl Lock {
    /// Lets go of it, and returns when others can take it.
    pub async fn release(self) {
        if let Some(container) = self.container
            && let Err(error) = container.release().await
        {
            tracing::warn!(%error, "the lock goes when the engine notices");
        }
    }

    /// From now on it is worth nothing without the record of this rollout.
    pub fn is_for(&self, rollout: &str) {
        if let Some(container) = &self.container {
            container.is_for(rollout);
        }
    }

    /// Cancelled when the lock was lost, and somebody else has taken it or may have held it: the
    /// engine was away, or this machine slept.
    pub fn lost(&self) -> CancellationToken {
        let container = self.container.as_ref();
        container.map(ContainerLock::lost).unwrap_or_default()
    }
}
