//! `cargo xtask fuzz`: feeds what is read from elsewhere with what nobody thought of.
//!
//! What a run finds worth keeping goes into `fuzz/corpus`, which the unit tests of the engine read
//! every time. A crash stays in `fuzz/artifacts`; it belongs into the corpus once it is mended.

use std::{fs, path::Path};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    process::{self, command, root},
    say, setup,
};

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";
const TOOLCHAIN: &str = "nightly";

/// Longer inputs find little more, and the corpus has to be small.
const LONGEST_INPUT: u32 = 4096;

/// An input that takes longer is a finding too.
const LONGEST_SECONDS: u32 = 20;

#[derive(Args)]
pub(crate) struct Options {
    /// Only this one; by default all, one after the other
    target: Option<Target>,
    /// How long each one runs
    #[arg(long, default_value_t = 10)]
    minutes: u32,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Target {
    /// Limits as people write them
    Limits,
    /// What `docker compose config` prints
    ComposeModel,
    /// Compose files to be edited
    ComposeEdit,
    /// Journals on disk
    Journal,
    /// What sidecars print
    Sidecar,
    /// What Traefik's API answers, its configuration and its labels
    Traefik,
}

pub(crate) fn fuzz(options: &Options) -> Result<()> {
    setup::ensure_cargo_tool("cargo-fuzz", CARGO_FUZZ)?;
    let mut toolchain = command("rustup");
    if !process::succeeds(toolchain.args(["run", TOOLCHAIN, "rustc", "--version"])) {
        bail!("fuzzing needs unstable options of rustc: `rustup toolchain install {TOOLCHAIN}`");
    }
    let targets = match options.target {
        Some(target) => vec![target],
        None => Target::value_variants().to_vec(),
    };
    for target in targets {
        run(target, options.minutes)?;
    }
    Ok(())
}

fn run(target: Target, minutes: u32) -> Result<()> {
    let name = target.to_possible_value();
    let name = name.as_ref().map_or("", |value| value.get_name());
    say(&format!("fuzzing {name} for {minutes} minutes"));
    // New inputs go into the first folder; the corpus gets those that reach something new.
    let corpus = format!("fuzz/corpus/{name}");
    let found = format!("fuzz/target/corpus/{name}");
    fs::create_dir_all(root().join(&found))?;
    let bounds = [
        format!("-max_total_time={}", minutes * 60),
        format!("-max_len={LONGEST_INPUT}"),
        format!("-timeout={LONGEST_SECONDS}"),
        "-print_final_stats=1".to_owned(),
    ];
    let mut fuzz = cargo_fuzz("run", name);
    fuzz.args([&found, &corpus]).arg("--").args(&bounds);
    process::run(&mut fuzz)?;
    let mut merge = cargo_fuzz("run", name);
    merge.args([&corpus, &found, "--", "-merge=1", &bounds[1]]);
    process::run_quietly(&mut merge)?;
    say(&format!(
        "{name}: nothing found; the corpus is {} KiB",
        size(&root().join(corpus))? / 1024
    ));
    Ok(())
}

fn cargo_fuzz(verb: &str, target: &str) -> std::process::Command {
    let mut fuzz = command("rustup");
    fuzz.args(["run", TOOLCHAIN, "cargo", "fuzz", verb, target]);
    fuzz
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
