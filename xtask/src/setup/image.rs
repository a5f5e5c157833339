//! Images that no registry gives, made of a folder.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, bail};

use crate::{
    process::{command, run_quietly, succeeds},
    say,
};

/// Whether the engine has the image, or a registry gives it. Else why not.
pub(super) fn is_there(image: &str) -> Result<()> {
    if succeeds(command("docker").args(["image", "inspect", image])) {
        return Ok(());
    }
    say(&format!("pulling the image {image}"));
    run_quietly(command("docker").args(["pull", "--quiet", image])).map(drop)
}

/// Imports a folder as an image; `changes` are lines of a Dockerfile.
pub(super) fn import(folder: &Path, image: &str, changes: &[String]) -> Result<()> {
    let mut archive = command("tar")
        .args(["--owner=0", "--group=0", "-cf", "-", "-C"])
        .arg(folder)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .context("can't run `tar`")?;
    let output = archive.stdout.take().context("tar's output is a pipe")?;
    let mut import = command("docker");
    import.arg("import");
    for change in changes {
        import.arg("--change").arg(change);
    }
    let imported = import
        .args(["-", image])
        .stdin(output)
        .stdout(Stdio::null())
        .status()
        .context("can't run `docker import`")?;
    // It holds the other end of the pipe: without it `tar` ends, whatever became of the import.
    drop(import);
    if !archive.wait()?.success() || !imported.success() {
        bail!("`tar | docker import` failed");
    }
    Ok(())
}
