//! A change of a project's own files: which file it goes into, what the file says then, and what
//! Compose makes of it. Nothing is written here.

use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::TextDiff;

use super::{
    Compose, ComposeModel, Files,
    edit::{self, Edit},
    override_file, read, working_directory,
};
use teal_model::{Error, FileChange, Place, ProjectSource, Result};

/// The file that a change goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFile {
    pub path: PathBuf,
    /// Whether it is a file that somebody wrote and names, not the override beside it.
    pub in_file: bool,
    /// What it says now; nothing where there is no such file yet.
    pub text: String,
    /// What the project's other files say.
    others: Vec<String>,
}

impl TargetFile {
    /// Whether another file of the project says something at the path.
    pub fn others_say(&self, path: &[&str]) -> bool {
        self.others.iter().any(|text| edit::says(text, path))
    }
}

/// A change that Compose accepts.
#[derive(Debug)]
pub struct Changed {
    /// `None` if the file says so already.
    pub file: Option<FileChange>,
    /// Opens the project with the change in it.
    pub source: ProjectSource,
    /// What Compose makes of the project then.
    pub model: ComposeModel,
}

impl Compose {
    /// The file that a change of `service` goes into. In a file of the user's own it is the last
    /// one that says one of `keys` of the service, else the last one that has the service.
    ///
    /// # Errors
    /// [`Error::CannotChange`] where there is no such file.
    pub async fn target(
        &self,
        source: &ProjectSource,
        service: &str,
        place: Place,
        keys: &[&[&str]],
    ) -> Result<TargetFile> {
        let mut texts = Vec::new();
        for path in &source.files {
            let text = override_file::read_text(path)?.unwrap_or_default();
            texts.push((path.clone(), text));
        }
        let path = match place {
            Place::Override => self.own_override(source).await?,
            Place::InFile => writer(&texts, service, keys)?,
            Place::Beside => beside(source)?,
        };
        let (own, others): (Vec<_>, Vec<_>) =
            texts.into_iter().partition(|(file, _)| *file == path);
        // An override that an earlier change wrote may not be named yet.
        let text = match own.into_iter().next() {
            Some((_, text)) => text,
            None => override_file::read_text(&path)?.unwrap_or_default(),
        };
        Ok(TargetFile {
            path,
            in_file: place == Place::InFile,
            text,
            others: others.into_iter().map(|(_, text)| text).collect(),
        })
    }

    /// What the file says with the edits, and what Compose makes of it. Only the services and the top
    /// level keys in `touched` may mean something else then.
    ///
    /// # Errors
    /// [`Error::Override`] where the file can't be edited safely, [`Error::ProjectInvalid`] where
    /// Compose refuses the result.
    pub async fn change(
        &self,
        files: &Files,
        target: &TargetFile,
        edits: &[Edit],
        touched: &[&str],
    ) -> Result<Changed> {
        if edits.is_empty() {
            return Ok(Changed {
                file: None,
                source: files.source.clone(),
                model: files.model.clone(),
            });
        }
        let before = override_file::read_text(&target.path)?;
        let after =
            edit::edited(before.as_deref(), edits).map_err(|cannot| cannot.at(&target.path))?;
        let mut source = files.source.clone();
        if !source.files.contains(&target.path) {
            source.files.push(target.path.clone());
        }
        // What the file says already is not part of the change, whether it is named or not.
        let old = match before {
            Some(_) => &source,
            None => &files.source,
        };
        let (old, text) = self.both(old, &source, &target.path, &after).await?;
        if let Some(other) = other_change(&old, &text, touched)? {
            return Err(Error::Override {
                path: target.path.clone(),
                line: None,
                reason: format!("`{other}` would change with it"),
                remedy: format!(
                    "write what both share out for `{other}`, or leave the file as it is and name an override besides (`--beside`)"
                ),
            });
        }
        let mut model = ComposeModel::read(&text)?;
        for (name, service) in &mut model.services {
            service.enabled = files
                .model
                .services
                .get(name)
                .is_none_or(|service| service.enabled);
        }
        let unchanged = before.as_deref() == Some(after.as_str());
        Ok(Changed {
            file: (!unchanged).then(|| FileChange {
                path: target.path.clone(),
                diff: unified(&target.path, before.as_deref(), &after),
                backup: target.in_file,
                before,
                after,
            }),
            source,
            model,
        })
    }

    /// Compose's hash of a service if the file at `path` had this text.
    pub async fn config_hash_with(
        &self,
        source: &ProjectSource,
        path: &Path,
        text: &str,
        service: &str,
    ) -> Result<String> {
        let (source, directory) = through_stdin(source, path);
        let words = self.command(&source, &[], &["config", "--hash", service]);
        let answer = self.ask(&words, &directory, Some(text)).await?;
        let hash = answer.split_whitespace().last();
        Ok(hash.unwrap_or_default().to_owned())
    }

    /// What Compose makes of the project before a change and with it, both read in the same way: with
    /// the services of every profile only where Compose takes those of both.
    async fn both(
        &self,
        before: &ProjectSource,
        source: &ProjectSource,
        path: &Path,
        after: &str,
    ) -> Result<(String, String)> {
        let directory = working_directory(before);
        let mut old = self.config(before, &[], &directory, None).await?;
        let (source, project) = through_stdin(source, path);
        let mut new = self.config(&source, &[], &project, Some(after)).await?;
        if old.is_whole && !new.is_whole {
            old = self
                .config_of_enabled(before, &[], &directory, None)
                .await?;
        } else if new.is_whole && !old.is_whole {
            new = self
                .config_of_enabled(&source, &[], &project, Some(after))
                .await?;
        }
        Ok((old.text, new.text))
    }
}

/// An override beside the last file, of a name that Compose looks for nowhere: `dev.yml` has
/// `dev.teal.yml`. Named already, it is the last file itself.
fn beside(source: &ProjectSource) -> Result<PathBuf> {
    let last = source.files.last().ok_or_else(|| Error::CannotChange {
        reason: "the project has no file that an override could lie beside".to_owned(),
        remedy: "name its compose files with `-f`".to_owned(),
    })?;
    let stem = last.file_stem().unwrap_or_default().to_string_lossy();
    if stem.ends_with(".teal") {
        return Ok(last.clone());
    }
    let extension = last.extension().unwrap_or("yml".as_ref());
    let name = format!("{stem}.teal.{}", extension.to_string_lossy());
    Ok(last.with_file_name(name))
}

/// The last file that says one of the keys of the service, else the last that has the service.
fn writer(texts: &[(PathBuf, String)], service: &str, keys: &[&[&str]]) -> Result<PathBuf> {
    let says = |text: &str, keys: &[&str]| {
        let path: Vec<&str> = ["services", service].iter().chain(keys).copied().collect();
        edit::says(text, &path)
    };
    let mut last_first = texts.iter().rev();
    let found = last_first
        .clone()
        .find(|(_, text)| keys.iter().any(|keys| says(text, keys)))
        .or_else(|| last_first.find(|(_, text)| says(text, &[])));
    found.map(|(path, _)| path.clone()).ok_or_else(|| Error::CannotChange {
        reason: format!(
            "`{service}` is written in none of the project's own files, but in one that they include"
        ),
        remedy: "choose the override (without `--in-file`), or change the included file by hand"
            .to_owned(),
    })
}

/// The source with one file read from standard input, and the directory that stays the project's.
fn through_stdin(source: &ProjectSource, path: &Path) -> (ProjectSource, PathBuf) {
    let directory = working_directory(source);
    let files = source.files.iter().map(|file| match file == path {
        true => PathBuf::from("-"),
        false => file.clone(),
    });
    let source = ProjectSource {
        files: files.collect(),
        project_directory: Some(directory.clone()),
        ..source.clone()
    };
    (source, directory)
}

/// What else of the project would mean something else: a service that is not `touched`, or a part
/// beside the services.
fn other_change(before: &str, after: &str, touched: &[&str]) -> Result<Option<String>> {
    let before: Value = read::parse(before)?;
    let after: Value = read::parse(after)?;
    let parts = |value: &Value| -> Vec<(String, Value)> {
        let mut parts = Vec::new();
        for (key, part) in value.as_object().into_iter().flatten() {
            match part.as_object().filter(|_| key == "services") {
                Some(services) => {
                    let others = services
                        .iter()
                        .filter(|(name, _)| !touched.contains(&name.as_str()));
                    parts.extend(others.map(|(name, part)| (name.clone(), part.clone())));
                }
                None if touched.contains(&key.as_str()) => {}
                None => parts.push((key.clone(), part.clone())),
            }
        }
        parts
    };
    let (before, after) = (parts(&before), parts(&after));
    let differs = |part: &&(String, Value)| !before.contains(part);
    let gone = |part: &&(String, Value)| !after.iter().any(|(name, _)| *name == part.0);
    let other = after
        .iter()
        .find(differs)
        .or_else(|| before.iter().find(gone));
    Ok(other.map(|(name, _)| name.clone()))
}

/// The difference as `diff -u` prints it.
pub fn unified(path: &Path, before: Option<&str>, after: &str) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    let (old, new) = match before {
        Some(_) => (format!("a/{name}"), format!("b/{name}")),
        None => ("/dev/null".to_owned(), format!("b/{name}")),
    };
    TextDiff::from_lines(before.unwrap_or_default(), after)
        .unified_diff()
        .header(&old, &new)
        .to_string()
}
