//! Rollouts that have not been settled: they run, were left as they were, or their process died.
//!
//! The record is on disk before the first change, so that what was begun can always be undone.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    event::Phase,
    lock::{Lock, file_name},
    model::{Interrupted, Plan, ProjectSource},
};

const DIRECTORY: &str = "rollouts";

/// What it takes to return to Blue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unsettled {
    pub(crate) rollout: String,
    pub(crate) plan: Plan,
    /// The phase it is in, as far as that was noted.
    #[serde(default)]
    pub(crate) phase: Option<Phase>,
}

impl From<Unsettled> for Interrupted {
    fn from(
        Unsettled {
            rollout,
            plan,
            phase,
        }: Unsettled,
    ) -> Self {
        Self {
            rollout,
            source: ProjectSource {
                project_name: Some(plan.project.clone()),
                ..plan.source
            },
            project: plan.project,
            service: plan.service,
            phase,
            limits_before: plan.limits_before,
            limits_after: plan.limits_after,
        }
    }
}

/// The rollouts on this engine that nobody carries on: no process holds their lock.
pub(crate) fn interrupted(data: &Path, engine: &str) -> Result<Vec<Interrupted>> {
    let directory = data.join(DIRECTORY);
    let failed = |source| Error::File {
        operation: "read the records in",
        path: directory.clone(),
        source,
    };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let prefix = format!("{}.", file_name(&[engine]));
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with(&prefix) {
            continue;
        }
        let file = UnsettledFile { path: entry.path() };
        // One that has been settled meanwhile is gone.
        let Some(unsettled) = file.read()? else {
            continue;
        };
        let Plan {
            project, service, ..
        } = &unsettled.plan;
        if !Lock::is_held(data, engine, project, service)? {
            found.push(Interrupted::from(unsettled));
        }
    }
    found.sort_by(|a, b| (&a.project, &a.service).cmp(&(&b.project, &b.service)));
    Ok(found)
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
            path: data.join(DIRECTORY).join(name),
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

    /// Notes how far the rollout has come, where there is a record of it.
    pub(crate) fn note(&self, phase: Phase) -> Result<()> {
        match self.read()? {
            Some(unsettled) => self.write(&Unsettled {
                phase: Some(phase),
                ..unsettled
            }),
            None => Ok(()),
        }
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
