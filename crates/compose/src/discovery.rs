//! Which files a project is made of, found as Compose finds them.

use std::{
    env,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use super::{Compose, override_file, read};
use teal_model::{Error, ProjectSource, Result};

/// The names that Compose looks for, the preferred first.
const FILE_NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// The overrides that Compose adds by itself, the preferred first.
const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A compose file that has Compose print the variables that choose a project's files: it reads
/// the env files itself, by its own rules.
const QUESTION: &str = r#"
name: teal
services: {}
x-files: "${COMPOSE_FILE-}"
x-separator: "${COMPOSE_PATH_SEPARATOR-}"
x-env-files: "${COMPOSE_ENV_FILES-}"
"#;

/// Compose's answer to [`QUESTION`].
#[derive(Deserialize)]
struct Variables {
    #[serde(rename = "x-files")]
    files: String,
    #[serde(rename = "x-separator")]
    separator: String,
    #[serde(rename = "x-env-files")]
    env_files: String,
}

impl Compose {
    /// The source with the absolute path of every file, found in `-f`, in `COMPOSE_FILE`, or by
    /// Compose's names in the folder and those above it. Teal's own override is not one of them.
    ///
    /// # Errors
    /// [`Error::NoComposeFile`], [`Error::NoFile`], and Compose's message about a bad env file.
    pub async fn resolve(&self, source: &ProjectSource) -> Result<ProjectSource> {
        let current = env::current_dir().map_err(|source| Error::File {
            operation: "read the current directory",
            path: ".".into(),
            source,
        })?;
        self.resolve_from(&current, source).await
    }

    pub(super) async fn resolve_from(
        &self,
        current: &Path,
        source: &ProjectSource,
    ) -> Result<ProjectSource> {
        let mut resolved = ProjectSource {
            files: source
                .files
                .iter()
                .map(|file| join(current, file))
                .collect(),
            env_files: source
                .env_files
                .iter()
                .map(|file| join(current, file))
                .collect(),
            project_directory: source
                .project_directory
                .as_deref()
                .map(|directory| join(current, directory)),
            ..source.clone()
        };
        if let Some(missing) = resolved.env_files.iter().find(|file| !file.exists()) {
            return Err(Error::NoFile {
                path: missing.clone(),
            });
        }
        match resolved.files.as_slice() {
            [folder] if folder.is_dir() => {
                let folder = folder.clone();
                resolved.files = self.discover(&folder, &mut resolved).await?;
            }
            [] => {
                let folder = resolved.project_directory.clone();
                let folder = folder.unwrap_or_else(|| current.to_owned());
                resolved.files = self.discover(&folder, &mut resolved).await?;
            }
            _ => {}
        }
        if let Some(missing) = resolved.files.iter().find(|file| !file.is_file()) {
            return Err(Error::NoFile {
                path: missing.clone(),
            });
        }
        // Green's labels name the override among the files, and people name it to keep its limits.
        let override_file = override_file::path(&resolved);
        if resolved.files.len() > 1 {
            resolved.files.retain(|file| *file != override_file);
        }
        Ok(resolved)
    }

    /// The files of a project that nobody named, in the order that Compose reads them.
    async fn discover(&self, folder: &Path, source: &mut ProjectSource) -> Result<Vec<PathBuf>> {
        if !folder.is_dir() {
            return Err(Error::NoFile {
                path: folder.to_owned(),
            });
        }
        let variables = self.variables(folder, source).await?;
        if source.env_files.is_empty() {
            source.env_files = variables
                .env_files
                .split(',')
                .filter(|file| !file.is_empty())
                .map(|file| join(folder, Path::new(file)))
                .collect();
        }
        if !variables.files.is_empty() {
            let separator = match variables.separator.as_str() {
                "" if cfg!(windows) => ";",
                "" => ":",
                separator => separator,
            };
            return Ok(variables
                .files
                .split(separator)
                .map(|file| join(folder, Path::new(file)))
                .collect());
        }
        folder
            .ancestors()
            .find_map(named_files)
            .ok_or_else(|| Error::NoComposeFile {
                directory: folder.to_owned(),
            })
    }

    /// The override that plain `docker compose up` reads besides these files, there or not.
    ///
    /// # Errors
    /// [`Error::CannotChange`] where the files were named, so that Compose reads no other.
    pub(super) async fn own_override(&self, source: &ProjectSource) -> Result<PathBuf> {
        let first = source.files.first();
        let Some((folder, name)) = first.and_then(|file| Some((file.parent()?, file.file_name()?)))
        else {
            return Err(no_override(
                "the project has no file".to_owned(),
                "name its compose files with `-f`",
            ));
        };
        let variables = self.variables(folder, source).await?;
        if !variables.files.is_empty() {
            return Err(no_override(
                format!(
                    "`COMPOSE_FILE` names the files in `{}`, so Compose reads no override by itself",
                    folder.display()
                ),
                "choose an override of its own, to be named at the end of `COMPOSE_FILE` (`--beside`), or the compose file itself (`--in-file`)",
            ));
        }
        let found = named_files(folder).unwrap_or_default();
        if found != source.files {
            return Err(no_override(
                format!(
                    "the files were named (`-f`), so Compose reads no override beside `{}` by itself",
                    name.display()
                ),
                "choose an override of its own, to be named after the others with `-f` (`--beside`), or the compose file itself (`--in-file`)",
            ));
        }
        Ok(match found.into_iter().nth(1) {
            Some(file) => file,
            None => folder.join(match name.to_str() {
                Some("compose.yml") => "compose.override.yml",
                Some("docker-compose.yml") => "docker-compose.override.yml",
                Some("docker-compose.yaml") => "docker-compose.override.yaml",
                _ => "compose.override.yaml",
            }),
        })
    }

    async fn variables(&self, folder: &Path, source: &ProjectSource) -> Result<Variables> {
        let question = ProjectSource {
            files: vec!["-".into()],
            project_directory: source.project_directory.clone(),
            env_files: source.env_files.clone(),
            ..ProjectSource::default()
        };
        let words = self.command(&question, &[], &["config", "--format", "json"]);
        let answer = self.ask(&words, folder, Some(QUESTION)).await?;
        read::parse(&answer)
    }
}

fn no_override(reason: String, remedy: &str) -> Error {
    Error::CannotChange {
        reason,
        remedy: remedy.to_owned(),
    }
}

/// The compose file that this very folder holds, with the override beside it.
fn named_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let first = |names: &[&str]| {
        names
            .iter()
            .map(|name| folder.join(name))
            .find(|file| file.exists())
    };
    let file = first(&FILE_NAMES)?;
    Some([file].into_iter().chain(first(&OVERRIDE_NAMES)).collect())
}

/// `path` from `base`, without `.` and `..`, as Compose writes paths into its labels.
fn join(base: &Path, path: &Path) -> PathBuf {
    let mut joined = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                joined.pop();
            }
            component => joined.push(component),
        }
    }
    joined
}
