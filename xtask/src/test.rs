//! `cargo xtask test`: every check, told at the end in one list.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    audit,
    process::{self, cargo, command, root, run_quietly},
    say,
    setup::{self, Needs},
};

const CARGO_NEXTEST: &str = "cargo-nextest@0.9.143";

/// These make the web view's screenshots hang, or join windows that are tested side by side.
const NOT_FOR_WINDOWS: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "WAYLAND_DISPLAY",
    "WEBKIT_DISABLE_COMPOSITING_MODE",
    "WEBKIT_DISABLE_DMABUF_RENDERER",
];

/// With `quick`, only what needs neither a Docker engine nor a display.
pub(crate) fn test(quick: bool) -> Result<()> {
    let begin = Instant::now();
    setup::setup(if quick { Needs::BUILD } else { Needs::ALL })?;
    let mut checks = Checks::default();
    checks.run("front end: build", setup::build_front_end);
    // Node works on one processor, and cargo waits for it where it links.
    let front_end = thread::spawn(front_end);
    checks.run("format", || {
        process::run(cargo().args(["fmt", "--all", "--check"]))
    });
    let before = bindings()?;
    if quick {
        checks.run("clippy", clippy);
        checks.run("tests", unit_tests);
        checks.run("examples in docs", examples);
        checks.join(front_end);
    } else {
        checks.run("tests: build", build_tests);
        checks.join(front_end);
        // Nothing computes beside the tests, which have to be on time.
        checks.run("clippy", clippy);
        checks.run("examples in docs", examples);
        checks.run("licences and sources", deny);
        checks.run("known weaknesses", || {
            audit::audit(&audit::Options::default())
        });
        checks.run("tests", all_tests);
    }
    checks.run("front end's types are those of the engine", || {
        if bindings()? != before {
            bail!("the tests wrote other files to ui/src/bindings: commit them");
        }
        Ok(())
    });
    checks.conclude(begin.elapsed())
}

/// Every check runs, whatever became of those before.
#[derive(Default)]
struct Checks {
    failed: Vec<String>,
}

impl Checks {
    fn run(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        say(&format!("== {name}"));
        let begin = Instant::now();
        match check() {
            Ok(()) => say(&format!("   {name}: good, {:.1?}", begin.elapsed())),
            Err(error) => {
                say(&format!("   {name}: {error:#}"));
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Waits for others, which ran beside these.
    fn join(&mut self, others: JoinHandle<Self>) {
        match others.join() {
            Ok(others) => self.failed.extend(others.failed),
            Err(_) => self.failed.push("a thread of xtask".to_owned()),
        }
    }

    fn conclude(self, took: Duration) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed after {took:.0?}: {}", self.failed.join(", "));
        }
        say(&format!("all checks are good, {took:.0?}"));
        Ok(())
    }
}

fn front_end() -> Checks {
    let mut checks = Checks::default();
    for (what, script) in [("types", "check"), ("lint", "lint"), ("tests", "test")] {
        checks.run(&format!("front end: {what}"), || npm(script));
    }
    checks
}

fn npm(script: &str) -> Result<()> {
    run_quietly(command("npm").args(["--prefix", "ui", "run", "--silent", script])).map(drop)
}

fn clippy() -> Result<()> {
    let mut clippy = cargo();
    clippy.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--locked",
    ]);
    run_quietly(clippy.args(["--", "--deny", "warnings"])).map(drop)
}

fn examples() -> Result<()> {
    let mut examples = cargo();
    examples.args(["test", "--quiet", "--locked", "--workspace", "--doc"]);
    run_quietly(&mut examples).map(drop)
}

fn deny() -> Result<()> {
    setup::ensure_cargo_tool("cargo-deny", setup::CARGO_DENY)?;
    // Advisories are another step: they are fetched from outside of the registry.
    run_quietly(cargo().args([
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
    .map(drop)
}

fn unit_tests() -> Result<()> {
    setup::ensure_cargo_tool("cargo-nextest", CARGO_NEXTEST)?;
    let mut tests = cargo();
    tests.args(["nextest", "run", "--workspace", "--locked"]);
    process::run(tests.args(["--profile", "quick"]))
}

/// Where nextest finds what `build_tests` has built: with it a run asks cargo nothing, whose lock
/// on the target directory another cargo may hold.
fn built(what: &str) -> PathBuf {
    root().join("target").join(format!("tests-{what}.json"))
}

fn build_tests() -> Result<()> {
    setup::ensure_cargo_tool("cargo-nextest", CARGO_NEXTEST)?;
    let mut list = cargo();
    list.args(["nextest", "list", "--workspace", "--locked"])
        .args(["--list-type", "binaries-only", "--message-format", "json"]);
    write_output(&mut list, &built("binaries"))?;
    let mut metadata = cargo();
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    write_output(&mut metadata, &built("packages"))
}

/// Runs it and keeps what it prints; what it says besides is shown.
fn write_output(command: &mut Command, file: &Path) -> Result<()> {
    let text = File::create(file).with_context(|| format!("can't write {}", file.display()))?;
    process::run(command.stdout(text))
}

fn all_tests() -> Result<()> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut tests = on_a_display(&["cargo", "nextest", "run", "--profile", "ci"]);
    tests
        .arg("--binaries-metadata")
        .arg(built("binaries"))
        .arg("--cargo-metadata")
        .arg(built("packages"))
        .arg("--test-threads")
        // They wait for some of their time: for a health check, for Traefik, for a drain. With four on two
        // processors they are late.
        .arg((processors + processors / 2).to_string());
    process::run(&mut tests)
}

/// The command on a display without a screen, in the environment that tests of the window need.
pub(crate) fn on_a_display(words: &[&str]) -> Command {
    let mut on_display = command("xvfb-run");
    on_display
        .args(["--auto-servernum", "--server-args", "-screen 0 1440x900x24"])
        .args(words)
        // Without a session bus GTK has nobody to tell about accessibility, and would say so.
        .env("NO_AT_BRIDGE", "1");
    for name in NOT_FOR_WINDOWS {
        on_display.env_remove(name);
    }
    on_display
}

/// The front end's types, which the tests of the engine write again.
fn bindings() -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root().join("ui/src/bindings")).context("no ui/src/bindings")? {
        let path = entry?.path();
        let content = fs::read(&path)?;
        files.insert(path, content);
    }
    Ok(files)
}
