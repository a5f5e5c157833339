//! Running other programs.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The top level of the repository.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// What setup installs for this clone alone.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// A program in the top level, found among our own tools first.
pub(crate) fn command(program: &str) -> Command {
    // On Windows npm is a script, which must be named in full.
    let is_script = cfg!(windows) && program == "npm";
    let mut command = Command::new(if is_script { "npm.cmd" } else { program });
    command.current_dir(root()).env("PATH", path());
    command
}

pub(crate) fn cargo() -> Command {
    command("cargo")
}

fn path() -> OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let own = [tools().join("bin")];
    env::join_paths(own.into_iter().chain(env::split_paths(&inherited))).unwrap_or(inherited)
}

/// Runs it with its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("can't run {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs it and shows its output only if it fails; returns what it printed.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("can't run {}", shown(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed: {}\n{text}{errors}",
            shown(command),
            output.status
        );
    }
    Ok(text)
}

/// Whether it can be run and ends well. Its output goes nowhere.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    run_quietly(command).is_ok()
}

/// Whether `program` is found.
pub(crate) fn exists(program: &str) -> bool {
    let path = path();
    env::split_paths(&path).any(|directory| {
        let file = directory.join(program);
        file.is_file() || file.with_extension("exe").is_file()
    })
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    format!("`{}`", words.join(" "))
}

/// The command line that was just built.
pub(crate) fn teal() -> Command {
    command(&built("teal"))
}

/// A program that was just built.
pub(crate) fn built(program: &str) -> String {
    let file = root().join("target/debug").join(program);
    file.to_string_lossy().into_owned()
}
