//! A proxy that nobody asks for anything while a rollout runs is not left with a name of Blue's alone.

use std::time::Duration;

use teal_engine::{
    Engine,
    event::{Event, EventKind, FailureCode, Outcome, Phase},
    model::{Origin, Recovery, RolloutOptions, RolloutRequest},
};
use teal_testkit::{Project, Template, eventually};
use tokio::process::Command;

use crate::stage::{self, Ended, SERVICE, Stage, change, engine, follow, quick};

/// A project behind nginx with a static upstream, that has answered once.
async fn up() -> (Project, Engine) {
    let project = Project::up(Template::fixture("name-caller")).await;
    let traffic = project.traffic();
    eventually("it answers", Duration::from_secs(30), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    let engine = engine(&project).await;
    (project, engine)
}

fn request(project: &Project, options: RolloutOptions) -> RolloutRequest {
    stage::request(project, change(None, Some("256M")), options)
}

#[tokio::test]
async fn a_proxy_that_nobody_asks_keeps_blue() {
    let (project, engine) = up().await;
    let before = project.snapshot().await;
    let mut options = quick();
    options.drain_timeout_ms = 3_000;
    let proxy = project.containers("proxy").await[0].name.clone();
    let rollout = engine.roll_out(request(&project, options)).await.unwrap();
    let mut looks = Vec::new();
    let ended = follow(&rollout, |event| {
        if matches!(&event.kind, EventKind::Callers { callers, .. } if !callers.is_empty()) {
            // Somebody looks into the proxy, which is no reload.
            let look = ["exec", &proxy, "nginx", "-t"];
            looks.push(Command::new("docker").args(look).spawn());
            let stay = ["exec", &proxy, "sh", "-c", "sleep 3"];
            looks.push(Command::new("docker").args(stay).spawn());
        }
    })
    .await;
    ended.assert_outcome(Outcome::RolledBack);
    assert!(!looks.is_empty(), "{}", ended.story());
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::StillCalled);
    assert!(
        failure.message.contains("it has had no requests"),
        "{}",
        failure.message
    );
    assert!(project.traffic().once().await.is_success());
    before.assert_unchanged(&project.snapshot().await);
}

/// A service that a proxy of another project shares a network with; that project has a service of the
/// same name. Of the networks that the proxy is in, the engine asks the first by name.
async fn beside_a_proxy_of_another_project(name: &str) -> (Project, Project) {
    let (other, _) = up().await;
    let stage = Project::up(Template::named(name)).await;
    let network = format!("{}_default", stage.name());
    let proxy = other.containers("proxy").await[0].name.clone();
    let connect = ["network", "connect", &network, &proxy];
    let connected = Command::new("docker").args(connect).status().await;
    assert!(connected.unwrap().success());
    (stage, other)
}

/// The same, rolled out.
async fn rolled_out(stage: &Project) -> Ended {
    let mut options = quick();
    options.drain_timeout_ms = 3_000;
    let engine = engine(stage).await;
    let rollout = engine.roll_out(request(stage, options)).await.unwrap();
    follow(&rollout, |_| ()).await
}

#[tokio::test]
async fn a_proxy_that_asks_a_service_of_its_own_project_keeps_no_blue_of_the_same_name() {
    let (stage, other) = beside_a_proxy_of_another_project("z-after").await;
    let ended = rolled_out(&stage).await;
    ended.assert_outcome(Outcome::Success);
    assert!(other.traffic().once().await.is_success());
}

#[tokio::test]
async fn a_proxy_of_another_project_that_finds_blue_keeps_it() {
    let (stage, other) = beside_a_proxy_of_another_project("a-before").await;
    let ended = rolled_out(&stage).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::StillCalled);
    assert!(
        failure.message.contains(other.name()),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_proxy_that_nobody_asks_lets_blue_go_once_it_is_reloaded() {
    let (project, engine) = up().await;
    let mut options = quick();
    options.drain_timeout_ms = 60_000;
    let rollout = engine.roll_out(request(&project, options)).await.unwrap();
    let proxy = project.containers("proxy").await[0].name.clone();
    let reload = || {
        Command::new("docker")
            .args(["exec", &proxy, "nginx", "-s", "reload"])
            .spawn()
    };
    let mut reloads = Vec::new();
    let ended: Ended = follow(&rollout, |event| match &event.kind {
        EventKind::Callers { callers, .. } if !callers.is_empty() => reloads.push(reload()),
        // Its workers know both addresses, and one of them is nobody's now.
        EventKind::Warning { text } if text.contains("once more") => reloads.push(reload()),
        _ => {}
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(reloads.len(), 2, "{}", ended.story());
    for reload in reloads {
        assert!(reload.unwrap().wait().await.unwrap().success());
    }
    let traffic = project.traffic();
    eventually(
        "the new workers answer",
        Duration::from_secs(30),
        async || traffic.once().await.is_success().then_some(()),
    )
    .await;
}

#[tokio::test]
async fn a_proxy_that_nobody_asks_keeps_blue_from_a_recovery_too() {
    let (project, engine) = up().await;
    let before = project.snapshot().await;
    // One request, before the rollout begins.
    let traffic = project.traffic().every(Duration::from_secs(3600));
    let stage = Stage::with(project, traffic).await;
    let mut options = quick();
    options.drain_timeout_ms = 3_000;
    let request = request(&stage.project, options);
    let is_verified = |event: &Event| {
        matches!(
            event.kind,
            EventKind::PhaseStarted {
                phase: Phase::VerifyTraffic,
                ..
            }
        )
    };
    stage.kill_at(request, is_verified).await.unwrap();
    let way = Some(Recovery::Finish);
    let source = stage.project.source();
    let recovery = engine.recover(&source, SERVICE, way, Origin::Terminal);
    let ended = follow(&recovery.await.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::StillCalled);
    let (project, ..) = stage.into_parts().await;
    assert!(project.traffic().once().await.is_success());
    before.assert_unchanged(&project.snapshot().await);
}
