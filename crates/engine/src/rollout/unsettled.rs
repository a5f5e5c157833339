//! Rollouts that have not been settled: they run, were left as they were, or their process died.
//!
//! The record is on disk before the first change, so that what was begun can always be undone.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, lock::file_name, model::Plan};

/// What it takes to return to Blue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unsettled {
    pub(crate) rollout: String,
    pub(crate) plan: Plan,
}

/// The file of one service's unsettled rollout.
#[derive(Debug, Clone)]
pub(crate) struct UnsettledFile {
    path: PathBuf,
}

impl UnsettledFile {
    pub(crate) fn new(data: &Path, engine: &str, project: &str, service: &str) -> Self {
        let name = format!("{}.json", file_name(&[engine, project, service]));
        Self {
            path: data.join("rollouts").join(name),
        }
    }

    /// None where every rollout of the service is settled.
    pub(crate) fn read(&self) -> Result<Option<Unsettled>> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| self.failed("read the record")(error.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read the record")(error)),
        }
    }

    pub(crate) fn write(&self, unsettled: &Unsettled) -> Result<()> {
        self.try_write(unsettled)
            .map_err(self.failed("write the record"))
    }

    fn try_write(&self, unsettled: &Unsettled) -> std::io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec(unsettled)?)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(directory)?.sync_all()
    }

    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed("remove the record")(error))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, operation: &'static str) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = self.path.clone();
        move |source| Error::File {
            operation,
            path,
            source,
        }
    }
}
