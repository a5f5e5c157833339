//! `teal services` on a large project, and what of it Compose takes.

use std::{path::Path, process::Command, time::Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    program,
    spread::{Spread, head},
    stage::Stage,
};
use crate::{
    process::{command, run_quietly},
    say,
};

const SERVICES: usize = 200;
const RUNNING: &str = "10";
const RUNS: usize = 5;

/// What Teal asks Compose of a project without an override.
const QUESTIONS: [&[&str]; 2] = [&["config", "--format", "json"], &["config", "--hash", "*"]];

pub(super) fn listing(scratch: &Path) -> Result<String> {
    let services = SERVICES.to_string();
    let created = rows(
        scratch,
        &["services", &services, "0"],
        &format!("{SERVICES} created services"),
    )?;
    let routed = rows(
        scratch,
        &["services", &services, RUNNING, "traefik"],
        &format!("{SERVICES} services behind Traefik, of which {RUNNING} run"),
    )?;
    Ok(format!("## Listing\n\n{}{created}{routed}", head("")))
}

/// Of a project that `examples/stage.rs` makes by these words.
fn rows(scratch: &Path, words: &[&str], what: &str) -> Result<String> {
    say(&format!("creating {what}"));
    let stage = Stage::up(words)?;
    let (mut times, mut of_compose) = (Spread::default(), Spread::default());
    for number in 1..=RUNS {
        say(&format!("list {number} of {RUNS}"));
        let mut list = program("teal", scratch);
        list.args(["services", "--json", "--file"]).arg(&stage.file);
        let (printed, took) = timed(&mut list)?;
        times.add(took);
        let services: Value = serde_json::from_str(&printed)?;
        let found = services.as_array().context("no list of services")?;
        let there = |service: &&Value| {
            let is_traefik = service["name"] == "traefik";
            !is_traefik && (service["state"] == "created" || service["state"] == "running")
        };
        if found.iter().filter(there).count() != SERVICES {
            bail!("`teal services` does not list {what}");
        }
        let mut took = 0;
        for question in QUESTIONS {
            let mut compose = command("docker");
            compose.args(["compose", "--profile", "*", "--file"]);
            took += timed(compose.arg(&stage.file).args(question))?.1;
        }
        of_compose.add(took);
    }
    let rest = times.median() - of_compose.median();
    stage.close()?;
    Ok(format!(
        "| `teal services --json` on {what} | {times} |\n| what Compose takes to answer its questions of that | {of_compose} |\n| the rest of it, by the medians | {rest} ms | | | |\n"
    ))
}

/// What a command prints, and how many milliseconds it takes.
fn timed(command: &mut Command) -> Result<(String, i64)> {
    let begin = Instant::now();
    let printed = run_quietly(command)?;
    let took = i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX);
    Ok((printed, took))
}
