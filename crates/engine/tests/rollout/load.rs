//! All kinds of requests at once, through a rollout.

use std::time::Duration;

use teal_engine::event::Outcome;
use teal_testkit::{Kind, Template, eventually};

use crate::stage::{Stage, change, limits, quick};

#[tokio::test]
async fn requests_of_all_kinds_survive_a_service_that_ignores_sigterm() {
    let template = Template::named("kinds")
        .default_throttle()
        .replicas(2)
        .environment("IGNORE_SIGTERM", "1")
        .service_text("stop_grace_period: 1s");
    let stage = Stage::up(template).await;
    let load = stage.project.load().small().start("rollout");
    let all = "each kind has answers or is in flight";
    eventually(all, Duration::from_secs(20), async || {
        let (report, in_flight) = (load.so_far(), load.in_flight());
        let there = |kind| report.count(kind).0 + in_flight.get(&kind).copied().unwrap_or(0);
        Kind::ALL.iter().all(|kind| there(*kind) > 0).then_some(())
    })
    .await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    load.stop().await.assert_none_failed();
    stage.assert_succeeded(limits("1", "256M")).await;
}
