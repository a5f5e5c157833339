//! The same change without Teal: new limits in a file, and `docker compose up`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result};

use super::{
    requests::Requests,
    rollout::{LIMITS, RUNS},
    stage::{Stage, beside_traffic},
};
use crate::{
    process::{command, run_quietly},
    say,
};

pub(super) fn plain() -> Result<Requests> {
    say("starting a project like the sample");
    let stage = Stage::up(&["sample"])?;
    let mut requests = Requests::default();
    for (number, limits) in (1..=RUNS).zip(LIMITS.into_iter().cycle()) {
        say(&format!("change {number} of {RUNS} without Teal"));
        let (took, traffic) = beside_traffic(&stage.url, || recreate(&stage, limits))?;
        requests.add(took, &traffic);
    }
    stage.close()?;
    Ok(requests)
}

/// Returns how long it took until the service was healthy again, in milliseconds.
pub(super) fn recreate(stage: &Stage, limits: (&str, &str)) -> Result<i64> {
    let limits = write_limits(stage, limits)?;
    let mut up = compose(stage, &limits);
    up.args(["up", "--detach", "--wait", "--wait-timeout", "120", "hello"]);
    let begin = Instant::now();
    run_quietly(&mut up)?;
    Ok(i64::try_from(begin.elapsed().as_millis())?)
}

/// Writes CPUs and memory to a file in the project's own directory, which goes with it.
pub(super) fn write_limits(stage: &Stage, (cpus, memory): (&str, &str)) -> Result<PathBuf> {
    let directory = stage.file.parent().context("a file in a directory")?;
    let file = directory.join("limits.yaml");
    fs::write(
        &file,
        format!(
            "services:\n  hello:\n    deploy:\n      resources:\n        limits:\n          \
             cpus: \"{cpus}\"\n          memory: {memory}\n"
        ),
    )?;
    Ok(file)
}

/// Compose, with the project's own file and that of the limits.
pub(super) fn compose(stage: &Stage, limits: &Path) -> Command {
    let mut compose = command("docker");
    compose.args(["compose", "--progress", "quiet", "--file"]);
    compose.arg(&stage.file).arg("--file").arg(limits);
    compose
}
