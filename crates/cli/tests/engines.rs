//! Which engine is meant, as Docker's own variables and contexts say it, and that nothing is done on
//! any other.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::Value;
use teal_testkit::{Line, Project, Template, TlsLine};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

const DEPLOY: &str = "deploy hello --memory 256M --poll-interval 1s --drain-timeout 5s --answers 3";

/// A configuration of Docker's of a test's own, with the plugins of the real one.
struct Config(TempDir);

impl Config {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = std::env::var_os("HOME").unwrap();
        let plugins = Path::new(&home).join(".docker/cli-plugins");
        if plugins.exists() {
            symlink(plugins, directory.path().join("cli-plugins")).unwrap();
        }
        Self(directory)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("config.json")
    }

    async fn docker(&self, words: &[&str]) {
        let mut command = Command::new("docker");
        self.without_variables(&mut command);
        let output = command.args(words).output().await.unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    async fn create(&self, name: &str, endpoint: &str) {
        let words = ["context", "create", name, "--docker", endpoint];
        self.docker(&words).await;
    }

    fn without_variables(&self, command: &mut Command) {
        for name in [
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "DOCKER_TLS_VERIFY",
            "DOCKER_CERT_PATH",
        ] {
            command.env_remove(name);
        }
        command.env("DOCKER_CONFIG", self.0.path());
    }

    fn teal(&self, project: &Project, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_teal"));
        self.without_variables(&mut command);
        command
            .args(words.split_whitespace())
            .arg("--file")
            .arg(project.compose_file())
            .env("XDG_DATA_HOME", project.data_directory())
            .env("XDG_STATE_HOME", project.data_directory())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
}

#[tokio::test]
async fn a_context_that_is_not_there_is_refused_and_no_other_engine_is_taken() {
    let project = Project::up(Template::named("cli-context").no_router()).await;
    let before = project.snapshot().await;
    let config = Config::new();
    for words in ["services", DEPLOY, "update hello --memory 640M", "projects"] {
        let mut teal = config.teal(&project, words);
        let output = teal
            .env("DOCKER_CONTEXT", "nonesuch")
            .output()
            .await
            .unwrap();
        assert_code(&output, 7);
        let text = said(&output);
        assert!(
            text.contains("the Docker context `nonesuch` of `DOCKER_CONTEXT`"),
            "{text}"
        );
        assert!(text.contains("context not found"), "{text}");
    }
    let mut teal = config.teal(&project, "services --json");
    let output = teal
        .env("DOCKER_CONTEXT", "nonesuch")
        .output()
        .await
        .unwrap();
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["code"], "dockerContext");

    // `DOCKER_HOST` wins, as it does for `docker`.
    let mut teal = config.teal(&project, "services");
    teal.env("DOCKER_CONTEXT", "nonesuch");
    teal.env("DOCKER_HOST", "unix:///var/run/docker.sock");
    assert_code(&teal.output().await.unwrap(), 0);

    fs::write(config.file(), r#"{"currentContext":"gone"}"#).unwrap();
    let output = config.teal(&project, "services").output().await.unwrap();
    assert_code(&output, 7);
    let place = format!("`gone` of `currentContext in {}`", config.file().display());
    assert!(said(&output).contains(&place), "{}", said(&output));

    fs::write(config.file(), "{broken").unwrap();
    let output = config.teal(&project, "services").output().await.unwrap();
    assert_code(&output, 7);
    assert!(said(&output).contains("config.json"), "{}", said(&output));
    fs::remove_file(config.file()).unwrap();

    config
        .create("broken", "host=unix:///var/run/docker.sock")
        .await;
    let metas = fs::read_dir(config.0.path().join("contexts/meta")).unwrap();
    for meta in metas {
        fs::write(meta.unwrap().path().join("meta.json"), "{broken").unwrap();
    }
    let mut teal = config.teal(&project, "services");
    let output = teal.env("DOCKER_CONTEXT", "broken").output().await.unwrap();
    assert_code(&output, 7);
    assert!(said(&output).contains("`broken`"), "{}", said(&output));
    before.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn another_context_that_is_chosen_meanwhile_changes_nothing() {
    let project = Project::up(Template::named("cli-use")).await;
    let traffic = project.traffic().start();
    let config = Config::new();
    let (here, other) = (Line::new(), Line::to_another_engine().await);
    config
        .create("here", &format!("host={}", here.host()))
        .await;
    config
        .create("other", &format!("host={}", other.host()))
        .await;
    config.docker(&["context", "use", "here"]).await;

    let mut teal = config.teal(&project, &format!("{DEPLOY} --json"));
    let mut teal = teal.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(teal.stdout.take().unwrap()).lines();
    let mut last = Value::Null;
    while let Some(line) = lines.next_line().await.unwrap() {
        last = serde_json::from_str(&line).unwrap();
        if last["type"] == "planned" {
            config.docker(&["context", "use", "other"]).await;
        }
    }
    assert_eq!(teal.wait().await.unwrap().code(), Some(0), "{last}");
    assert!(here.connections() > 0);
    assert_eq!(other.connections(), 0);
    traffic.stop().await.assert_none_failed();
}

#[tokio::test]
async fn an_engine_behind_tls_rolls_out() {
    let project = Project::up(Template::named("cli-tls")).await;
    let traffic = project.traffic().start();
    let config = Config::new();
    let line = TlsLine::new().await;
    let at = |name: &str| line.certificates().join(name).display().to_string();
    let (ca, cert, key) = (at("ca.pem"), at("cert.pem"), at("key.pem"));
    let endpoint = format!("host={},ca={ca},cert={cert},key={key}", line.host());
    config.create("far", &endpoint).await;

    let mut teal = config.teal(&project, DEPLOY);
    let output = teal.env("DOCKER_CONTEXT", "far").output().await.unwrap();
    assert_code(&output, 0);
    assert!(said(&output).contains("SUCCESS"), "{}", said(&output));
    assert!(line.connections() > 0);
    traffic.stop().await.assert_none_failed();

    let mut teal = config.teal(&project, "services");
    teal.env("DOCKER_HOST", line.host())
        .env("DOCKER_TLS_VERIFY", "1");
    teal.env("DOCKER_CERT_PATH", line.certificates());
    let output = teal.output().await.unwrap();
    assert_code(&output, 0);

    let strangers = TlsLine::new().await;
    let output = teal.env("DOCKER_CERT_PATH", strangers.certificates());
    let output = output.output().await.unwrap();
    assert_code(&output, 7);
    assert!(said(&output).contains("certificate"), "{}", said(&output));
}

#[tokio::test]
async fn an_engine_behind_ssh_rolls_out() {
    let project = Project::up(Template::named("cli-ssh")).await;
    let traffic = project.traffic().start();
    let config = Config::new();
    // What ssh would run there, run here.
    let programs = tempfile::tempdir().unwrap();
    let (ssh, called) = (programs.path().join("ssh"), programs.path().join("called"));
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\nunset DOCKER_HOST DOCKER_CONTEXT\nexec docker system dial-stdio\n",
        called.display()
    );
    fs::write(&ssh, script).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();

    let mut teal = config.teal(&project, DEPLOY);
    teal.env("DOCKER_HOST", "ssh://me@localhost");
    teal.env("PATH", format!("{}:{path}", programs.path().display()));
    let output = teal.output().await.unwrap();
    assert_code(&output, 0);
    assert!(said(&output).contains("SUCCESS"), "{}", said(&output));
    let calls = fs::read_to_string(called).unwrap();
    assert!(calls.contains("docker system dial-stdio"), "{calls}");
    traffic.stop().await.assert_none_failed();
}
