//! The window against the real engine: what a person does, and what they see.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod app;
mod close;
mod editor;
mod files;
mod logs;
mod recovery;
mod steps;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use teal_testkit::{HealthCheck, Project, Template};
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    process::Command,
    task::JoinHandle,
};

use app::{App, Start, Theme};

const OVERRIDE: &str = "docker-compose.blue-green.yml";
const MIB: i64 = 1024 * 1024;
const PHASES: [&str; 6] = [
    "preparation",
    "deployGreen",
    "healthCheck",
    "verifyTraffic",
    "removeBlue",
    "verification",
];

/// Starts the program on the project's file.
async fn open(project: &Project, theme: Theme) -> App {
    let home = project.data_directory();
    App::start(Start {
        home: &home,
        file: Some(&project.compose_file()),
        theme,
        docker_host: None,
    })
    .await
}

/// From the project's page to new limits on the service's.
async fn set_limits(app: &App, cpus: &str, memory: &str) {
    app.click("service-row-hello").await;
    app.write("cpu-field", cpus).await;
    app.write("memory-field", memory).await;
    app.until_text("plan-diff", &format!("memory: {memory}"))
        .await;
}

/// Waits for a service that takes its time to start.
fn patient() -> HealthCheck {
    HealthCheck {
        start_period: Duration::from_secs(10),
        ..HealthCheck::default()
    }
}

async fn assert_limits(project: &Project, cpus: f64, mebibytes: i64) {
    let containers = project.containers("hello").await;
    let found: Vec<_> = containers
        .iter()
        .map(|container| (container.state.as_str(), container.cpus, container.memory))
        .collect();
    assert_eq!(found, [("running", Some(cpus), Some(mebibytes * MIB))]);
}

#[tokio::test]
async fn a_service_is_rolled_out_and_back_without_a_failed_request() {
    // As slow to start as the sample, so that Green can be seen to start.
    let template = Template::named("window").environment("START_DELAY_MS", "3000");
    let project = Project::up(template.health_check(patient())).await;
    let before = project.snapshot().await;
    let traffic = project.traffic().start();
    let home = project.data_directory();
    let app = App::start(Start {
        home: &home,
        file: None,
        theme: Theme::Light,
        docker_host: None,
    })
    .await;

    app.find("try-sample").await;
    app.picture("start").await;
    app.click(&format!("open-project-{}", project.name())).await;
    app.find("service-row-hello").await;
    app.picture("project").await;
    set_limits(&app, "1.5", "768M").await;
    assert!(app.text("limits-blue").await.contains("512M"));
    app.picture("plan").await;

    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;
    app.until_text("limits-green", "768M").await;
    app.picture("rollout").await;
    for phase in PHASES {
        app.until_is(&format!("phase-{phase}"), "data-status", "done")
            .await;
    }
    app.until_is("state-chip", "data-state", "succeeded").await;
    app.picture("success").await;
    assert_limits(&project, 1.5, 768).await;

    app.click("rollback-button").await;
    app.click("proposal-confirm").await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    assert_limits(&project, 1.0, 512).await;
    app.click("dismiss").await;
    app.click("tab-history").await;
    app.find("history-row-3").await;
    app.picture("history").await;

    traffic.stop().await.assert_none_failed();
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE]);
    app.end().await;
}

#[tokio::test]
async fn one_click_aborts_a_rollout() {
    let mut project = Project::up(Template::named("window-abort")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let traffic = project.traffic().start();
    let app = open(&project, Theme::Dark).await;

    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;
    app.picture("rollout").await;
    app.click("rollback-button").await;
    app.until_is("state-chip", "data-state", "restored").await;

    traffic.stop().await.assert_none_failed();
    changed.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn a_failed_rollout_shows_its_cause() {
    let mut project = Project::up(Template::named("window-failure")).await;
    project.change(|template| {
        template
            .environment("CRASH_AFTER_MS", "500")
            .environment("CRASH_EXIT_CODE", "42")
            .environment("START_DELAY_MS", "600000")
    });
    let changed = project.snapshot().await;
    let app = open(&project, Theme::Light).await;

    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "failed")
        .await;
    app.until_is("state-chip", "data-state", "restored").await;
    let failure = app.text("failure").await;
    assert!(failure.contains("42"), "{failure}");
    assert!(failure.contains("hello: starting"), "{failure}");
    app.picture("failure").await;

    changed.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn ending_the_program_returns_to_blue_first() {
    let mut project = Project::up(Template::named("window-end")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let app = open(&project, Theme::Light).await;
    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;

    for id in app.processes().await {
        let killed = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
    }
    app.until_ended().await;
    changed.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn closing_during_a_rollout_asks_and_can_roll_back() {
    let mut project = Project::up(Template::named("window-close")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let app = open(&project, Theme::Light).await;
    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;

    app.press_close().await;
    app.find("close-dialog").await;
    app.picture("close").await;
    app.click("close-stay").await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.press_close().await;
    app.click_at_last("close-roll-back").await;
    app.until_ended().await;
    changed.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn a_rollout_goes_on_in_the_background() {
    let template = Template::named("window-back").environment("START_DELAY_MS", "3000");
    let project = Project::up(template.health_check(patient())).await;
    let before = project.snapshot().await;
    let app = open(&project, Theme::Light).await;
    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;

    app.press_close().await;
    app.click_at_last("close-background").await;
    app.until_ended().await;
    assert_limits(&project, 1.5, 768).await;
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE]);
}

#[tokio::test]
async fn closing_without_a_rollout_ends_the_program() {
    let project = Project::new(Template::named("window-idle")).await;
    let app = open(&project, Theme::Light).await;
    app.find("service-row-hello").await;
    app.press_close().await;
    app.until_ended().await;
}

#[tokio::test]
async fn the_window_finds_the_engine_again_by_itself() {
    let project = Project::up(Template::named("window-engine")).await;
    let home = project.data_directory();
    std::fs::create_dir_all(&home).unwrap();
    let socket = home.join("engine.sock");
    let app = App::start(Start {
        home: &home,
        file: None,
        theme: Theme::Dark,
        docker_host: Some(&format!("unix://{}", socket.display())),
    })
    .await;
    app.find("engine-gone").await;
    app.picture("no-engine").await;

    let gate = Gate::open(&socket);
    let entry = format!("open-project-{}", project.name());
    app.find(&entry).await;
    gate.close();
    app.find("engine-gone").await;
    let gate = Gate::open(&socket);
    app.click(&entry).await;
    app.find("service-row-hello").await;
    gate.close();
    app.end().await;
}

/// A socket in front of the engine's, so that a test can make the engine come and go.
struct Gate {
    relay: JoinHandle<()>,
    socket: PathBuf,
}

impl Gate {
    fn open(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let relay = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut engine = UnixStream::connect("/var/run/docker.sock").await?;
                    copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
        Self {
            relay,
            socket: socket.to_owned(),
        }
    }

    /// Cuts every connection too.
    fn close(self) {
        self.relay.abort();
        std::fs::remove_file(self.socket).unwrap();
    }
}
