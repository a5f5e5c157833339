//! The Compose files of a project, read and run through the Compose program itself: what `include`,
//! `extends`, interpolation, profiles and env files mean is Compose's business, never ours.

mod change;
mod config;
mod converge;
mod discovery;
mod dry_run;
mod edit;
mod environment;
mod hook;
mod merge;
mod model;
pub mod override_file;
pub mod part;
mod port;
mod process;
mod profiles;
mod read;
mod relations;
mod resolved;
mod secret;
mod snap;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use change::{Changed, TargetFile, unified};
pub use dry_run::{Kind, Step};
pub use edit::{Edit, Node, edited, list_at, says};
pub use hook::Hook;
pub use merge::{label_edit, limit_edits};
pub use model::{Build, ComposeModel, ComposeService, LimitKeys};
pub use port::ComposePort;
pub use process::CommandOutput;
pub use resolved::Resolved;

use process::Captured;
use teal_docker::Environment;
use teal_model::{Error, ProjectSource, Result};

/// The oldest Compose that knows `!override` and reads everything Teal writes.
const NEEDED: [u32; 3] = [2, 24, 4];

/// The name of a compose file that comes by standard input.
pub const STDIN: &str = "-";

/// The Compose program of this machine.
#[derive(Debug, Clone)]
pub struct Compose {
    /// `docker compose`, or the standalone `docker-compose`.
    program: Vec<String>,
    version: String,
    /// What every run gets besides this process's own environment, or instead of it.
    environment: Environment,
}

/// A project's files, and the model that Compose makes of them without Teal's override.
#[derive(Debug)]
pub struct Files {
    pub source: ProjectSource,
    pub model: ComposeModel,
}

impl Compose {
    /// Finds the plugin, else the standalone program.
    pub async fn find() -> Result<Self> {
        let mut too_old = None;
        for program in [&["docker", "compose"][..], &["docker-compose"]] {
            let mut compose = Self {
                program: program.iter().map(ToString::to_string).collect(),
                version: String::new(),
                environment: environment::fixed(|name| env::var_os(name).is_some()),
            };
            let Some(version) = compose.ask_version().await else {
                continue;
            };
            if is_old(&version) {
                too_old.get_or_insert(version);
                continue;
            }
            compose.version = version;
            tracing::debug!(?program, version = compose.version, "found Compose");
            return Ok(compose);
        }
        Err(match too_old {
            Some(found) => Error::ComposeTooOld {
                found,
                needed: NEEDED.map(|part| part.to_string()).join("."),
            },
            None => Error::NoCompose,
        })
    }

    /// The same Compose, talking to the engine that these variables name, whatever this process's own
    /// say.
    #[must_use]
    pub fn for_engine(mut self, engine: Environment) -> Self {
        self.environment.extend(engine);
        self
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// The words of a `docker compose` command on this project, with `extra` files after its own.
    pub fn command(&self, source: &ProjectSource, extra: &[&Path], args: &[&str]) -> Vec<String> {
        let mut words = self.program.clone();
        let mut option = |short: &str, long: &str, value: &OsStr| {
            let value = value.to_string_lossy();
            // Docker takes a value like `-f` for an option, unless it is in one word with its own. A
            // `-` alone is standard input.
            if value.starts_with('-') && value != "-" {
                words.push(format!("{long}={value}"));
            } else {
                words.extend([short.to_owned(), value.into_owned()]);
            }
        };
        if let Some(name) = &source.project_name {
            option("-p", "--project-name", name.as_ref());
        }
        if let Some(directory) = &source.project_directory {
            option(
                "--project-directory",
                "--project-directory",
                directory.as_ref(),
            );
        }
        for file in &source.env_files {
            option("--env-file", "--env-file", file.as_ref());
        }
        for profile in &source.profiles {
            option("--profile", "--profile", profile.as_ref());
        }
        let files = source.files.iter().map(PathBuf::as_path);
        for file in files.chain(extra.iter().copied()) {
            option("-f", "--file", file.as_ref());
        }
        words.extend(args.iter().map(ToString::to_string));
        words
    }

    /// The project's files as [`resolve`](Self::resolve) finds them, and their model.
    pub async fn read(&self, source: &ProjectSource) -> Result<Files> {
        let source = self.resolve(source).await?;
        let model = self.model(&source, &[]).await?;
        Ok(Files { source, model })
    }

    /// The model that Compose makes of the project's files, with `extra` files after its own.
    /// Services of every profile are in it, unless Compose refuses those that are off; those that the
    /// source does not enable are marked.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's own message.
    pub async fn model(&self, source: &ProjectSource, extra: &[&Path]) -> Result<ComposeModel> {
        self.model_with(source, extra, None).await
    }

    /// The same with a file that is not there: its text goes to Compose by standard input, where
    /// `extra` names it [`STDIN`].
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's own message.
    pub async fn model_with(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        text: Option<&str>,
    ) -> Result<ComposeModel> {
        let directory = working_directory(source);
        let printed = self.config(source, extra, &directory, text).await?;
        let mut model = ComposeModel::read(&printed.text)?;
        model.resolved = Resolved::read(&printed.text)?;
        model.notices = printed.notices;
        model.leaves_out = !printed.is_whole;
        if printed.is_whole && model.has_profiles() {
            let services = self.command(source, extra, &["config", "--services"]);
            let names = self.ask(&services, &directory, text).await?;
            model.enable_only(names.lines());
        }
        Ok(model)
    }

    /// Compose's hash of what a service's containers are made from, as it labels them.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's own message.
    pub async fn config_hash(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        service: &str,
    ) -> Result<String> {
        let words = self.command(source, extra, &["config", "--hash", service]);
        let text = self.ask(&words, &working_directory(source), None).await?;
        // `SERVICE HASH`
        Ok(text
            .split_whitespace()
            .last()
            .unwrap_or_default()
            .to_owned())
    }

    /// The hash of every service that the source enables, by name.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's own message.
    pub async fn config_hashes(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
    ) -> Result<BTreeMap<String, String>> {
        let words = self.command(source, extra, &["config", "--hash", "*"]);
        let text = self.ask(&words, &working_directory(source), None).await?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, hash)| (name.to_owned(), hash.trim().to_owned()))
            .collect())
    }

    /// Runs a command in `directory`, and hands each line that it prints to `on_line`. The command
    /// and its children are killed when the future is dropped.
    ///
    /// # Errors
    /// Only where the command can't be started: its failure is in the output.
    pub async fn run(
        &self,
        words: &[String],
        directory: &Path,
        on_line: impl FnMut(&str) + Send,
    ) -> Result<CommandOutput> {
        tracing::info!(command = words.join(" "), "running Compose");
        process::run(words, directory, &self.environment, on_line).await
    }

    /// What a reading command prints, or Compose's message as [`Error::ProjectInvalid`].
    async fn ask(&self, words: &[String], directory: &Path, input: Option<&str>) -> Result<String> {
        let captured = self.ask_aloud(words, directory, input).await?;
        Ok(captured.stdout)
    }

    /// The same with what it says besides.
    async fn ask_aloud(
        &self,
        words: &[String],
        directory: &Path,
        input: Option<&str>,
    ) -> Result<Captured> {
        let captured = process::capture(words, directory, &self.environment, input).await?;
        if captured.success {
            return Ok(captured);
        }
        let remote = environment::refused_remote(&captured.stderr);
        Err(remote.unwrap_or_else(|| Error::ProjectInvalid {
            message: process::message(&captured.stderr),
        }))
    }

    async fn ask_version(&self) -> Option<String> {
        let mut words = self.program.clone();
        words.extend(["version", "--format", "json"].map(String::from));
        let answer = process::capture(&words, Path::new("."), &self.environment, None)
            .await
            .ok()?;
        let version: Version = serde_json::from_str(&answer.stdout).ok()?;
        Some(version.version.trim_start_matches('v').to_owned())
    }
}

/// What `docker compose version --format json` prints.
#[derive(Deserialize)]
struct Version {
    version: String,
}

fn is_old(version: &str) -> bool {
    // `2.24.4-desktop.1`: what follows the number of a release says nothing of its age.
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = release.split('.').map(|part| part.parse().unwrap_or(0));
    NEEDED.map(|_| parts.next().unwrap_or(0)) < NEEDED
}

/// The directory that a resolved source's relative paths start from, as Compose counts them.
pub fn working_directory(source: &ProjectSource) -> PathBuf {
    source
        .project_directory
        .as_deref()
        .or_else(|| source.files.first().and_then(|file| file.parent()))
        .unwrap_or(Path::new("."))
        .to_owned()
}
