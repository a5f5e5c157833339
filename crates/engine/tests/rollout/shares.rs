//! A share of the traffic is a share of what users ask for.

use teal_engine::{
    event::{EventKind, Outcome, Phase},
    model::RolloutOptions,
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage, change, follow, quick};

/// Rolls out with a first share of 10 %, and gives how many of the requests meanwhile went to Green, in
/// percent.
async fn share_of_a_canary(stage: &Stage) -> usize {
    let options = RolloutOptions {
        steps: vec![10, 100],
        answers: 200,
        ..quick()
    };
    let started = stage.start(change(None, Some("256M")), options).await;
    let rollout = started.unwrap();
    let (mut begun, mut done) = (None, None);
    let ended = follow(&rollout, |event| match event.kind {
        EventKind::Split { green_percent: 10 } => begun = Some(stage.so_far()),
        EventKind::PhaseDone {
            phase: Phase::VerifyTraffic,
            ..
        } => done = Some(stage.so_far()),
        _ => {}
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    let (begun, done) = (begun.unwrap(), done.unwrap());
    let green = stage.project.containers(SERVICE).await;
    let of_green = |report: &teal_testkit::Report| -> usize {
        green
            .iter()
            .map(|green| report.from_container(&green.id))
            .sum()
    };
    let all = done.total() - begun.total();
    assert!(all >= 40, "{all} requests are too few to tell");
    (of_green(&done) - of_green(&begun)) * 100 / all
}

#[tokio::test]
async fn a_canary_gets_its_share_of_users_requests() {
    let stage = Stage::up(Template::named("canary").default_throttle()).await;
    let share = share_of_a_canary(&stage).await;
    assert!((1..=25).contains(&share), "{share} % instead of 10 %");
    let (_project, _before, report) = stage.into_parts().await;
    report.assert_none_failed();
}
