//! What Teal keeps on disk of past rollouts: a folder for each service, a journal for each rollout.
//!
//! What it takes to settle a rollout is on the engine as well, so a rollout needs none of this: a
//! disk that is full or read-only costs the history, never the rollout.

pub mod configuration;
mod journal;
mod prune;
pub mod record;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::configuration::Configurations;
use crate::record::RolloutRecord;
pub use journal::Journal;
use journal::State;
#[cfg(any(test, feature = "fuzzing"))]
pub use journal::check_any as check_any_journal;
use teal_model::{Error, Result, Revision};

/// The most letters of a name that a folder shows.
const NAME_SHOWN: usize = 40;

/// The history of all services of this user, on any engine.
#[derive(Debug, Clone)]
pub struct History {
    directory: PathBuf,
    /// What the first builds of Teal wrote: a line a revision, all services in one file.
    old_file: PathBuf,
    /// What the revisions ran with.
    pub configurations: Configurations,
}

impl History {
    pub fn new(data: &Path) -> Self {
        Self {
            directory: data.join("journal"),
            old_file: data.join("history.jsonl"),
            configurations: Configurations::new(data),
        }
    }

    /// Begins the journal of a rollout, or goes on with it, and removes journals that are too old.
    pub fn begin(&self, engine: &str, unsettled: &RolloutRecord) -> Result<Journal> {
        let plan = &unsettled.plan;
        let folder = self.folder(engine, &plan.project, &plan.service);
        let path = folder.join(file_name(unsettled.started_at, &unsettled.rollout));
        let begin = || {
            let mut journal = Journal::open(&path)?;
            journal.begin(engine, unsettled)?;
            Ok(journal)
        };
        let journal = begin().map_err(failed("write", &path))?;
        prune::prune(&self.directory, &folder);
        Ok(journal)
    }

    /// Keeps revisions of one service that have no journal of their own.
    pub fn append(&self, revisions: &[Revision]) -> Result<()> {
        let Some(last) = revisions.last() else {
            return Ok(());
        };
        let folder = self.folder(&last.engine, &last.project, &last.service);
        let id = last.rollout.clone();
        let id = id.unwrap_or_else(|| Uuid::new_v4().to_string());
        let path = folder.join(file_name(last.started_at, &id));
        Journal::open(&path)
            .and_then(|mut journal| journal.end(revisions, true))
            .map_err(failed("write", &path))?;
        prune::prune(&self.directory, &folder);
        Ok(())
    }

    /// All revisions on one engine, the newest first; of one project or service, where named.
    pub fn read(
        &self,
        engine: &str,
        project: Option<&str>,
        service: Option<&str>,
    ) -> Result<Vec<Revision>> {
        let folders = match (project, service) {
            (Some(project), Some(service)) => vec![self.folder(engine, project, service)],
            _ => entries(&self.directory)?,
        };
        let mut paths = vec![self.old_file.clone()];
        for folder in &folders {
            paths.extend(entries(folder)?);
        }
        let mut found = Vec::new();
        for path in &paths {
            found.extend(journal::revisions(path).map_err(failed("read", path))?);
        }
        found.retain(|revision| {
            revision.engine == engine
                && project.is_none_or(|project| revision.project == project)
                && service.is_none_or(|service| revision.service == service)
        });
        Ok(newest_first(found))
    }

    /// The rollouts on one engine that its journals do not know to be settled.
    pub fn unsettled(&self, engine: &str) -> Result<Vec<RolloutRecord>> {
        let mut found = Vec::new();
        for folder in entries(&self.directory)? {
            let last = last_unsettled(&folder)?;
            found.extend(last.filter(|(of, _)| of == engine).map(|(_, it)| it));
        }
        Ok(found)
    }

    /// Whether the rollout is known to be settled; not where nothing is known of it.
    pub fn is_settled(&self, engine: &str, unsettled: &RolloutRecord) -> Result<bool> {
        let plan = &unsettled.plan;
        let folder = self.folder(engine, &plan.project, &plan.service);
        let path = folder.join(file_name(unsettled.started_at, &unsettled.rollout));
        let state = journal::state(&path).map_err(failed("read", &path))?;
        Ok(state == State::Settled)
    }

    /// The folder of a service. Names are foreign: what tells one from another is the digest.
    fn folder(&self, engine: &str, project: &str, service: &str) -> PathBuf {
        let digest = Sha256::digest([engine, project, service].join("\0"));
        let digest = format!("{digest:x}");
        let shown = |name: &str| -> String {
            let harmless = |c: char| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
                _ => '+',
            };
            name.chars().take(NAME_SHOWN).map(harmless).collect()
        };
        let name = format!("{}.{}.{}", shown(project), shown(service), &digest[..12]);
        self.directory.join(name)
    }
}

/// A service has one unsettled rollout at most. Its journal need not be the last by name: names are
/// by the clock, which may have been set back.
fn last_unsettled(folder: &Path) -> Result<Option<(String, RolloutRecord)>> {
    for path in entries(folder)?.iter().rev() {
        if journal::ends_settled(path).map_err(failed("read", path))? {
            continue;
        }
        let unsettled = journal::unsettled(path).map_err(failed("read", path))?;
        if unsettled.is_some() {
            return Ok(unsettled);
        }
    }
    Ok(None)
}

/// A journal's name: names in their order are rollouts in theirs.
fn file_name(started_at: Timestamp, rollout: &str) -> String {
    format!("{:013}-{rollout}.jsonl", started_at.as_millisecond().max(0))
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What lies in a folder, by name; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let found = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            found => found?,
        };
        let mut paths = found
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort_unstable();
        Ok(paths)
    };
    list().map_err(failed("read", folder))
}

/// A number of a service that was kept more than once counts as it was kept last: a rollout that was
/// left, and settled later, ended as it was settled.
fn newest_first(found: Vec<Revision>) -> Vec<Revision> {
    let mut by_number = BTreeMap::new();
    for revision in found {
        let key = (
            revision.project.clone(),
            revision.service.clone(),
            revision.revision,
        );
        by_number.insert(key, revision);
    }
    // Numbers tell the order within a service, whatever the clock did.
    let mut revisions: Vec<_> = by_number.into_values().rev().collect();
    let services = revisions
        .iter()
        .zip(revisions.iter().skip(1))
        .any(|(one, next)| (&one.project, &one.service) != (&next.project, &next.service));
    if services {
        revisions.sort_by_key(|revision| std::cmp::Reverse(revision.ended_at));
    }
    revisions
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;
