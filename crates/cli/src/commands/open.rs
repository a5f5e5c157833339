//! `teal open`: starts the window.

use std::{
    env,
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::Command;

use super::Outcome;
use crate::{cli::Open, failure::Failure};

const PROGRAM: &str = if cfg!(windows) {
    "teal-desktop.exe"
} else {
    "teal-desktop"
};

/// A window that can't open (no display) says so at once; its exit code is then ours.
const EARLY: Duration = Duration::from_secs(1);

pub(super) async fn run(open: &Open) -> Outcome {
    let program = find().ok_or(Failure::NoWindow { program: PROGRAM })?;
    let mut command = Command::new(program);
    command
        .args(&open.file)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // Ctrl-C in this terminal is not meant for the window.
    #[cfg(unix)]
    command.process_group(0);
    let mut window = command
        .spawn()
        .map_err(|error| Failure::System("start `teal-desktop`", error))?;
    match tokio::time::timeout(EARLY, window.wait()).await {
        Err(_still_open) => Ok(0),
        Ok(Ok(status)) => Ok(exit_code(status)),
        Ok(Err(error)) => Err(Failure::System("wait for `teal-desktop`", error)),
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| code.try_into().ok())
        .unwrap_or(1)
}

/// The desktop program beside this one, else on the `PATH`.
fn find() -> Option<PathBuf> {
    let beside = env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.to_owned()));
    let path: OsString = env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|directory| directory.join(PROGRAM))
        .find(|program| program.is_file())
}
