//! Changes of people's own files: on record before the first byte is written, with what was there,
//! so that they can be undone. A record is of one checkout on one engine: projects of one name in two
//! folders, such as two worktrees, have files of their own.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use teal_compose::{override_file, unified, working_directory};
use teal_files::file_name;
use teal_files::private;
use teal_model::{AppliedChange, ChangeKind, Error, FileChange, ProjectSource, Result};

#[cfg(test)]
mod tests;

/// The changes made for one service, in the data directory.
#[derive(Debug)]
pub(crate) struct Applied {
    service: String,
    path: PathBuf,
    /// What earlier Teals wrote: of all projects of this name, wherever they lie.
    old: PathBuf,
    /// Where the project's files lie.
    folders: Vec<PathBuf>,
}

/// One change: what it takes to undo it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    kind: ChangeKind,
    at: Timestamp,
    files: Vec<Written>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    path: PathBuf,
    /// `None` if there was no file.
    before: Option<String>,
    after: String,
    backup: Option<PathBuf>,
}

impl Applied {
    /// Those of a service on this engine, in a project of these files.
    pub(crate) fn of(
        data: &Path,
        engine: &str,
        project: &str,
        service: &str,
        source: &ProjectSource,
    ) -> Self {
        let mut folders: Vec<_> = source
            .files
            .iter()
            .filter_map(|file| folder_of(file))
            .collect();
        if folders.is_empty() {
            folders.push(canonical(&working_directory(source)));
        }
        let place = folders[0].as_os_str().as_encoded_bytes();
        let digest = Sha256::digest([engine.as_bytes(), place].join(&0));
        let digest = format!("{digest:x}");
        let name = file_name(&[project, service]);
        let files = data.join("files");
        Self {
            service: service.to_owned(),
            path: files.join(format!("{name}.{}.json", &digest[..12])),
            old: files.join(format!("{name}.json")),
            folders,
        }
    }

    /// The files that the changes are on record in.
    pub(crate) fn records(&self) -> [&Path; 2] {
        [&self.path, &self.old]
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
            let unread = |error: &Error| tracing::warn!(%error, "an override may be missed");
            read(&entry.path()).inspect_err(unread).ok()
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
                back_up(&file.path, backup, before.as_bytes())?;
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
            return Err(Error::NothingToUndo {
                service: self.service.clone(),
            });
        }
        Ok(undone)
    }

    /// Its records, the oldest first.
    fn read(&self) -> Result<Vec<Record>> {
        let mut records = read(&self.old)?;
        records.retain(|record| self.is_its(record));
        for record in read(&self.path)? {
            if !records.contains(&record) {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// From now on those that an earlier Teal wrote are among these.
    fn write(&self, records: &[Record]) -> Result<()> {
        write(&self.path, records)?;
        let mut others = read(&self.old)?;
        let all = others.len();
        others.retain(|record| !self.is_its(record));
        match others.len() == all {
            true => Ok(()),
            false => write(&self.old, &others),
        }
    }

    /// Whether a record of an earlier Teal is of this project, by where its files are.
    fn is_its(&self, record: &Record) -> bool {
        let mut folders = record.files.iter().filter_map(|file| folder_of(&file.path));
        folders.any(|folder| self.folders.contains(&folder))
    }
}

fn read(path: &Path) -> Result<Vec<Record>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| failed("read the record", path)(error.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("read the record", path)(error)),
    }
}

/// For nobody else to read: what was in people's files is in it.
fn write(path: &Path, records: &[Record]) -> Result<()> {
    let failed = || failed("write the record", path);
    let bytes = serde_json::to_vec(records).map_err(|error| failed()(error.into()))?;
    private::write(path, &bytes).map_err(failed())
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}

fn folder_of(file: &Path) -> Option<PathBuf> {
    file.parent().map(canonical)
}

/// A folder that is gone is what it was called.
fn canonical(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
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

/// Writes the copy, for those who can read the file, and never over another one.
fn back_up(file: &Path, backup: &Path, bytes: &[u8]) -> Result<()> {
    teal_files::copy(file, backup, bytes).map_err(failed("write the backup", backup))
}
