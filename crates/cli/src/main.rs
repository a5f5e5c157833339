//! `teal`, the command line: rolls a service of a Compose project from Blue to Green.

mod cli;
mod commands;
mod display;
mod duration;
mod failure;
mod interrupts;
mod screen;
mod text;
mod theme;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use screen::Screen;

/// Wrong usage, as in `sysexits.h`. Clap's own 2 means "failed and rolled back" here.
const WRONG_USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let mut screen = Screen::new(cli.global.json);
    let code = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(commands::run(cli, &mut screen)),
        Err(error) => {
            screen::complain(&format!("could not start: {error}"), None);
            1
        }
    };
    screen.finish(code)
}

/// Prints clap's help, version or complaint.
fn explain(error: &clap::Error) -> ExitCode {
    // Where it can't be printed, nobody reads it.
    error.print().ok();
    if error.use_stderr() {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}
