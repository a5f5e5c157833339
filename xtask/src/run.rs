//! `cargo xtask run`: Teal on the sample project, with or without a display.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    demo,
    process::{self, cargo, command, root, run_quietly},
    say,
    setup::{self, Needs},
};

pub(crate) const PROJECT: &str = "teal-sample";

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
    process::run(teal().args(["sample", "up"]))?;
    let file = sample_file()?;
    if has_display() {
        say("opening the window; `cargo run -p teal -- sample down` removes the sample later");
        return process::run(command(&built("teal-desktop")).arg(file));
    }
    say("there is no display: rolling the sample out on the command line");
    demo::demo(&file)
}

/// The command line that was just built.
pub(crate) fn teal() -> std::process::Command {
    command(&built("teal"))
}

fn built(program: &str) -> String {
    let file = root().join("target/debug").join(program);
    file.to_string_lossy().into_owned()
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
