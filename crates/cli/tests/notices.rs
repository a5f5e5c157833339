//! What Compose warns of is said by every command that reads the files: once, in Compose's words, on
//! standard error, where it is in nobody's way.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use teal_testkit::{Project, Template};

const NOTICE: &str =
    r#"warning: The "TEAL_TEST_UNSET" variable is not set. Defaulting to a blank string."#;

fn teal(words: &str, file: &Path, data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_teal"))
        .args(words.split_whitespace())
        .arg("--file")
        .arg(file)
        .env("XDG_DATA_HOME", data)
        .env("XDG_STATE_HOME", data)
        .env("NO_COLOR", "1")
        .env_remove("TEAL_TEST_UNSET")
        .output()
        .unwrap()
}

/// How it ended.
fn assert_told_once(words: &str, file: &Path, data: &Path) -> i32 {
    let Output {
        status,
        stdout,
        stderr,
    } = teal(words, file, data);
    let (stdout, stderr) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    let told = stderr.lines().filter(|line| *line == NOTICE).count();
    assert_eq!(told, 1, "teal {words}:\n{stdout}\n{stderr}");
    assert!(!stdout.contains(NOTICE), "teal {words}:\n{stdout}");
    status.code().unwrap()
}

#[test]
fn every_command_that_reads_the_files_says_what_compose_warns_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compose.yaml");
    let text = "services: {web: {image: 'example/web:1', labels: {a: '${TEAL_TEST_UNSET}'}}}\n";
    fs::write(&file, text).unwrap();
    let data = folder.path().join("data");
    for words in [
        "services",
        "services --json",
        "doctor",
        "doctor web",
        "doctor web --json",
        "deploy web --memory 64M --dry-run",
        // Refused: nothing of it runs.
        "deploy web --memory 64M",
        "deploy web --memory 64M --json",
        "ready web --beside --dry-run",
        "update web --memory 64M --dry-run",
    ] {
        assert_told_once(words, &file, &data);
    }
}

#[tokio::test]
async fn a_rollout_says_what_compose_warns_of() {
    let template =
        Template::named("notices").service_text("stop_signal: 'SIGTERM${TEAL_TEST_UNSET}'\n");
    let project = Project::up(template).await;
    let (file, data) = (project.compose_file(), project.data_directory());
    let quick = "deploy hello --poll-interval 1s --drain-timeout 5s --answers 3";
    for words in [
        format!("{quick} --memory 256M"),
        format!("{quick} --memory 192M --json"),
    ] {
        assert_eq!(assert_told_once(&words, &file, &data), 0, "teal {words}");
    }
}
