//! `cargo xtask bench`: figures of this machine, as Markdown. They are measured and told, never
//! asserted: how quick it is says something of the machine too. Only that Teal loses no request is
//! asserted, by `cargo xtask bench traffic`.

mod child;
mod display;
mod floor;
mod interaction;
mod listing;
pub(crate) mod machine;
mod memory;
mod plain;
mod requests;
mod rollout;
mod size;
pub(crate) mod soak;
mod spread;
mod stage;
mod traffic;
mod window;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    process::{self, cargo, command, root},
    say,
    setup::{self, Needs},
};

const DOCUMENT: &str = "docs/bench.md";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// Measure this alone
    #[arg(long, value_name = "NAME")]
    only: Option<Figure>,
    /// Write docs/bench.md too
    #[arg(long, conflicts_with = "only")]
    write: bool,
}

#[derive(Subcommand)]
enum What {
    /// Puts a mixed load on a service and changes it, with Teal and without; fails if Teal loses a
    /// request
    Traffic(traffic::Options),
    /// Opens Teal's window and a bare one by turns: first paint, memory, idleness
    Window(floor::Options),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// From the start of the window's program to its first paint
    StartUp,
    /// What the window and its web view take once they have settled
    Memory,
    /// The programs' files
    Size,
    /// `teal services` on a project of 200
    Listing,
    /// A rollout phase by phase, how soon health is seen, and what becomes of requests with Teal
    /// and without
    Rollout,
}

pub(crate) fn bench(options: &Options) -> Result<()> {
    match &options.what {
        Some(What::Traffic(options)) => return traffic::traffic(options),
        Some(What::Window(options)) => return floor::floor(options),
        None => {}
    }
    if !cfg!(target_os = "linux") {
        bail!("run it on Linux: it opens the window on a display of its own, and reads /proc");
    }
    setup::setup(Needs::ALL)?;
    let mut figures = Figure::value_variants().to_vec();
    figures.retain(|figure| options.only.is_none_or(|only| only == *figure));
    build(&figures)?;
    let scratch = Scratch::new()?;
    let mut document = machine::describe("How quick and how small Teal is", "cargo xtask bench")?;
    for figure in figures {
        document.push('\n');
        document.push_str(&measure(figure, scratch.path())?);
    }
    print(&document);
    if options.write {
        let file = root().join(DOCUMENT);
        fs::create_dir_all(file.parent().unwrap_or(root()))?;
        fs::write(&file, &document).with_context(|| format!("can't write {DOCUMENT}"))?;
        say(&format!("written to {DOCUMENT}"));
    }
    Ok(())
}

/// The programs that the figures are about, and what the engine's part in them needs.
fn build(figures: &[Figure]) -> Result<()> {
    let packages: BTreeSet<_> = figures
        .iter()
        .flat_map(|figure| figure.programs())
        .collect();
    say("building for release");
    if packages.contains(&"teal-desktop") {
        setup::build_front_end()?;
    }
    // One by one: together, each would be built with what only the other needs of a library.
    for package in packages {
        let mut program = cargo();
        program.args(["build", "--quiet", "--release", "--locked", "--package"]);
        process::run(program.arg(package))?;
    }
    build_helpers(&["--example", "stage", "--example", "traffic"])
}

/// Examples of the testkit, as Cargo is asked for them.
fn build_helpers(examples: &[&str]) -> Result<()> {
    let mut helpers = cargo();
    helpers.args(["build", "--quiet", "--locked", "--package", "teal-testkit"]);
    process::run(helpers.args(examples))
}

impl Figure {
    /// What must be built for it.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::StartUp | Self::Memory => &["teal-desktop"],
            Self::Size => &["teal", "teal-desktop"],
            Self::Listing | Self::Rollout => &["teal"],
        }
    }
}

fn measure(figure: Figure, scratch: &Path) -> Result<String> {
    match figure {
        Figure::StartUp => window::start_up(scratch),
        Figure::Memory => window::memory(scratch),
        Figure::Size => size::size(),
        Figure::Listing => listing::listing(scratch),
        Figure::Rollout => rollout::rollout(scratch),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn print(document: &str) {
    println!("\n{document}");
}

/// A directory for what the programs keep, instead of the user's own. Gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let scratch = Self(root().join("target/bench"));
        // What a run that was killed has left.
        scratch.remove()?;
        fs::create_dir_all(scratch.path())?;
        Ok(scratch)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) -> Result<()> {
        if self.0.exists() {
            fs::remove_dir_all(&self.0)
                .with_context(|| format!("can't remove {}", self.0.display()))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            say(&format!("{error:#}"));
        }
    }
}

/// The release build of `program`.
fn built(program: &str) -> PathBuf {
    root().join("target/release").join(program)
}

/// The release build of `program`, which keeps its files in `scratch`.
fn program(program: &str, scratch: &Path) -> Command {
    program_at(&built(program), scratch)
}

/// The program in this file, which keeps its own files in `scratch`.
fn program_at(file: &Path, scratch: &Path) -> Command {
    let mut command = command(&file.to_string_lossy());
    for kind in ["CACHE", "CONFIG", "DATA", "STATE"] {
        command.env(format!("XDG_{kind}_HOME"), scratch.join(kind));
    }
    command
}
