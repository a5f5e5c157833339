//! `cargo xtask torture`: kills Teal at every transition and at many random moments of rollouts under
//! load. The rounds themselves are a test of the command line, a few of which CI runs.

use anyhow::Result;
use clap::Args;

use crate::{
    process::{self, cargo, root},
    say,
    setup::{self, Needs},
};

/// Each transition with both ways out, and 200 random moments.
const ROUNDS: u32 = 28 + 200;
const QUICK: u32 = 6;

#[derive(Args)]
pub(crate) struct Options {
    /// A few rounds, and no report
    #[arg(long)]
    quick: bool,
    /// As many rounds
    #[arg(long, conflicts_with = "quick", default_value_t = ROUNDS)]
    rounds: u32,
    /// Chooses the random moments
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

pub(crate) fn torture(options: &Options) -> Result<()> {
    setup::setup(Needs::ALL)?;
    let report = root().join("docs/torture.md");
    let rounds = if options.quick { QUICK } else { options.rounds };
    say(&format!("{rounds} rounds, about half a minute each"));
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--package", "teal", "--test", "torture"])
        .args(["--", "--nocapture"])
        .env("TEAL_TORTURE_ROUNDS", rounds.to_string())
        .env("TEAL_TORTURE_SEED", options.seed.to_string());
    if !options.quick {
        command.env("TEAL_TORTURE_REPORT", &report);
    }
    process::run(&mut command)?;
    if !options.quick {
        say(&format!("the report is in {}", report.display()));
    }
    Ok(())
}
