//! Past rollouts: one JSON object a line, appended and synced, never rewritten.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result, configuration::Configurations, model::Revision};

/// The history file of all services of this user.
#[derive(Debug, Clone)]
pub(crate) struct History {
    path: PathBuf,
    /// What the revisions ran with.
    pub(crate) configurations: Configurations,
}

impl History {
    pub(crate) fn new(data: &Path) -> Self {
        Self {
            path: data.join("history.jsonl"),
            configurations: Configurations::new(data),
        }
    }

    /// Writes records to the end, all or none visible to a reader that finds whole lines.
    pub(crate) fn append(&self, revisions: &[Revision]) -> Result<()> {
        self.try_append(revisions).map_err(|source| Error::File {
            operation: "write the history",
            path: self.path.clone(),
            source,
        })
    }

    fn try_append(&self, revisions: &[Revision]) -> std::io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&self.path)?;
        file.lock()?;
        let mut text = String::new();
        if torn(&mut file)? {
            text.push('\n');
        }
        for revision in revisions {
            text.push_str(&serde_json::to_string(revision)?);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }

    /// All records on one engine, the newest first; of one project or service, where named.
    /// A line that can't be read, such as one torn by a crash, is left out and logged.
    pub(crate) fn read(
        &self,
        engine: &str,
        project: Option<&str>,
        service: Option<&str>,
    ) -> Result<Vec<Revision>> {
        let failed = |source| Error::File {
            operation: "read the history",
            path: self.path.clone(),
            source,
        };
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut revisions = Vec::new();
        for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
            let line = line.map_err(failed)?;
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Revision>(&line) {
                Ok(revision) => revisions.push(revision),
                Err(error) => tracing::warn!(line = index + 1, %error, "unreadable history line"),
            }
        }
        revisions.retain(|revision| {
            revision.engine == engine
                && project.is_none_or(|project| revision.project == project)
                && service.is_none_or(|service| revision.service == service)
        });
        revisions.reverse();
        Ok(revisions)
    }
}

/// Whether the file ends within a line.
fn torn(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;
    use crate::model::{Limits, ProjectSource, RevisionKind};

    pub(crate) fn revision(project: &str, service: &str, number: u32) -> Revision {
        Revision {
            revision: number,
            rollout: None,
            kind: RevisionKind::Rollout,
            engine: "engine".into(),
            project: project.into(),
            working_directory: "/srv".into(),
            service: service.into(),
            source: ProjectSource::default(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: jiff::Timestamp::UNIX_EPOCH,
            origin: None,
            to_revision: None,
            limits_before: Limits::default(),
            limits_after: Limits::default(),
            file_limits: None,
            image_before: None,
            image_after: None,
            phases: Vec::new(),
            outcome: None,
            failure: None,
            receipt: None,
        }
    }

    #[test]
    fn records_come_back_newest_first_and_by_service() {
        let data = tempfile::tempdir().unwrap();
        let history = History::new(data.path());
        assert_eq!(history.read("engine", None, None).unwrap(), []);
        history
            .append(&[revision("shop", "web", 1), revision("shop", "web", 2)])
            .unwrap();
        history
            .append(&[revision("shop", "api", 1), revision("wiki", "web", 1)])
            .unwrap();
        let web = history.read("engine", Some("shop"), Some("web")).unwrap();
        assert_eq!(web.iter().map(|r| r.revision).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(history.read("engine", Some("shop"), None).unwrap().len(), 3);
        assert_eq!(history.read("other", None, None).unwrap(), []);
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let data = tempfile::tempdir().unwrap();
        let history = History::new(data.path());
        history.append(&[revision("shop", "web", 1)]).unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(data.path().join("history.jsonl"))
            .unwrap();
        file.write_all(b"{\"revision\":2,\"roll").unwrap();
        history.append(&[revision("shop", "web", 3)]).unwrap();
        let found = history.read("engine", None, None).unwrap();
        assert_eq!(found.iter().map(|r| r.revision).collect::<Vec<_>>(), [3, 1]);
    }
}
