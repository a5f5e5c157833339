//! The projects that were open before, in the configuration directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use teal_engine::{Error, Result, model::ProjectSource};
use tempfile::NamedTempFile;
use ts_rs::TS;

const FILE: &str = "recent-projects.json";
const KEPT: usize = 20;

/// A project that was open before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub(crate) struct RecentProject {
    pub(crate) name: String,
    /// With the name it tells the project from others, whichever of its files were named.
    #[serde(default)]
    pub(crate) working_directory: PathBuf,
    /// Opens it again.
    pub(crate) source: ProjectSource,
}

impl RecentProject {
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.working_directory == other.working_directory
    }

    /// Earlier Teals kept no directory: it is the project's own, as Compose counts it.
    fn with_directory(mut self) -> Self {
        if self.working_directory.as_os_str().is_empty() {
            let of_file = || self.source.files.first().and_then(|file| file.parent());
            let directory = self.source.project_directory.as_deref().or_else(of_file);
            self.working_directory = directory.map(Path::to_owned).unwrap_or_default();
        }
        self
    }
}

/// The list of them, the latest first.
#[derive(Debug)]
pub(crate) struct Recents {
    directory: PathBuf,
    /// One change at a time: each reads the file and replaces it.
    changing: Mutex<()>,
}

impl Recents {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            changing: Mutex::new(()),
        }
    }

    /// Each project once, the latest first.
    pub(crate) fn list(&self) -> Result<Vec<RecentProject>> {
        let path = self.path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file_error("read", &path, error)),
        };
        let read: Vec<RecentProject> = serde_json::from_slice(&text)
            .map_err(|error| file_error("read", &path, error.into()))?;
        let mut projects: Vec<RecentProject> = Vec::new();
        for project in read.into_iter().map(RecentProject::with_directory) {
            if !projects.iter().any(|known| known.is(&project)) {
                projects.push(project);
            }
        }
        Ok(projects)
    }

    /// Puts a project at the top.
    pub(crate) fn record(&self, project: RecentProject) -> Result<()> {
        self.change(|projects| {
            projects.retain(|known| !known.is(&project));
            projects.insert(0, project);
            projects.truncate(KEPT);
        })
    }

    pub(crate) fn forget(&self, source: &ProjectSource) -> Result<()> {
        self.change(|projects| projects.retain(|known| known.source != *source))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<RecentProject>)) -> Result<()> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut projects = self.list().or_else(|error| {
            // A list that can't be read is worth less than the project that is open now.
            tracing::warn!(%error, "starting a new list of recent projects");
            Ok::<_, Error>(Vec::new())
        })?;
        change(&mut projects);
        let path = self.path();
        self.replace(&path, &projects)
            .map_err(|error| file_error("write", &path, error))
    }

    /// A reader, or a crash, finds either the old list or the new one.
    fn replace(&self, path: &Path, projects: &[RecentProject]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = NamedTempFile::new_in(&self.directory)?;
        serde_json::to_writer_pretty(&mut file, projects)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }
}

fn file_error(operation: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        operation,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str) -> RecentProject {
        RecentProject {
            name: name.to_owned(),
            working_directory: format!("/srv/{name}").into(),
            source: ProjectSource {
                files: vec![format!("/srv/{name}/compose.yml").into()],
                ..ProjectSource::default()
            },
        }
    }

    fn names(recents: &Recents) -> Vec<String> {
        let list = recents.list().unwrap();
        list.into_iter().map(|project| project.name).collect()
    }

    #[test]
    fn the_latest_comes_first_and_once() {
        let directory = tempfile::tempdir().unwrap();
        let recents = Recents::new(directory.path().join("not/yet/there"));
        assert_eq!(names(&recents), Vec::<String>::new());
        for name in ["a", "b", "a"] {
            recents.record(project(name)).unwrap();
        }
        assert_eq!(names(&recents), ["a", "b"]);
        recents.forget(&project("a").source).unwrap();
        assert_eq!(names(&recents), ["b"]);
    }

    #[test]
    fn a_project_is_there_once_whichever_of_its_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let recents = Recents::new(directory.path().to_owned());
        let mut with_override = project("a");
        let other = PathBuf::from("/srv/a/compose.override.yml");
        with_override.source.files.push(other.clone());
        recents.record(project("a")).unwrap();
        recents.record(with_override.clone()).unwrap();
        assert_eq!(recents.list().unwrap(), [with_override]);

        // Another checkout is another project.
        let mut elsewhere = project("a");
        elsewhere.working_directory = "/srv/copy".into();
        recents.record(elsewhere).unwrap();
        assert_eq!(names(&recents), ["a", "a"]);

        // As earlier Teals kept it.
        let old = r#"[{"name": "b", "source": {"files": ["/srv/b/one.yml"]}},
            {"name": "b", "source": {"files": ["/srv/b/one.yml", "/srv/b/two.yml"]}}]"#;
        fs::write(directory.path().join(FILE), old).unwrap();
        let list = recents.list().unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].working_directory, Path::new("/srv/b"));
    }

    #[test]
    fn the_oldest_are_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let recents = Recents::new(directory.path().to_owned());
        for number in 0..=KEPT {
            recents.record(project(&number.to_string())).unwrap();
        }
        assert_eq!(names(&recents).len(), KEPT);
        assert!(!names(&recents).contains(&"0".to_owned()));
    }

    #[test]
    fn a_broken_list_is_reported_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "[{").unwrap();
        let recents = Recents::new(directory.path().to_owned());
        assert!(recents.list().is_err());
        recents.record(project("a")).unwrap();
        assert_eq!(names(&recents), ["a"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
