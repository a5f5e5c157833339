//! A Docker engine that answers.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::packages;
use crate::{
    process::{command, run_quietly, succeeds, tools},
    say,
};

const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn answers() -> bool {
    succeeds(&mut ask())
}

fn ask() -> Command {
    let mut version = command("docker");
    version.args(["version", "--format", "{{.Server.APIVersion}}"]);
    version
}

/// Starts an engine, but only if none answers.
pub(crate) fn setup() -> Result<()> {
    let Err(error) = run_quietly(&mut ask()) else {
        return Ok(());
    };
    if format!("{error:#}").contains("permission denied") {
        bail!(
            "you may not use the Docker engine: `sudo usermod -aG docker $USER`, and log in again"
        );
    }
    if !packages::is_root()? {
        bail!("no Docker engine answers: run `sudo systemctl start docker`, and this again");
    }
    if Path::new("/run/systemd/system").exists() {
        say("starting the Docker engine, since none answers");
        run_quietly(command("systemctl").args(["start", "docker"]))?;
        return wait(None);
    }
    let log = tools().join("dockerd.log");
    fs::create_dir_all(tools())?;
    say(&format!(
        "starting a Docker engine, since none answers; it goes on running, its log is {}",
        log.display()
    ));
    let output = File::create(&log)?;
    let engine = out_of_reach(&mut command("dockerd"))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("can't run `dockerd`")?;
    wait(Some(engine)).with_context(|| last_lines(&log))
}

/// The terminal's Ctrl-C is for us, not for the engine.
fn out_of_reach(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

fn wait(mut engine: Option<Child>) -> Result<()> {
    let begin = Instant::now();
    while !answers() {
        if let Some(status) = engine.as_mut().map(Child::try_wait).transpose()?.flatten() {
            bail!("`dockerd` ended: {status}");
        }
        if begin.elapsed() > ANSWERS_WITHIN {
            bail!("the Docker engine does not answer within {ANSWERS_WITHIN:?}");
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(15);
    format!(
        "can't start a Docker engine; the end of its log:\n{}\n",
        lines[last..].join("\n")
    )
}
