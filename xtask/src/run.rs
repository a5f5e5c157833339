//! `cargo xtask run`: Teal on the sample project, with or without a display.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    demo::{self, PROJECT},
    process::{self, cargo, command, run_quietly},
    say,
    setup::{self, Needs},
};

pub(crate) fn run() -> Result<()> {
    setup::setup(Needs::RUN)?;
    say("building");
    setup::build_front_end()?;
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--package",
        "teal",
        "--package",
        "teal-desktop",
    ]);
    process::run(&mut build)?;
    process::run(process::teal().args(["sample", "up"]))?;
    let file = sample_file()?;
    if has_display() {
        say("opening the window; `cargo run -p teal -- sample down` removes the sample later");
        return process::run(command(&process::built("teal-desktop")).arg(file));
    }
    say("there is no display: rolling the sample out on the command line");
    demo::demo(&file)
}

/// Where `teal sample up` has put the compose file.
fn sample_file() -> Result<PathBuf> {
    let mut list = command("docker");
    list.args(["compose", "ls", "--format", "json", "--filter"]);
    let projects: Value =
        serde_json::from_str(&run_quietly(list.arg(format!("name=^{PROJECT}$")))?)?;
    let files = projects[0]["ConfigFiles"]
        .as_str()
        .context("the sample does not run")?;
    // The compose file comes first, before the override of a rollout.
    Ok(files.split(',').next().unwrap_or(files).into())
}

fn has_display() -> bool {
    let names = ["DISPLAY", "WAYLAND_DISPLAY"];
    !cfg!(target_os = "linux")
        || (names.iter()).any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}
