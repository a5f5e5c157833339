//! The engine's socket goes away and comes back in the middle of a rollout.

use std::time::Duration;

use teal_engine::{
    Engine, Settings,
    event::{EventKind, Outcome, Phase},
};
use teal_testkit::{Line, Template};

use crate::stage::{Stage, change, follow, limits, quick};

/// How long the engine is away.
const OUTAGE: Duration = Duration::from_millis(1_500);

async fn behind(line: &Line, stage: &mut Stage) {
    stage.engine = Engine::connect(Settings {
        docker_host: Some(line.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_rollout_waits_for_an_engine_that_is_away() {
    let mut stage = Stage::up(Template::named("outage").default_throttle()).await;
    let line = Line::new();
    behind(&line, &mut stage).await;
    let slow = stage.project.traffic().path("/slow?ms=3000").start();
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    // One outage in each phase in which Teal itself talks to the engine.
    let mut events = rollout.events();
    let mut due = vec![Phase::RemoveBlue, Phase::VerifyTraffic, Phase::HealthCheck];
    while let Some(event) = events.next().await {
        let phase = match event.kind {
            EventKind::HealthPoll { .. } => Phase::HealthCheck,
            EventKind::Answers { green: 1.., .. } => Phase::VerifyTraffic,
            EventKind::Drain { .. } => Phase::RemoveBlue,
            _ => continue,
        };
        if due.last() == Some(&phase) {
            due.pop();
            line.cut();
            tokio::time::sleep(OUTAGE).await;
            line.mend();
        }
    }
    let ended = follow(&rollout, |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(due, []);
    let warnings = ended.warnings().join("\n");
    assert!(warnings.contains("does not answer"), "{warnings}");
    assert!(warnings.contains("answers again"), "{warnings}");
    assert!(!warnings.contains("could not be counted"), "{warnings}");
    slow.stop().await.assert_none_failed();
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn compose_that_loses_the_engine_leads_back_to_blue() {
    let mut stage = Stage::up(Template::named("outage-up").default_throttle()).await;
    let line = Line::new();
    behind(&line, &mut stage).await;
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut is_due = true;
    let mut events = rollout.events();
    while let Some(event) = events.next().await {
        let EventKind::Step { text, .. } = &event.kind else {
            continue;
        };
        // Compose tells of the container that it creates.
        if is_due && text.contains("Creating") {
            is_due = false;
            line.cut();
            tokio::time::sleep(OUTAGE).await;
            line.mend();
        }
    }
    let ended = follow(&rollout, |_| ()).await;
    ended.assert_outcome(Outcome::RolledBack);
    let message = &ended.failure().message;
    assert!(
        message.contains("Compose could not start Green"),
        "{message}"
    );
    stage.assert_restored().await;
}
