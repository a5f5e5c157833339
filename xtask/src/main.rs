//! What a developer runs, and CI: `cargo xtask run`, `cargo xtask test`, `cargo xtask bench`.
//!
//! Both install what is missing first, so that a fresh clone needs nothing typed in between.

#![expect(clippy::print_stdout, reason = "it talks to whoever runs it")]

mod audit;
mod bench;
mod demo;
mod fuzz;
mod process;
mod run;
mod sbom;
mod setup;
mod test;
#[cfg(test)]
mod tidy;
mod torture;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{
    process::{cargo, root},
    setup::Needs,
};

/// What a developer of Teal runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Xtask {
    /// Installs what building and testing need, and starts a Docker engine if none answers
    Setup,
    /// Builds Teal and opens its window on the sample project; without a display, rolls the sample
    /// out on the command line while requests run against it
    Run,
    /// Runs all checks and tests
    Test {
        /// Only what needs neither a Docker engine nor a display
        #[arg(long)]
        quick: bool,
    },
    /// Measures how quick and how small Teal is, and what a rollout takes
    Bench(bench::Options),
    /// Kills Teal at every transition and at random moments of rollouts under load, and settles them
    Torture(torture::Options),
    /// Makes many rollouts in one process under load; fails if what it holds grows
    Soak(bench::soak::Options),
    /// Feeds what is read from elsewhere with what nobody thought of, to find what it breaks
    Fuzz(fuzz::Options),
    /// Looks for known weaknesses of what Teal depends on
    Audit(audit::Options),
    /// Writes what the programs are made of to target/sbom
    Sbom,
    /// Rewrites the front end's types
    Types,
    /// Rewrites docs/screenshots: by the tests that drive the window, and every state in both
    /// themes by a browser
    Screenshots,
}

fn main() -> ExitCode {
    let done = match Xtask::parse() {
        Xtask::Setup => setup::setup(Needs::ALL),
        Xtask::Run => run::run(),
        Xtask::Test { quick } => test::test(quick),
        Xtask::Bench(options) => bench::bench(&options),
        Xtask::Torture(options) => torture::torture(&options),
        Xtask::Soak(options) => bench::soak::soak(&options),
        Xtask::Fuzz(options) => fuzz::fuzz(&options),
        Xtask::Audit(options) => audit::audit(&options),
        Xtask::Sbom => sbom::sbom(),
        Xtask::Types => types(),
        Xtask::Screenshots => screenshots(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn types() -> Result<()> {
    let mut command = cargo();
    command.args([
        "test",
        "--quiet",
        "--package",
        "teal-model",
        "--package",
        "teal-engine",
        "--package",
        "teal-desktop",
        "--lib",
        "export_bindings",
    ]);
    // Values are compared where this is not set; types are written either way.
    process::run(command.env("TEAL_WRITE_DOCS", "1"))
}

fn screenshots() -> Result<()> {
    setup::setup(Needs::ALL)?;
    setup::browser()?;
    setup::build_front_end()?;
    let mut command = test::on_a_display(&["cargo", "nextest", "run", "--package", "teal-desktop"]);
    let directory = root().join("docs/screenshots");
    command.env("TEAL_SCREENSHOTS", &directory);
    process::run(&mut command)?;
    let mut states = process::command("npm");
    states.args(["--prefix", "ui", "run", "--silent", "shots"]);
    process::run(states.env("TEAL_STATES", directory.join("states")))
}

/// One line for the person at the terminal.
fn say(text: &str) {
    println!("xtask: {text}");
}
