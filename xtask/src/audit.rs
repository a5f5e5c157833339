//! `cargo xtask audit`: known weaknesses of what Teal depends on. Both databases are asked for over the
//! network; where one can't be had, that is said, and CI on GitHub asks for it (`--required`).

use std::process::Stdio;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    process::{self, cargo, command},
    say, setup,
};

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Fail where a database can't be had
    #[arg(long)]
    required: bool,
}

pub(crate) fn audit(options: &Options) -> Result<()> {
    let skipped = [crates()?, packages()?];
    let skipped: Vec<_> = skipped.into_iter().flatten().collect();
    for reason in &skipped {
        say(&format!("NOT CHECKED: {reason}"));
    }
    if options.required && !skipped.is_empty() {
        bail!("{} of 2 databases could not be asked", skipped.len());
    }
    Ok(())
}

/// Says why it was not checked, if it was not.
fn crates() -> Result<Option<String>> {
    setup::ensure_cargo_tool("cargo-deny", setup::CARGO_DENY)?;
    let fetched = process::run_quietly(cargo().args(["deny", "fetch", "db"]));
    if fetched.is_err() {
        let reason = "the crates, since RustSec's database can't be fetched from here";
        return Ok(Some(reason.to_owned()));
    }
    process::run(cargo().args(["deny", "--log-level", "error", "check", "advisories"]))?;
    Ok(None)
}

/// What of npm gets into the program is everything that the page is built from.
fn packages() -> Result<Option<String>> {
    let mut audit = command("npm");
    audit.args(["--prefix", "ui", "audit", "--json", "--audit-level=low"]);
    let output = audit.stdin(Stdio::null()).output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if answer["metadata"]["vulnerabilities"].is_null() {
        let said = answer["message"]
            .as_str()
            .or(answer["error"]["summary"].as_str());
        let said = said
            .filter(|said| !said.is_empty())
            .unwrap_or("it answers nothing");
        return Ok(Some(format!(
            "the packages of npm, since this registry does not tell of weaknesses ({said})"
        )));
    }
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        bail!("npm knows of weaknesses: {text}");
    }
    Ok(None)
}
