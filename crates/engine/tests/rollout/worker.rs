//! Services that nobody calls, and health checks that take their time.

use teal_engine::{
    event::{EventKind, Outcome},
    model::{RolloutOptions, RolloutRequest, VerdictCode},
};
use teal_testkit::Template;

use crate::stage::{Stage, change, follow, quick};

/// A worker on an image that exposes a port.
async fn with_worker(name: &str, more: &str) -> Stage {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let worker = format!(
        "worker:\n  image: {image}\n  pull_policy: never\n  init: true\n  command: [sleep, \"100000\"]\n{more}"
    );
    Stage::up(Template::named(name).more_services(&worker)).await
}

fn request(stage: &Stage, options: RolloutOptions) -> RolloutRequest {
    RolloutRequest {
        service: "worker".to_owned(),
        ..stage.request(change(None, Some("64M")), options)
    }
}

#[tokio::test]
async fn a_worker_without_a_health_check_is_rolled_out() {
    let stage = with_worker("worker", "").await;
    let before = stage.project.containers("worker").await;
    let rollout = stage.engine.roll_out(request(&stage, quick())).await;
    let ended = follow(&rollout.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    let warned = ended.events.iter().any(|event| {
        matches!(&event.kind, EventKind::Warning { text } if text.contains("only checks that it runs"))
    });
    assert!(warned, "{:#?}", ended.events);
    let after = stage.project.containers("worker").await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, before[0].id);
    assert_eq!(after[0].memory, Some(64 << 20));
}

#[tokio::test]
async fn a_slow_health_check_is_waited_for_unless_somebody_says_how_long() {
    let check = "  healthcheck: {test: [CMD, \"true\"], start_period: 30s}\n";
    let stage = with_worker("slow-check", check).await;
    let is_slow = |plan: &teal_engine::model::Plan| {
        let mut verdicts = plan.verdicts.iter();
        verdicts.any(|verdict| verdict.code == VerdictCode::SlowHealthCheck)
    };
    let usual = request(&stage, RolloutOptions::default());
    let plan = stage.engine.plan(&usual).await.unwrap();
    assert_eq!(plan.options.health_timeout_ms, Some(210_000));
    assert!(!is_slow(&plan), "{:#?}", plan.verdicts);

    let plan = stage.engine.plan(&request(&stage, quick())).await.unwrap();
    assert_eq!(plan.options.health_timeout_ms, Some(60_000));
    assert!(is_slow(&plan), "{:#?}", plan.verdicts);

    // Also where they say what it usually is.
    let as_usual = RolloutOptions {
        health_timeout_ms: Some(120_000),
        ..RolloutOptions::default()
    };
    let plan = stage.engine.plan(&request(&stage, as_usual)).await.unwrap();
    assert_eq!(plan.options.health_timeout_ms, Some(120_000));
    assert!(is_slow(&plan), "{:#?}", plan.verdicts);
}
