//! `cargo xtask bench window`: Teal's window beside a bare one of the same run, which is the least
//! that any Tauri program takes on this machine. The two take turns, so that both meet the same load.
//! And how soon Teal's answers what a person does.

use std::{fmt::Write, fs, path::Path, process::Command, thread, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{
    Scratch, build_helpers,
    child::{Ends, Running},
    display::Display,
    interaction, machine,
    memory::{Tree, mebibytes},
    print, program,
    spread::{Spread, head},
    window,
};
use crate::{
    process::{self, cargo, root},
    say,
    setup::{self, Needs},
};

const DOCUMENT: &str = "docs/bench-window.md";
const PAINTS_WITHIN: Duration = Duration::from_secs(60);
/// How long an idle window is watched.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(super) struct Options {
    /// Starts of each of the two windows
    #[arg(long, default_value_t = 9)]
    starts: usize,
    /// Measure this alone
    #[arg(long, value_name = "PART", conflicts_with = "write")]
    only: Option<Part>,
    /// Measure the programs that are built already
    #[arg(long)]
    no_build: bool,
    /// Write docs/bench-window.md too
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// First paint, memory and idleness, beside a bare window
    Floor,
    /// How soon the window answers
    Interaction,
}

/// What one window took, start by start.
#[derive(Default)]
struct Taken {
    paints: Spread,
    /// Bytes of the whole tree, start by start.
    memory: Vec<u64>,
    /// CPU time of the whole tree while it was idle, start by start.
    idle: Vec<Duration>,
}

#[derive(Clone, Copy)]
enum Window {
    Bare,
    Teal,
}

pub(super) fn floor(options: &Options) -> Result<()> {
    if !options.no_build {
        build()?;
    }
    let measures = |part| options.only.is_none_or(|only| only == part);
    let scratch = Scratch::new()?;
    let display = Display::start()?;
    let mut document = machine::describe(
        "Teal's window beside a bare one",
        "cargo xtask bench window",
    )?;
    if measures(Part::Floor) {
        document.push_str(&beside(options.starts, &display, scratch.path())?);
    }
    if measures(Part::Interaction) {
        let home = scratch.path().join("interaction");
        document.push_str(&interaction::interaction(&display, &home)?);
    }
    print(&document);
    if options.write {
        fs::write(root().join(DOCUMENT), &document)
            .with_context(|| format!("can't write {DOCUMENT}"))?;
        say(&format!("written to {DOCUMENT}"));
    }
    Ok(())
}

fn build() -> Result<()> {
    setup::setup(Needs::ALL)?;
    setup::build_front_end()?;
    for package in ["bare-window", "teal-desktop"] {
        say(&format!("building {package} for release"));
        let mut build = cargo();
        build.args(["build", "--quiet", "--release", "--locked", "--package"]);
        process::run(build.arg(package))?;
    }
    build_helpers(&[
        "--features",
        "window",
        "--example",
        "stage",
        "--example",
        "interaction",
    ])
}

/// Opens the two windows by turns.
fn beside(starts: usize, display: &Display, scratch: &Path) -> Result<String> {
    let (mut bare, mut teal) = (Taken::default(), Taken::default());
    for number in 1..=starts {
        say(&format!("start {number} of {starts}"));
        // In turns also as to which comes first.
        let first_is_bare = number % 2 == 1;
        for is_bare in [first_is_bare, !first_is_bare] {
            let home = scratch.join(format!("{number}-{is_bare}"));
            let (window, taken) = match is_bare {
                true => (Window::Bare, &mut bare),
                false => (Window::Teal, &mut teal),
            };
            // Memory and idleness take their time and vary little.
            taken.add(window, display, &home, number <= 3)?;
        }
    }
    table(&bare, &teal)
}

impl Taken {
    fn add(&mut self, which: Window, display: &Display, home: &Path, settles: bool) -> Result<()> {
        let (mut window, took) = match which {
            Window::Bare => open_bare(display, home)?,
            Window::Teal => window::open(display, home)?,
        };
        self.paints.add(took);
        if settles {
            self.memory.push(window::settled(&window)?.total());
            let before = Tree::processor_time(window.id())?;
            thread::sleep(IDLE);
            let after = Tree::processor_time(window.id())?;
            self.idle.push(after.saturating_sub(before));
        }
        window.end()
    }
}

/// Opens the bare window; the milliseconds until it has painted, as `window::open` counts them.
fn open_bare(display: &Display, home: &Path) -> Result<(Running, i64)> {
    let mut command = program("bare-window", home);
    display.show(&mut command);
    let begin = Timestamp::now();
    let window = Running::start(&mut command, Ends::BySignal)?;
    let painted: i64 = window.line(PAINTS_WITHIN)?.trim().parse()?;
    Ok((window, painted - begin.as_millisecond()))
}

fn table(bare: &Taken, teal: &Taken) -> Result<String> {
    let mut text = format!(
        "\n## First paint\n\nFrom the start of the process until the page's second frame, without a project, on a \
         display without a screen (Xvfb), which draws without a graphics card. The two windows take turns. Teal's page is \
         drawn when it is built, its scripts come after this paint; and without a card it has none emulated.\n\n{}",
        head("")
    );
    writeln!(text, "| a bare Tauri window | {} |", bare.paints)?;
    writeln!(text, "| Teal | {} |", teal.paints)?;
    let paints = ratio(teal.paints.median(), bare.paints.median());
    writeln!(text, "\nTeal takes {paints} × the floor; wanted are 1.3 ×.")?;
    let (floor, ours) = (middle(&bare.memory)?, middle(&teal.memory)?);
    let memory = ratio(i64::try_from(ours)?, i64::try_from(floor)?);
    writeln!(
        text,
        "\n## Memory and idleness\n\nProportional set size of all processes of the window once it has settled, and \
         the CPU time that they take in the {} s after that. Medians of {}.\n\n| | memory | CPU time |\n\
         | --- | ---: | ---: |\n| a bare Tauri window | {} | {} ms |\n| Teal | {} | {} ms |\n\nTeal takes {memory} × \
         the memory of the floor; wanted are 1.2 ×.",
        IDLE.as_secs(),
        bare.memory.len(),
        mebibytes(floor),
        middle(&bare.idle)?.as_millis(),
        mebibytes(ours),
        middle(&teal.idle)?.as_millis(),
    )?;
    writeln!(
        text,
        "\n## Scripts\n\n{:.1} kB after gzip; a build with more than 150 kB fails. A hidden window follows no \
         container and asks the engine nothing: `a hidden window asks for nothing` in `ui/src/app/states.test.ts`.",
        kilobytes(scripts()?)
    )?;
    Ok(text)
}

/// Bytes of the window's scripts after gzip.
fn scripts() -> Result<u32> {
    let mut size = 0;
    for entry in
        fs::read_dir(root().join("ui/dist/assets")).context("the front end is not built")?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let packed = Command::new("gzip").arg("-c").arg(&path).output()?;
            size += u32::try_from(packed.stdout.len())?;
        }
    }
    Ok(size)
}

fn kilobytes(bytes: u32) -> f64 {
    f64::from(bytes) / 1000.0
}

/// With two digits, as `1.23`.
fn ratio(of: i64, to: i64) -> String {
    let hundredths = of * 100 / to.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn middle<T: Copy + Ord>(values: &[T]) -> Result<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len() / 2);
    middle.copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_ratio_and_the_middle() {
        assert_eq!(ratio(729, 485), "1.50");
        assert_eq!(ratio(5, 100), "0.05");
        assert_eq!(middle(&[9, 1, 4]).unwrap(), 4);
        assert!(middle::<u64>(&[]).is_err());
    }
}
