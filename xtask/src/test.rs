//! `cargo xtask test`: every check, told at the end in one list.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    audit,
    process::{self, cargo, command, root},
    say,
    setup::{self, Needs},
};

const CARGO_NEXTEST: &str = "cargo-nextest@0.9.143";

/// The profile, from `.config/nextest.toml`, follows.
const NEXTEST: [&str; 5] = ["nextest", "run", "--workspace", "--locked", "--profile"];

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
    for (what, script) in [("types", "check"), ("lint", "lint"), ("tests", "test")] {
        checks.run(&format!("front end: {what}"), || npm(script));
    }
    checks.run("format", || {
        process::run(cargo().args(["fmt", "--all", "--check"]))
    });
    checks.run("clippy", clippy);
    if !quick {
        checks.run("licences and sources", deny);
        checks.run("known weaknesses", || {
            audit::audit(&audit::Options::default())
        });
    }
    let before = bindings()?;
    checks.run("tests", || if quick { unit_tests() } else { all_tests() });
    checks.run("examples in docs", || {
        process::run(cargo().args(["test", "--quiet", "--locked", "--workspace", "--doc"]))
    });
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

    fn conclude(self, took: Duration) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed after {took:.0?}: {}", self.failed.join(", "));
        }
        say(&format!("all checks are good, {took:.0?}"));
        Ok(())
    }
}

fn npm(script: &str) -> Result<()> {
    process::run(command("npm").args(["--prefix", "ui", "run", "--silent", script]))
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
    process::run(clippy.args(["--", "--deny", "warnings"]))
}

fn deny() -> Result<()> {
    setup::ensure_cargo_tool("cargo-deny", setup::CARGO_DENY)?;
    // Advisories are another step: they are fetched from outside of the registry.
    process::run(cargo().args([
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))
}

fn unit_tests() -> Result<()> {
    setup::ensure_cargo_tool("cargo-nextest", CARGO_NEXTEST)?;
    process::run(cargo().args(NEXTEST).arg("quick"))
}

fn all_tests() -> Result<()> {
    setup::ensure_cargo_tool("cargo-nextest", CARGO_NEXTEST)?;
    let words: Vec<&str> = ["cargo"].into_iter().chain(NEXTEST).chain(["ci"]).collect();
    process::run(&mut on_a_display(&words))
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

/// The front end's types, which the tests of the engine write anew.
fn bindings() -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root().join("ui/src/bindings")).context("no ui/src/bindings")? {
        let path = entry?.path();
        let content = fs::read(&path)?;
        files.insert(path, content);
    }
    Ok(files)
}
