//! Rollouts of a service whose containers have exited: replaced, with nothing to drain.

use teal_engine::{
    event::{EventKind, Outcome},
    model::{ContainerState, Level, VerdictCode},
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage, change, quick};

/// A project whose service has been stopped.
async fn stopped(name: &str) -> Stage {
    let mut stage = Stage::up(Template::named(name)).await;
    stage.project.compose(&["stop", SERVICE]).await;
    stage.before = stage.project.snapshot().await;
    stage
}

#[tokio::test]
async fn a_dead_blue_is_replaced_without_waiting_for_it() {
    let stage = stopped("dead").await;
    let request = stage.request(change(None, Some("256M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    let dead = plan
        .verdicts
        .iter()
        .find(|verdict| verdict.code == VerdictCode::DeadBlue)
        .unwrap_or_else(|| panic!("{:#?}", plan.verdicts));
    assert_eq!(dead.level, Level::Warning);

    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let drained = |kind: &EventKind| matches!(kind, EventKind::Drain { .. });
    assert!(
        !ended.events.iter().any(|event| drained(&event.kind)),
        "{}",
        ended.story()
    );
    let after = stage.project.containers(SERVICE).await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, stage.blue[0].id);
    assert_eq!(after[0].state, "running");
    assert_eq!(after[0].memory, Some(256 * 1024 * 1024));
}

#[tokio::test]
async fn a_dead_blue_stays_dead_when_green_fails() {
    let mut stage = stopped("dead-fails").await;
    stage
        .project
        .change(|template| template.environment("NEVER_HEALTHY", "1"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.health_timeout_ms = Some(3_000);
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::HealthTimeout);
    let project = stage.engine.project(&stage.project.source()).await.unwrap();
    let service = project
        .services
        .iter()
        .find(|service| service.name == SERVICE)
        .unwrap();
    assert_eq!(service.replicas.len(), 1);
    assert_eq!(service.replicas[0].id, stage.blue[0].id);
    assert_eq!(service.replicas[0].state, ContainerState::Exited);
}
