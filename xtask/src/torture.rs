//! `cargo xtask torture`: kills Teal at every transition and at many random moments of rollouts under
//! load. The rounds themselves are a test of the command line, a few of which CI runs.

use std::{fs, num::NonZero, thread};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    bench::machine,
    process::{self, cargo, root},
    say,
    setup::{self, Needs},
};

const DOCUMENT: &str = "docs/torture.md";

/// Each transition with both ways out, and 200 random moments. To these the test adds kills while a
/// Blue that takes long to stop is being stopped, one for 16.
const ROUNDS: u32 = 28 + 200;
const QUICK: u32 = 6;

#[derive(Args)]
pub(crate) struct Options {
    /// A few rounds
    #[arg(long)]
    quick: bool,
    /// As many rounds
    #[arg(long, conflicts_with = "quick", default_value_t = ROUNDS)]
    rounds: u32,
    /// As many projects side by side; by default three for two processors, since most of a round is
    /// waiting
    #[arg(long)]
    lanes: Option<NonZero<usize>>,
    /// Chooses the random moments
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Write docs/torture.md too
    #[arg(long, conflicts_with = "quick")]
    write: bool,
}

pub(crate) fn torture(options: &Options) -> Result<()> {
    setup::setup(Needs::ALL)?;
    let lanes = match options.lanes {
        Some(lanes) => lanes.get(),
        None => (thread::available_parallelism()?.get() * 3).div_ceil(2),
    };
    let rounds = if options.quick { QUICK } else { options.rounds };
    say(&format!("{rounds} rounds, {lanes} projects side by side"));
    let machine = machine::table()?;
    let counts = root().join("target/torture.md");
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--locked", "--package", "teal"])
        .args(["--test", "torture", "--", "--nocapture"])
        .env("TEAL_TORTURE_ROUNDS", rounds.to_string())
        .env("TEAL_TORTURE_LANES", lanes.to_string())
        .env("TEAL_TORTURE_SEED", options.seed.to_string())
        .env("TEAL_TORTURE_REPORT", &counts);
    process::run(&mut command)?;
    let counts = fs::read_to_string(&counts).context("the test wrote no report")?;
    let document = format!(
        "# Torture\n\nWritten by `cargo xtask torture --write`: rollouts under load, Teal killed with \
         SIGKILL, then settled by `teal recover`. A round is clean where no request failed, one set \
         of containers serves with the limits and the override that belong to it, and no helper, \
         record or file is left.\n\n{machine}\n{counts}"
    );
    if options.write {
        fs::write(root().join(DOCUMENT), &document)
            .with_context(|| format!("can't write {DOCUMENT}"))?;
        say(&format!("written to {DOCUMENT}"));
    } else {
        say(&document);
    }
    Ok(())
}
