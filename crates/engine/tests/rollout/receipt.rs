//! What a rollout has to show for itself: shares step by step, the receipt, and what it can't
//! promise.

use std::collections::BTreeSet;

use teal_engine::{
    event::{EventKind, Failure, FailureCode, Outcome, Receipt},
    model::TrafficPlan,
};
use teal_testkit::{Project, Template};

use crate::stage::{Ended, SERVICE, Stage, change, engine, follow, limits, quick, request};

impl Ended {
    /// The shares of Green, one after the other.
    fn splits(&self) -> Vec<u8> {
        let splits = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Split { green_percent } => Some(green_percent),
            _ => None,
        });
        splits.collect()
    }
}

fn assert_none_failed(receipt: &Receipt) {
    assert!(receipt.requests > 0, "{receipt:?}");
    assert_eq!(receipt.failed, 0, "{receipt:?}");
}

#[tokio::test]
async fn the_receipt_tells_moments_and_colors_apart() {
    let stage = Stage::up(Template::named("receipt")).await;
    let mut options = quick();
    options.probe.per_second = 50;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    let receipt = ended.receipt();
    assert_none_failed(receipt);
    let moments = [receipt.before, receipt.during, receipt.after];
    assert!(
        moments.iter().all(|figures| figures.requests > 0
            && 0.0 < figures.p50_ms
            && figures.p50_ms <= figures.p99_ms),
        "{receipt:?}"
    );
    let asked: u32 = moments.iter().map(|figures| figures.requests).sum();
    assert_eq!(asked, receipt.requests);
    assert!(
        receipt.blue.requests > 0 && receipt.green.requests > 0,
        "{receipt:?}"
    );
    assert!(receipt.blue.requests + receipt.green.requests < receipt.requests);
    assert_eq!((receipt.expected_status, receipt.cut), (Some(200), Some(0)));
    assert!(receipt.unpromised.is_empty() && receipt.bypass.is_empty());
    for carried in [receipt.blue_traffic, receipt.green_traffic] {
        let carried = carried.expect("a sidecar counts");
        assert!(
            carried.connections > 0 && carried.bytes_received > 0 && carried.bytes_sent > 0,
            "{carried:?}"
        );
    }
    let flows: BTreeSet<_> = ended
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Flow { blue, green } => Some((blue.is_some(), green.is_some())),
            _ => None,
        })
        .collect();
    assert!(
        flows.contains(&(true, true)),
        "both flow side by side: {flows:?}"
    );
    let history = stage
        .engine
        .history(Some(stage.project.name()), Some(SERVICE));
    assert_eq!(history.unwrap()[0].receipt.as_ref(), Some(receipt));
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn canary_steps_are_served_and_verified_one_by_one() {
    let stage = Stage::up(Template::named("canary")).await;
    let mut options = quick();
    options.steps = vec![10, 60, 100];
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.splits(), [0, 10, 60, 100]);
    let full = |event: &&teal_engine::event::Event| {
        matches!(
            event.kind,
            EventKind::Answers {
                blue: 5,
                green: 5,
                failed: 0,
                ..
            }
        )
    };
    assert_eq!(ended.events.iter().filter(full).count(), 2);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn green_that_fails_its_share_is_rolled_back_with_figures() {
    let mut stage = Stage::up(Template::named("figures")).await;
    stage
        .project
        .change(|template| template.environment("FAIL_PATH", "/id"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.steps = vec![10, 50, 100];
    options.probe.path = Some("/id".to_owned());
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::RolledBack);
    let Failure { code, message, .. } = ended.failure();
    assert_eq!(*code, FailureCode::Traffic);
    assert!(
        message.contains("Green failed 1 of 1 requests through Traefik (100 %), Blue 0 of 1 (0 %)")
            && message.contains("answered 500 instead of 200"),
        "{message}"
    );
    assert_eq!(ended.splits(), [0, 10, 0]);
    // The steady traffic asks for another path than the one that fails.
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_that_is_much_slower_is_rolled_back_with_figures() {
    let mut stage = Stage::up(Template::named("slower")).await;
    stage
        .project
        .change(|template| template.environment("DELAY_MS", "1500"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.max_slowdown = 1.0;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::RolledBack);
    let message = &ended.failure().message;
    assert!(
        message.contains("more slowly than Blue") && message.contains("are allowed"),
        "{message}"
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_path_that_blue_answers_404_is_expected_to_stay_so() {
    let stage = Stage::up(Template::named("missing")).await;
    let mut options = quick();
    options.probe.path = Some("/no/such/page".to_owned());
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    let receipt = ended.receipt();
    assert_none_failed(receipt);
    assert_eq!(receipt.expected_status, Some(404));
    let unproved = receipt.unproved.as_deref().unwrap_or_default();
    assert!(unproved.starts_with("all answered 404"), "{unproved}");
    let target = receipt.target.as_deref().unwrap_or_default();
    assert!(target.ends_with("/no/such/page"), "{target}");
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn without_a_probe_the_rollout_is_the_same_and_the_receipt_says_so() {
    let stage = Stage::up(Template::named("quiet")).await;
    let mut options = quick();
    options.probe.enabled = false;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    let receipt = ended.receipt();
    assert_eq!((&receipt.target, receipt.requests), (&None, 0));
    assert_eq!(
        receipt.unasked.as_deref(),
        Some("the live probe is switched off")
    );
    assert_eq!(receipt.cut, Some(0));
    assert_eq!(ended.warnings(), [""; 0]);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn without_traefik_the_plan_and_the_receipt_say_what_is_not_promised() {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let caller = format!(
        r#"
caller:
  image: {image}
  command: [sleep, "100000"]
  stop_grace_period: 0s
  environment: {{UPSTREAM: "http://hello:8080/"}}
"#
    );
    let template = Template::named("plain")
        .no_traefik()
        .no_router()
        .more_services(caller.trim());
    let project = Project::up(template).await;
    let blue = project.containers(SERVICE).await;
    let engine = engine(&project).await;
    let rollout = engine
        .roll_out(request(&project, change(None, Some("256M")), quick()))
        .await
        .unwrap();
    let mut plan = None;
    let ended = follow(&rollout, |event| {
        if let EventKind::Planned { plan: found } = &event.kind {
            plan = Some(found.clone());
        }
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    let plan = plan.unwrap();
    assert!(matches!(plan.traffic, TrafficPlan::Unsteered { .. }));
    let receipt = ended.receipt();
    assert_eq!(receipt.target, None);
    assert!(receipt.unasked.is_some());
    assert_eq!(receipt.unpromised, plan.unpromised);
    let said = receipt.unpromised.join("\n");
    for part in [
        "in flight on Blue when it stops",
        "reach Green as soon as it runs",
        "can't prove that Green answers",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(receipt.bypass, ["caller"]);
    let counted = ended.events.iter().any(
        |event| matches!(&event.kind, EventKind::Flow { blue, green } if blue.is_some() && green.is_some()),
    );
    assert!(counted && receipt.blue_traffic.is_some() && receipt.green_traffic.is_some());
    // Nobody knows who got what in between.
    assert_eq!(ended.splits(), [0, 100]);
    let green = project.containers(SERVICE).await;
    assert!(green.len() == 1 && green[0].id != blue[0].id);
}
