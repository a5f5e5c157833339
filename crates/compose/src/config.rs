//! What `docker compose config` prints of a project, and what Compose says of it besides.

use std::path::Path;

use super::{Compose, process::Captured};
use teal_model::{Error, ProjectSource, Result};

const CONFIG: [&str; 3] = ["config", "--format", "json"];

/// A project's model as text.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) text: String,
    /// What Compose warns of, in its own words.
    pub(super) notices: Vec<String>,
    /// Whether the services of every profile are in it.
    pub(super) is_whole: bool,
}

impl Compose {
    /// The model with the services of every profile, since one that is off is started by its name.
    /// Where Compose takes only those of the profiles that are on, as `up` reads no others, the rest is
    /// left out, and a notice says so.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's message about the profiles that are on.
    pub(super) async fn config(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        directory: &Path,
        input: Option<&str>,
    ) -> Result<Printed> {
        let every_profile = ProjectSource {
            profiles: vec!["*".into()],
            ..source.clone()
        };
        let whole = self.command(&every_profile, extra, &CONFIG);
        let refusal = match self.ask_aloud(&whole, directory, input).await {
            Ok(captured) => return Ok(Printed::new(captured, true)),
            Err(Error::ProjectInvalid { message }) => message,
            Err(other) => return Err(other),
        };
        let mut printed = self
            .config_of_enabled(source, extra, directory, input)
            .await?;
        printed.notices.push(format!("services of profiles that are off are left out (`--profile` turns one on), since Compose refuses them: {refusal}"));
        Ok(printed)
    }

    /// The model with the services of the profiles that are on, as `up` reads it.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's message.
    pub(super) async fn config_of_enabled(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        directory: &Path,
        input: Option<&str>,
    ) -> Result<Printed> {
        let words = self.command(source, extra, &CONFIG);
        let captured = self.ask_aloud(&words, directory, input).await?;
        Ok(Printed::new(captured, false))
    }
}

impl Printed {
    fn new(captured: Captured, is_whole: bool) -> Self {
        Self {
            notices: warnings(&captured.stderr),
            text: captured.stdout,
            is_whole,
        }
    }
}

/// Compose's warnings, each once and in the same order each time: Compose itself goes through maps.
fn warnings(stderr: &str) -> Vec<String> {
    let mut found: Vec<_> = stderr.lines().filter_map(warning).collect();
    found.sort();
    found.dedup();
    found
}

/// `time="…" level=warning msg="…"`: the message.
fn warning(line: &str) -> Option<String> {
    let (_, message) = line.split_once("level=warning msg=")?;
    let message = message.trim_end();
    // Quoted as Go does, which is nearly JSON, where it holds more than a word.
    let unquoted = serde_json::from_str(message);
    Some(unquoted.unwrap_or_else(|_| message.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_in_composes_words_each_once() {
        let stderr = concat!(
            "time=\"2026-11-28T18:02:13Z\" level=warning msg=\"The \\\"C\\\" variable is not set. Defaulting to a blank string.\"\n",
            "time=\"2026-11-28T18:02:13Z\" level=warning msg=\"/srv/c.yaml: the attribute `version` is obsolete\"\n",
            "time=\"2026-11-28T18:02:13Z\" level=warning msg=\"The \\\"C\\\" variable is not set. Defaulting to a blank string.\"\n",
            "time=\"2026-11-28T18:02:13Z\" level=debug msg=\"x\"\n",
            "time=\"2026-11-28T18:02:13Z\" level=warning msg=deprecated\n",
            "time=\"2026-11-28T18:02:13Z\" level=warning msg=\"bell \\a\"\n",
        );
        assert_eq!(
            warnings(stderr),
            [
                "/srv/c.yaml: the attribute `version` is obsolete",
                "The \"C\" variable is not set. Defaulting to a blank string.",
                "bell \\a",
                "deprecated",
            ]
        );
    }
}
