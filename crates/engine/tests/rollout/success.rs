//! Rollouts that succeed.

use teal_engine::{
    event::{EventKind, Outcome, Phase},
    model::{KeyFamily, Origin},
};
use teal_testkit::{Project, Template};

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

#[tokio::test]
async fn one_replica_gets_both_limits() {
    let stage = Stage::up(Template::named("both").default_throttle()).await;
    let ended = stage
        .roll_out(change(Some("1.5"), Some("768M")), quick())
        .await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.phases(), Phase::ALL);
    let engine = stage.engine.clone();
    let (project, report) = stage.assert_succeeded(limits("1.5", "768M")).await;
    assert_eq!(report.by_container().len(), 2, "{report}");
    let history = engine.history(Some(project.name()), Some(SERVICE)).unwrap();
    let numbers: Vec<_> = history.iter().map(|revision| revision.revision).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(history[0].outcome, Some(Outcome::Success));
    assert_eq!(history[0].origin, Some(Origin::Terminal));
    assert_eq!(history[0].limits_before, limits("1", "512M"));
    assert_eq!(history[0].limits_after, limits("1.5", "768M"));
    assert_eq!(history[0].phases.len(), Phase::ALL.len());
    assert!(history[0].phases.iter().all(|timing| timing.done));
}

#[tokio::test]
async fn three_replicas_are_replaced_by_three() {
    let stage = Stage::up(Template::named("three").default_throttle().replicas(3)).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn cpus_alone_change_in_the_service_key_family() {
    let template = Template::named("cpus")
        .default_throttle()
        .key_family(KeyFamily::Service);
    let stage = Stage::up(template).await;
    let ended = stage.roll_out(change(Some("0.5"), None), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let (project, _) = stage.assert_succeeded(limits("0.5", "512M")).await;
    let text = override_text(&project);
    assert!(
        text.contains("mem_limit") && !text.contains("resources"),
        "{text}"
    );
}

#[tokio::test]
async fn a_rollback_is_a_rollout_to_the_previous_limits() {
    let stage = Stage::up(Template::named("back").default_throttle()).await;
    stage
        .roll_out(change(Some("0.5"), Some("128M")), quick())
        .await
        .assert_outcome(Outcome::Success);
    let request = stage
        .engine
        .rollback_request(
            &stage.project.source(),
            SERVICE,
            None,
            quick(),
            Origin::Window,
        )
        .await
        .unwrap();
    assert_eq!(request.to_revision, Some(1));
    let rollout = stage.engine.roll_out(request).await.unwrap();
    follow(&rollout, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "512M")).await;
}

#[tokio::test]
async fn the_same_limits_are_a_valid_redeploy() {
    let stage = Stage::up(Template::named("same").default_throttle()).await;
    stage
        .roll_out(change(Some("1"), Some("512M")), quick())
        .await
        .assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "512M")).await;
}

#[tokio::test]
async fn force_rolls_a_service_without_a_health_check() {
    let mut stage = Stage::up(
        Template::named("nocheck")
            .default_throttle()
            .health_check(None),
    )
    .await;
    stage
        .project
        .change(|template| template.environment("LISTEN_DELAY_MS", "1500"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.force = true;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn green_gets_no_traffic_before_verify_traffic() {
    let template = Template::named("held")
        .default_throttle()
        .environment("START_DELAY_MS", "300");
    let stage = Stage::up(template).await;
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut splits = Vec::new();
    let ended = follow(&rollout, |event| {
        if let EventKind::Split { green_percent } = event.kind {
            splits.push(green_percent);
        }
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(splits, [0, 50, 100]);
    stage.assert_succeeded(limits("1", "256M")).await;
}

fn override_text(project: &Project) -> String {
    std::fs::read_to_string(project.directory().join(teal_engine::OVERRIDE_FILE)).unwrap()
}
