//! `cargo xtask bench traffic`: what becomes of all kinds of requests while a service changes, with
//! Teal and without.

mod cell;
mod evidence;
mod figures;
mod load;
mod page;
mod scale;
mod teal;
mod timeline;

use std::{fs, time::Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{Scratch, machine, print};
use crate::{
    process::{self, cargo, root},
    say,
    setup::{self, Needs},
};

use cell::{Cell, Size, Way};
use figures::Figures;

const DOCUMENT: &str = "docs/bench-traffic.md";
/// Failures that are told one by one, for each way.
const TOLD: usize = 20;

#[derive(Args)]
pub(super) struct Options {
    /// At least 50 rollouts and 1,000,000 requests instead of 10 and 200,000
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// One rollout of dev builds, to see whether the bench works
    #[arg(long)]
    quick: bool,
    /// Only of this service
    #[arg(long, value_name = "SERVICE")]
    only: Option<Cell>,
    /// Write docs/bench-traffic.md too
    #[arg(long, conflicts_with_all = ["only", "quick"])]
    write: bool,
}

pub(super) fn traffic(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("run it on Linux: it sends requests to containers' published ports, and reads /proc");
    }
    setup::setup(Needs::RUN)?;
    let size = Size::of(options);
    build(size.is_release)?;
    let scratch = Scratch::new()?;
    let command = if options.long {
        "cargo xtask bench traffic --long"
    } else {
        "cargo xtask bench traffic"
    };
    let mut document = machine::describe("No request fails", command)?;
    let begin = Instant::now();
    let mut figures = Figures::default();
    for cell in &size.cells {
        cell::measure(*cell, &size, scratch.path(), &mut figures)?;
    }
    document += &page::page(&figures, begin.elapsed())?;
    print(&document);
    tell_failures(&figures);
    if options.write {
        fs::write(root().join(DOCUMENT), &document)
            .with_context(|| format!("can't write {DOCUMENT}"))?;
        say(&format!("written to {DOCUMENT}"));
    }
    judge(&figures, &size)
}

fn build(is_release: bool) -> Result<()> {
    say("building");
    let of_testkit = ["--example", "load"];
    for (package, words) in [("teal", &[][..]), ("teal-testkit", &of_testkit)] {
        let mut build = cargo();
        build.args(["build", "--quiet", "--locked", "--package", package]);
        build.args(words);
        if is_release {
            build.arg("--release");
        }
        process::run(&mut build)?;
    }
    let mut stage = cargo();
    stage.args(["build", "--quiet", "--locked", "--package", "teal-testkit"]);
    process::run(stage.args(["--example", "stage"]))
}

fn tell_failures(figures: &Figures) {
    for way in Way::ALL {
        let failures = figures.failures_of(Some(way));
        tell(way.title(), &failures);
    }
    tell("while nothing was changed", &figures.failures_of(None));
}

fn tell(whose: &str, failures: &[String]) {
    for failure in failures.iter().take(TOLD) {
        say(&format!("{whose}: {failure}"));
    }
    if failures.len() > TOLD {
        say(&format!("{whose}: and {} more", failures.len() - TOLD));
    }
}

/// Teal promises that no request fails, and the command that it was put to a test of this size.
fn judge(figures: &Figures, size: &Size) -> Result<()> {
    let lost = figures.failures_of(Some(Way::Teal));
    if let Some(first) = lost.first() {
        bail!("Teal lost {} requests, the first: {first}", lost.len());
    }
    let disturbed = figures.failures_of(None);
    if let Some(first) = disturbed.first() {
        bail!(
            "{} requests failed while nothing was changed, the first: {first}",
            disturbed.len()
        );
    }
    let (sent, rolled) = (figures.requests(), figures.rollouts());
    if sent < size.requests || rolled < size.rollouts {
        bail!(
            "only {sent} requests and {rolled} rollouts where {} and {} are promised: is this \
             machine busy with other things?",
            size.requests,
            size.rollouts
        );
    }
    Ok(())
}
