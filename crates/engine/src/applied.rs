//! Changes of people's own files: on record before the first byte is written, with what was there,
//! so that they can be undone.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    compose::{override_file, unified},
    lock::file_name,
    model::{AppliedChange, ChangeKind, FileChange},
};

#[cfg(test)]
mod tests;

/// The changes made for one service, in the data directory.
#[derive(Debug)]
pub(crate) struct Applied {
    path: PathBuf,
}

/// One change: what it takes to undo it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    kind: ChangeKind,
    at: Timestamp,
    files: Vec<Written>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    path: PathBuf,
    /// None where there was no file.
    before: Option<String>,
    after: String,
    backup: Option<PathBuf>,
}

impl Applied {
    pub(crate) fn of(data: &Path, project: &str, service: &str) -> Self {
        let name = format!("{}.json", file_name(&[project, service]));
        Self {
            path: data.join("files").join(name),
        }
    }

    /// The file that the changes are on record in.
    pub(crate) fn record(&self) -> &Path {
        &self.path
    }

    /// What can be undone, the newest first. Changes that others have undone are left out.
    pub(crate) fn list(&self) -> Result<Vec<AppliedChange>> {
        let records = self.read()?;
        let stands = |record: &&Record| {
            let there = |file: &Written| {
                let now = override_file::read(&file.path).ok();
                now != Some(file.before.clone().map(String::into_bytes))
            };
            record.files.iter().any(there)
        };
        Ok(records
            .iter()
            .rev()
            .filter(stands)
            .map(|record| AppliedChange {
                kind: record.kind,
                at: record.at,
                files: record.files.iter().map(|file| file.path.clone()).collect(),
                backups: record
                    .files
                    .iter()
                    .filter_map(|file| file.backup.clone())
                    .collect(),
            })
            .collect())
    }

    /// The override that Teal has put beside a project's only file, so that it is one of its files.
    /// A container that was made before tells of the old files alone.
    pub(crate) fn override_beside(data: &Path, project: &str, file: &Path) -> Option<PathBuf> {
        let start = format!("{}.", file_name(&[project]));
        let entries = fs::read_dir(data.join("files")).ok()?.flatten();
        let own = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
        let records = own.filter_map(|entry| {
            let applied = Self { path: entry.path() };
            let unread = |error: &Error| tracing::warn!(%error, "an override may be missed");
            applied.read().inspect_err(unread).ok()
        });
        let mut written = records.flatten().flat_map(|record| record.files);
        let found = written.find(|written| {
            let name = written
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy();
            written.before.is_none()
                && written.path.parent() == file.parent()
                && name.contains(".override.")
                && written.path.exists()
        })?;
        Some(found.path)
    }

    /// Writes the files, where they are still as the changes say.
    pub(crate) fn apply(&self, kind: ChangeKind, changes: &[FileChange]) -> Result<()> {
        for change in changes {
            let now = override_file::read_text(&change.path)?;
            if now != change.before {
                return Err(changed(
                    &change.path,
                    change.before.as_deref(),
                    now.as_deref(),
                ));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let written = changes.iter().map(|change| Written {
            path: change.path.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            backup: change.backup.then(|| free_backup(&change.path, at)),
        });
        let record = Record {
            kind,
            at,
            files: written.collect(),
        };
        let mut records = self.read()?;
        records.push(record.clone());
        self.write(&records)?;
        for file in &record.files {
            if let (Some(backup), Some(before)) = (&file.backup, &file.before) {
                back_up(backup, before.as_bytes())?;
            }
            override_file::write_atomic(&file.path, file.after.as_bytes())?;
        }
        Ok(())
    }

    /// Undoes every change of this kind, the newest first. Nothing is changed where a file is not
    /// as Teal left it.
    pub(crate) fn undo(&self, kind: ChangeKind) -> Result<Vec<PathBuf>> {
        let mut records = self.read()?;
        let mut undone = Vec::new();
        while let Some(at) = records.iter().rposition(|record| record.kind == kind) {
            let record = &records[at];
            for file in &record.files {
                check(file)?;
            }
            for file in &record.files {
                put_back(file)?;
                if !undone.contains(&file.path) {
                    undone.push(file.path.clone());
                }
            }
            records.remove(at);
            self.write(&records)?;
        }
        if undone.is_empty() {
            let name = self.path.file_stem().and_then(|name| name.to_str());
            let service = name.and_then(|name| name.split('.').next_back());
            return Err(Error::NothingToUndo {
                service: service.unwrap_or_default().to_owned(),
            });
        }
        Ok(undone)
    }

    fn read(&self) -> Result<Vec<Record>> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| self.failed("read the record")(error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.failed("read the record")(error)),
        }
    }

    fn write(&self, records: &[Record]) -> Result<()> {
        let bytes = serde_json::to_vec(records)
            .map_err(|error| self.failed("write the record")(error.into()))?;
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(self.failed("write the record"))?;
        }
        override_file::write_atomic(&self.path, &bytes)
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

/// A file may be put back where it is as Teal left it; one that is as before is back already.
fn check(file: &Written) -> Result<()> {
    let now = override_file::read_text(&file.path)?;
    if now.as_ref() == Some(&file.after) || now == file.before {
        return Ok(());
    }
    Err(changed(&file.path, Some(&file.after), now.as_deref()))
}

/// Puts a file back, and removes the backup that then says the same.
fn put_back(file: &Written) -> Result<()> {
    override_file::restore(&file.path, file.before.as_deref().map(str::as_bytes))?;
    let Some(backup) = &file.backup else {
        return Ok(());
    };
    let kept = override_file::read(backup)?;
    if kept.is_some() && kept.as_deref() == file.before.as_deref().map(str::as_bytes) {
        override_file::restore(backup, None)?;
    }
    Ok(())
}

fn changed(path: &Path, known: Option<&str>, now: Option<&str>) -> Error {
    Error::FileChanged {
        path: path.to_owned(),
        diff: unified(path, known, now.unwrap_or_default()),
    }
}

/// A name beside the file that nothing has yet: `compose.yaml.20261124-103207.bak`.
fn free_backup(path: &Path, at: Timestamp) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let time = at.to_zoned(TimeZone::system()).strftime("%Y%m%d-%H%M%S");
    let first = path.with_file_name(format!("{name}.{time}.bak"));
    let more = (2..).map(|number| path.with_file_name(format!("{name}.{time}-{number}.bak")));
    let mut names = std::iter::once(first.clone()).chain(more);
    names.find(|name| !name.exists()).unwrap_or(first)
}

/// Writes the copy, never over another file.
fn back_up(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = fs::File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| Error::File {
        operation: "write the backup",
        path: path.to_owned(),
        source,
    })
}
