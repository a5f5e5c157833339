//! A display without a screen.

use std::{process::Command, time::Duration};

use anyhow::Result;

use super::child::{Ends, Running};
use crate::process::command;

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Dropping it ends it.
pub(super) struct Display {
    _server: Running,
    name: String,
}

impl Display {
    pub(super) fn start() -> Result<Self> {
        let mut server = command("Xvfb");
        // It chooses a free number and prints it once it can be used.
        server.args(["-displayfd", "1", "-screen", "0", "1440x900x24"]);
        // It would start again after each window, and refuse the next meanwhile.
        server.arg("-noreset");
        let server = Running::start(server.args(["-nolisten", "tcp"]), Ends::BySignal)?;
        let name = format!(":{}", server.line(STARTS_WITHIN)?);
        Ok(Self {
            _server: server,
            name,
        })
    }

    /// Lets the program open its window here.
    pub(super) fn show(&self, program: &mut Command) {
        program
            .env("DISPLAY", &self.name)
            .env_remove("WAYLAND_DISPLAY")
            .env("NO_AT_BRIDGE", "1");
    }
}
