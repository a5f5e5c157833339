//! The sample's rollout on the command line, under traffic.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, bail};

use crate::{
    process::{self, cargo, command, run_quietly, teal},
    say,
};

/// The sample's project.
pub(crate) const PROJECT: &str = "teal-sample";

/// What the rollout changes the limits to: those of the specification.
const LIMITS: [&str; 4] = ["--cpus", "1.5", "--memory", "768M"];

/// Rolls `hello` out while requests run against it, tells how many failed, and removes the sample.
pub(crate) fn demo(file: &Path) -> Result<()> {
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        "teal-testkit",
        "--example",
        "traffic",
    ]);
    process::run(&mut build)?;
    let mut port = command("docker");
    port.args([
        "compose",
        "--project-name",
        PROJECT,
        "port",
        "traefik",
        "80",
    ]);
    let url = format!("http://{}/", run_quietly(&mut port)?.trim());
    say(&format!("requests run against {url}"));
    let mut traffic = command("target/debug/examples/traffic")
        .arg(&url)
        .stdin(Stdio::piped())
        .spawn()
        .context("can't start the traffic")?;
    let mut deploy = teal();
    deploy.args(["deploy", "hello"]).args(LIMITS);
    let deployed = process::run(deploy.arg("--file").arg(file));
    // The end of its input stops the traffic; it reports and says by its exit code how it went.
    drop(traffic.stdin.take());
    let answered = traffic.wait()?;
    process::run(teal().args(["sample", "down"]))?;
    deployed?;
    if !answered.success() {
        bail!("requests failed during the rollout");
    }
    Ok(())
}
