//! What Compose would do, told by its own dry run of the very same words: nothing else knows all
//! that a version of Compose does on its way.

use std::path::Path;

use super::{Compose, process};
use teal_model::Result;

/// One thing that Compose would do, or find done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub kind: Kind,
    pub name: String,
    /// In Compose's word: `Creating`, `Running`, `Removed` …
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Container,
    Network,
    Volume,
}

impl Compose {
    /// What a command would do. `input` is the text of the file that it names as standard input.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`](teal_model::Error::ProjectInvalid) with Compose's message where the
    /// command would fail.
    pub async fn dry_run(
        &self,
        words: &[String],
        directory: &Path,
        input: Option<&str>,
    ) -> Result<Vec<Step>> {
        // An option of every command, so that it can follow the program's own words.
        let at = self.program.len();
        let mut dry = words.to_vec();
        dry.insert(at, "--dry-run".to_owned());
        let printed = process::capture(&dry, directory, &self.environment, input).await?;
        if printed.success {
            let lines = printed.stdout.lines().chain(printed.stderr.lines());
            return Ok(lines.filter_map(Step::read).collect());
        }
        Err(teal_model::Error::ProjectInvalid {
            message: process::message(&printed.stderr),
        })
    }
}

impl Step {
    /// ` Container shop-web-1 Stopping`, which older versions begin with `DRY-RUN MODE - `.
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let line = line.strip_prefix("DRY-RUN MODE -").unwrap_or(line);
        let mut words = line.split_whitespace();
        let kind = match words.next()? {
            "Container" => Kind::Container,
            "Network" => Kind::Network,
            "Volume" => Kind::Volume,
            _ => return None,
        };
        let name = words.next()?.trim_matches('"').to_owned();
        let what: Vec<_> = words.collect();
        (!what.is_empty()).then(|| Self {
            kind,
            name,
            what: what.join(" "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: Kind, name: &str, what: &str) -> Step {
        Step {
            kind,
            name: name.to_owned(),
            what: what.to_owned(),
        }
    }

    #[test]
    fn lines_of_all_versions_are_read() {
        let read = |line| Step::read(line).expect("a step");
        let stopping = step(Kind::Container, "shop-web-1", "Stopping");
        assert_eq!(read(" Container shop-web-1 Stopping "), stopping);
        assert_eq!(
            read(" DRY-RUN MODE -  Container shop-web-1  Stopping"),
            stopping
        );
        assert_eq!(
            read(" Network shop_web Removed "),
            step(Kind::Network, "shop_web", "Removed")
        );
        assert_eq!(
            read(" Volume \"shop_data\"  Creating"),
            step(Kind::Volume, "shop_data", "Creating")
        );
    }

    #[test]
    fn other_lines_are_no_steps() {
        for line in [
            "",
            " Container ",
            " Container shop-web-1 ",
            " Image shop Pulling ",
            "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"Found orphan containers (x)\"",
            "Volume",
        ] {
            assert_eq!(Step::read(line), None, "{line}");
        }
    }
}
