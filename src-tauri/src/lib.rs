//! The desktop program `teal-desktop`: a window over the engine. It asks, shows and decides nothing.

mod args;
mod change;
mod closing;
mod command_error;
#[expect(
    clippy::needless_pass_by_value,
    clippy::let_underscore_must_use,
    reason = "Tauri's command macro asks for the first and does the second"
)]
mod commands;
mod connection;
mod desktop;
#[cfg(target_os = "linux")]
mod graphics;
pub mod gui;
mod input;
mod menu;
mod notice;
mod recents;
mod rollouts;
mod second;
mod subscriptions;
#[cfg(target_os = "linux")]
mod tray;

use std::{process::ExitCode, time::Instant};

use clap::Parser;

pub use desktop::Desktop;

/// Reads the command line before anything of the window exists, then opens it.
pub fn main() -> ExitCode {
    let started = Instant::now();
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return args::explain(&error),
    };
    gui::run(args.source(), started)
}
