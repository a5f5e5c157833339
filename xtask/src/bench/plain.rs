//! The same change without Teal: new limits in a file, and `docker compose up`.

use std::{fs, time::Instant};

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
    for (number, limits) in (1..=RUNS).zip(LIMITS.iter().cycle()) {
        say(&format!("change {number} of {RUNS} without Teal"));
        let (took, traffic) = beside_traffic(&stage.url, || recreate(&stage, limits))?;
        requests.add(took, &traffic);
    }
    stage.close()?;
    Ok(requests)
}

/// Returns how long it took until the service was healthy again, in milliseconds.
fn recreate(stage: &Stage, limits: &(&str, &str)) -> Result<i64> {
    let directory = stage.file.parent().context("a file in a directory")?;
    // In the project's own directory, which goes with it.
    let file = directory.join("limits.yaml");
    let (cpus, memory) = limits;
    fs::write(
        &file,
        format!(
            "services:\n  hello:\n    deploy:\n      resources:\n        limits:\n          \
             cpus: \"{cpus}\"\n          memory: {memory}\n"
        ),
    )?;
    let mut up = command("docker");
    up.args(["compose", "--progress", "quiet", "--file"]);
    up.arg(&stage.file).arg("--file").arg(&file);
    up.args(["up", "--detach", "--wait", "--wait-timeout", "120", "hello"]);
    let begin = Instant::now();
    run_quietly(&mut up)?;
    Ok(i64::try_from(begin.elapsed().as_millis())?)
}
