//! Where Teal keeps its files: the platform's own directories.

use std::path::PathBuf;

use directories::ProjectDirs;

use teal_model::{Error, Result};

/// Teal's directories. Nothing is created by asking.
#[derive(Debug, Clone)]
pub struct Paths {
    /// History, locks and the records of rollouts that run.
    pub data: PathBuf,
    /// Logs.
    pub state: PathBuf,
    /// Settings of the window.
    pub config: PathBuf,
}

impl Paths {
    /// The directories of this user, by the platform's rules (XDG on Linux).
    ///
    /// # Errors
    /// No home directory is known.
    pub fn find() -> Result<Self> {
        let directories = ProjectDirs::from("dev", "Teal", "teal").ok_or_else(|| {
            Error::Unexpected("no home directory is known: set `HOME`".to_owned())
        })?;
        Ok(Self {
            data: directories.data_local_dir().to_owned(),
            // Only Linux has a directory for state.
            state: directories
                .state_dir()
                .unwrap_or_else(|| directories.data_local_dir())
                .to_owned(),
            config: directories.config_dir().to_owned(),
        })
    }
}
