//! `cargo xtask soak`: many rollouts in a row in one process, and what the process holds after each.

use std::{fmt::Write, fs, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    child::{Ends, Running},
    machine,
    memory::mebibytes,
};
use crate::{
    process::{self, cargo, command, root},
    say,
    setup::{self, Needs},
};

const DOCUMENT: &str = "docs/soak.md";
const ROLLOUT_WITHIN: Duration = Duration::from_secs(600);

/// The first ones fill caches and pools, which stay as they are from then on.
const WARM: usize = 10;
/// The first and the last of the others are compared by the middle one of so many.
const COMPARED: usize = 10;
/// Between them memory may grow by so much: an allocator keeps what it had once, a leak goes on.
const MEMORY_BOUND: u64 = 4 << 20;
/// And each of the things that are counted by so many.
const COUNT_BOUND: u64 = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// As many rollouts
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(30..))]
    rollouts: u32,
    /// Write docs/soak.md too
    #[arg(long)]
    write: bool,
}

/// What the process holds after a rollout.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    rollout: u32,
    took_ms: u64,
    memory: u64,
    files: u64,
    sockets: u64,
    tasks: u64,
    threads: u64,
}

type Quantity = (&'static str, fn(&Sample) -> u64, u64);

const QUANTITIES: [Quantity; 5] = [
    ("memory in bytes", |sample| sample.memory, MEMORY_BOUND),
    ("open files", |sample| sample.files, COUNT_BOUND),
    ("of them sockets", |sample| sample.sockets, COUNT_BOUND),
    ("tasks", |sample| sample.tasks, COUNT_BOUND),
    ("threads", |sample| sample.threads, COUNT_BOUND),
];

pub(crate) fn soak(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("run it on Linux: it reads /proc");
    }
    setup::setup(Needs::RUN)?;
    let machine = machine::table()?;
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "teal-testkit"]);
    process::run(build.args(["--example", "soak", "--example", "load"]))?;
    let (samples, load) = run(options.rollouts)?;
    let document = format!(
        "# Soak\n\nMeasured by `cargo xtask soak`: {} rollouts in a row in one process, a dev build, under \
         load from another process; `--write` rewrites this page. Each gives the service other \
         limits than the one before. After each the process is looked at five times within a second, \
         and the least counts.\n\n{machine}\n{}\n{}",
        options.rollouts,
        page(&samples)?,
        requests(&load)?,
    );
    super::print(&document);
    if options.write {
        fs::write(root().join(DOCUMENT), &document)
            .with_context(|| format!("can't write {DOCUMENT}"))?;
        say(&format!("written to {DOCUMENT}"));
    }
    assert_flat(&samples)?;
    match failed(&load) {
        0 => Ok(()),
        failed => bail!("{failed} requests failed"),
    }
}

/// The samples, the one before the first rollout too, and what the load reports.
fn run(rollouts: u32) -> Result<(Vec<Sample>, Value)> {
    let mut soak = command("target/debug/examples/soak");
    let mut running = Running::start(soak.arg(rollouts.to_string()), Ends::WithInput)?;
    let mut samples = Vec::new();
    loop {
        let line = running.line(ROLLOUT_WITHIN)?;
        let value: Value = serde_json::from_str(&line)?;
        if !value["load"].is_null() {
            running.end()?;
            return Ok((samples, value["load"].clone()));
        }
        let Ok(sample) = serde_json::from_value::<Sample>(value) else {
            bail!("a rollout did not succeed: {line}");
        };
        say(&line);
        samples.push(sample);
    }
}

/// The middle one of the first and of the last after those that warm up.
fn ends(samples: &[Sample], quantity: fn(&Sample) -> u64) -> (u64, u64) {
    let middle = |samples: &[Sample]| {
        let mut values: Vec<_> = samples.iter().map(quantity).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let warm = &samples[WARM..];
    (
        middle(&warm[..COMPARED]),
        middle(&warm[warm.len() - COMPARED..]),
    )
}

fn assert_flat(samples: &[Sample]) -> Result<()> {
    for (name, quantity, bound) in QUANTITIES {
        let (first, last) = ends(samples, quantity);
        if last > first + bound {
            bail!("{name}: from {first} to {last}, where {bound} more would do");
        }
    }
    Ok(())
}

fn page(samples: &[Sample]) -> Result<String> {
    let count = samples.len() - 1;
    let mut text = format!(
        "| | before | rollouts {WARM} to {} | rollouts {} to {count} | may grow by |\n| --- | ---: | ---: | ---: | ---: |\n",
        WARM + COMPARED - 1,
        count - COMPARED + 1,
    );
    let shown = |name: &str, value: u64| match name.contains("bytes") {
        true => mebibytes(value),
        false => value.to_string(),
    };
    for (name, quantity, bound) in QUANTITIES {
        let (first, last) = ends(samples, quantity);
        let cells = [quantity(&samples[0]), first, last, bound].map(|value| shown(name, value));
        let name = name.trim_end_matches(" in bytes");
        writeln!(text, "| {name} | {} |", cells.join(" | "))?;
    }
    writeln!(
        text,
        "\n| after rollout | it took | memory | open files | sockets | tasks | threads |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for sample in samples.iter().step_by(WARM) {
        writeln!(
            text,
            "| {} | {:.1} s | {} | {} | {} | {} | {} |",
            sample.rollout,
            Duration::from_millis(sample.took_ms).as_secs_f64(),
            mebibytes(sample.memory),
            sample.files,
            sample.sockets,
            sample.tasks,
            sample.threads,
        )?;
    }
    Ok(text)
}

fn requests(load: &Value) -> Result<String> {
    let kinds = load["windows"]["soak"].as_object();
    let kinds = kinds.context("the load reports by kind")?;
    let mut text = "| requests | sent | failed |\n| --- | ---: | ---: |\n".to_owned();
    for (kind, tally) in kinds {
        writeln!(
            text,
            "| {kind} | {} | {} |",
            tally["total"], tally["failed"]
        )?;
    }
    Ok(text)
}

fn failed(load: &Value) -> u64 {
    let kinds = load["windows"]["soak"].as_object();
    let failed = kinds.into_iter().flat_map(|kinds| kinds.values());
    failed
        .map(|tally| tally["failed"].as_u64().unwrap_or(0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl Fn(u32) -> u64) -> Vec<Sample> {
        let sample = |rollout| Sample {
            rollout,
            took_ms: 8000,
            memory: memory(rollout),
            files: 20,
            sockets: 4,
            tasks: 3,
            threads: 3,
        };
        (0..=100).map(sample).collect()
    }

    #[test]
    fn a_leak_is_no_warm_up() {
        let warms_up = |rollout: u32| (30 << 20) + u64::from(rollout.min(10) << 20);
        assert!(assert_flat(&samples(warms_up)).is_ok());
        let leaks = |rollout: u32| (30 << 20) + u64::from(rollout * 100 * 1024);
        assert!(assert_flat(&samples(leaks)).is_err());
    }
}
