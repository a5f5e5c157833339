//! Running commands: their words, their lines, and that none of them outlives who started it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{compose, folder};
use teal_model::{Error, ProjectSource};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn compose_is_found_and_new_enough() {
    let compose = compose().await;
    assert!(compose.version().starts_with(|c: char| c.is_ascii_digit()));
    assert!(!super::super::is_old(compose.version()));
}

#[test]
fn versions_are_compared_as_numbers() {
    for old in [
        "2.3.0",
        "2.23.3",
        "2.24.3",
        "2.24.3-desktop.1",
        "1.29.2",
        "rubbish",
        "",
    ] {
        assert!(super::super::is_old(old), "{old}");
    }
    for new in [
        "2.24.4",
        "2.24.4-desktop.1",
        "2.25.0",
        "2.100.1",
        "5.6.1",
        "10.0.0",
    ] {
        assert!(!super::super::is_old(new), "{new}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_stands_back_for_requests() {
    // By the time the shell asks first, it may not have been told yet.
    let wait =
        "i=0; until [ \"$(nice)\" -ge 10 ]; do i=$((i + 1)); [ $i -lt 1000 ] || exit 1; done";
    let words = words(&["sh", "-c", wait]);
    let run = super::super::process::run(&words, Path::new("/"), &[], |_| ());
    assert!(run.await.unwrap().success);
}

#[tokio::test]
async fn a_command_names_every_option_of_its_source() {
    let source = ProjectSource {
        files: vec!["/p/a b.yaml".into(), "/p/c.yaml".into()],
        env_files: vec!["/p/x.env".into()],
        profiles: vec!["one".into(), "two".into()],
        project_name: Some("shop".into()),
        project_directory: Some("/p".into()),
    };
    let extra = PathBuf::from("/p/docker-compose.blue-green.yml");
    assert_eq!(
        compose()
            .await
            .command(&source, &[&extra], &["up", "-d", "web"]),
        [
            "docker",
            "compose",
            "-p",
            "shop",
            "--project-directory",
            "/p",
            "--env-file",
            "/p/x.env",
            "--profile",
            "one",
            "--profile",
            "two",
            "-f",
            "/p/a b.yaml",
            "-f",
            "/p/c.yaml",
            "-f",
            "/p/docker-compose.blue-green.yml",
            "up",
            "-d",
            "web",
        ]
    );
}

#[tokio::test]
async fn the_lines_of_both_outputs_come_one_by_one() {
    let folder = folder(&[]);
    let mut lines = Vec::new();
    let script = "echo one; echo two >&2; printf three; exit 3";
    let output = compose()
        .await
        .run(&words(&["sh", "-c", script]), folder.path(), |line| {
            lines.push(line.to_owned());
        })
        .await
        .unwrap();
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
    assert!(!output.success);
    assert_eq!(output.last_lines.len(), 3);
}

#[tokio::test]
async fn only_the_last_lines_are_kept() {
    let output = compose()
        .await
        .run(
            &words(&["sh", "-c", "seq 1000; exit 1"]),
            Path::new("/"),
            |_| {},
        )
        .await
        .unwrap();
    assert_eq!(output.last_lines.len(), 20);
    assert_eq!(output.last_lines.last().unwrap(), "1000");
    assert!(output.message().ends_with("999\n1000"));
}

#[tokio::test]
async fn what_is_no_text_does_not_end_the_lines() {
    let mut lines = Vec::new();
    compose()
        .await
        .run(
            &words(&["sh", "-c", r"printf 'a\377b\nlast\n'"]),
            Path::new("/"),
            |line| lines.push(line.to_owned()),
        )
        .await
        .unwrap();
    assert_eq!(lines, ["a\u{fffd}b", "last"]);
}

#[tokio::test]
async fn it_runs_in_its_directory() {
    let folder = folder(&[]);
    let path = folder.path().canonicalize().unwrap();
    let mut lines = Vec::new();
    compose()
        .await
        .run(
            &words(&["sh", "-c", "/bin/pwd; echo $PWD"]),
            &path,
            |line| {
                lines.push(line.to_owned());
            },
        )
        .await
        .unwrap();
    assert_eq!(lines, [path.to_str().unwrap(), path.to_str().unwrap()]);
}

#[tokio::test]
async fn a_command_that_is_not_there_is_an_error() {
    let error = compose()
        .await
        .run(
            &words(&["teal-no-such-program", "x"]),
            Path::new("/"),
            |_| {},
        )
        .await
        .unwrap_err();
    match error {
        Error::Command { command, .. } => assert_eq!(command, "teal-no-such-program x"),
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn the_engine_can_be_another() {
    let compose = compose().await.for_engine(vec![(
        "DOCKER_HOST".to_owned(),
        Some("tcp://127.0.0.1:1".to_owned()),
    )]);
    let mut lines = Vec::new();
    let output = compose
        .run(
            &words(&["docker", "compose", "ls"]),
            Path::new("/"),
            |line| {
                lines.push(line.to_owned());
            },
        )
        .await
        .unwrap();
    assert!(!output.success);
    assert!(
        lines.iter().any(|line| line.contains("127.0.0.1:1")),
        "{lines:?}"
    );
}

/// The command starts a child of its own, as `docker` starts Compose; both hold the pipe open.
#[cfg(unix)]
#[tokio::test]
async fn a_command_that_is_dropped_ends_with_its_children() {
    use tokio::io::AsyncReadExt;

    let folder = folder(&[]);
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let script = "exec 3> pipe; sleep 600 & echo started; wait";
    let (started, on_start) = tokio::sync::oneshot::channel();
    let mut started = Some(started);
    let compose = compose().await;
    let directory = folder.path().to_owned();
    let running = tokio::spawn(async move {
        let words = words(&["sh", "-c", script]);
        compose
            .run(&words, &directory, |_| {
                if let Some(started) = started.take() {
                    started.send(()).unwrap();
                }
            })
            .await
    });
    let mut reader = tokio::fs::File::open(&pipe).await.unwrap();
    on_start.await.unwrap();
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());

    // The pipe ends when the last process that holds it has ended.
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(30), reader.read_to_end(&mut rest));
    end.await.expect("a child lives on").unwrap();
}
