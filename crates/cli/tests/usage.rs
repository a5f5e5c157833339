//! The program itself where no rollout begins: usage, output, and everything that is refused.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// `teal` in a directory of its own, with all of its files there, and no engine.
fn teal(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teal"));
    command
        .current_dir(directory)
        .env("DOCKER_HOST", dead_host(directory))
        .env("XDG_DATA_HOME", directory.join("data"))
        .env("XDG_STATE_HOME", directory.join("state"))
        .env_remove("DOCKER_CONTEXT")
        .env_remove("NO_COLOR");
    command
}

fn dead_host(directory: &Path) -> String {
    format!("unix://{}", directory.join("no-engine.sock").display())
}

fn run(words: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    run_in(&directory, words)
}

fn run_in(directory: &TempDir, words: &str) -> Output {
    teal(directory.path())
        .args(words.split_whitespace())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn wrong_usage_ends_with_64() {
    for words in [
        "",
        "bogus",
        "deploy",
        "deploy web --health-timeout 5",
        "deploy web --poll-interval 0s",
        "deploy web --steps ten",
        "deploy web --steps 50,300",
        "deploy web --probe-rate 5 --no-probe",
        "deploy web --expect-status ok",
        "rollback web --to first",
        "sample",
        "completions tcl",
    ] {
        let output = run(words);
        assert_eq!(code(&output), 64, "{words}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{words}");
        assert!(!output.stderr.is_empty(), "{words}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let output = run("--version");
    assert_eq!(code(&output), 0);
    assert_eq!(
        stdout(&output),
        format!(
            "teal {}\nsidecars: {}\n",
            env!("CARGO_PKG_VERSION"),
            teal_engine::sidecar_architectures().join(", ")
        )
    );
    assert!(stdout(&output).contains("amd64") || !cfg!(target_arch = "x86_64"));
    let output = run("--help");
    assert_eq!(code(&output), 0);
    for line in [
        "4   Green did not become healthy in time",
        "64  wrong usage",
    ] {
        assert!(stdout(&output).contains(line), "{line}");
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&format!("completions {shell}"));
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("rollback"), "{shell}");
    }
    assert!(stdout(&run("man")).contains(".TH teal 1"));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(code(&run_in(&directory, "man pages")), 0);
    let page = fs::read_to_string(directory.path().join("pages/teal-deploy.1")).unwrap();
    assert!(page.contains("health\\-timeout"), "{page}");
}

#[test]
fn a_bad_limit_is_refused_before_anything_is_asked() {
    for (words, reason) in [
        ("--cpus many", "`many` is not a number of CPUs"),
        ("--cpus 0", "CPUs"),
        ("--cpus -1", "`-1`"),
        ("--memory 12X", "`12X` is not an amount of memory"),
        ("--memory 1M", "below Docker's minimum"),
    ] {
        let output = run(&format!("deploy web {words}"));
        assert_eq!(code(&output), 1, "{words}");
        assert!(output.stdout.is_empty(), "{words}");
        let text = stderr(&output);
        assert!(
            text.contains(reason) && text.contains("\nhint: "),
            "{words}: {text}"
        );
    }
}

#[test]
fn without_an_engine_everything_that_needs_one_ends_with_7() {
    for words in [
        "projects",
        "services",
        "deploy web --cpus 1",
        "deploy web --dry-run",
        "rollback web",
        "history",
        "sample up",
        "sample down",
    ] {
        let output = run(words);
        assert_eq!(code(&output), 7, "{words}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(
            text.starts_with("error: no Docker engine answers at `unix:"),
            "{text}"
        );
        assert!(text.contains("\nhint: start Docker"), "{text}");
        assert!(output.stdout.is_empty(), "{words}");
    }
}

#[test]
fn with_json_an_error_is_one_object_on_standard_output() {
    let output = run("--json projects");
    assert_eq!(code(&output), 7);
    assert_eq!(stderr(&output), "");
    let error: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(error["type"], "error");
    assert_eq!(error["code"], "noEngine");
    assert_eq!(error["exitCode"], 7);
    assert!(error["hint"].is_string() && error["causes"].is_array());
}

#[test]
fn a_pipe_has_no_colour_and_a_wish_for_it_is_honoured() {
    assert!(!stderr(&run("projects")).contains('\u{1b}'));
    let directory = tempfile::tempdir().unwrap();
    let output = teal(directory.path())
        .arg("projects")
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(stderr(&output).contains("\u{1b}["));
    let output = teal(directory.path())
        .arg("projects")
        .envs([("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")])
        .output()
        .unwrap();
    assert!(!stderr(&output).contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = teal(directory.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed after a line, and before all of it fits into the pipe.
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    assert_eq!(code(&output), 0);
}

#[cfg(unix)]
mod open {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A stand-in for the window that says how it was started and ends.
    fn install_window(directory: &Path, script: &str) {
        let program = directory.join("bin/teal-desktop");
        fs::create_dir(directory.join("bin")).unwrap();
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Alone in its folder: the one that Cargo built has the real window beside it.
    fn teal_alone(directory: &Path) -> Command {
        let program = directory.join("teal");
        fs::copy(env!("CARGO_BIN_EXE_teal"), &program).unwrap();
        let mut command = Command::new(program);
        command.current_dir(directory).env(
            "PATH",
            format!("{}:/usr/bin:/bin", directory.join("bin").display()),
        );
        command
    }

    #[test]
    fn the_window_gets_the_file() {
        let directory = tempfile::tempdir().unwrap();
        install_window(directory.path(), "#!/bin/sh\necho \"$# $1\" > started\n");
        let output = teal_alone(directory.path())
            .args(["open", "my file.yml"])
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let started = fs::read_to_string(directory.path().join("started")).unwrap();
        assert_eq!(started, "1 my file.yml\n");
    }

    #[test]
    fn a_window_that_can_not_open_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        install_window(
            directory.path(),
            "#!/bin/sh\necho 'error: no display' >&2\nexit 1\n",
        );
        let output = teal_alone(directory.path()).arg("open").output().unwrap();
        assert_eq!(code(&output), 1);
        assert_eq!(stderr(&output), "error: no display\n");
    }

    #[test]
    fn without_the_window_the_error_says_what_to_install() {
        let directory = tempfile::tempdir().unwrap();
        let output = teal_alone(directory.path())
            .arg("open")
            .env("PATH", "/nonexistent")
            .output()
            .unwrap();
        assert_eq!(code(&output), 1);
        let text = stderr(&output);
        assert!(text.contains("`teal-desktop` was found neither"), "{text}");
        assert!(text.contains("\nhint: install"), "{text}");
    }
}
