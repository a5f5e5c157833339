//! Rollouts of a service of which some or all containers are unhealthy, or turn so: they are replaced,
//! and get no request that Traefik would have kept from them.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use teal_engine::{
    event::{EventKind, Outcome, Phase},
    model::{Level, Origin, Recovery, VerdictCode},
};
use teal_testkit::{Project, Template, eventually};

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

const SICK: &str = "/sick";

fn template(name: &str, replicas: u32) -> Template {
    Template::named(name)
        .replicas(replicas)
        .environment("SICK_FILE", SICK)
}

/// Lets a container's health check fail from now on.
fn make_sick(container: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let copied = Command::new("docker")
        .args(["cp", file, &format!("{container}:{SICK}")])
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
}

/// A service that is up, of which the last so many containers are unhealthy.
async fn sick(name: &str, replicas: u32, sick: usize) -> Stage {
    let project = Project::up(template(name, replicas)).await;
    for container in project.containers(SERVICE).await.iter().rev().take(sick) {
        make_sick(&container.id);
    }
    eventually("they are unhealthy", Duration::from_secs(20), async || {
        let all = project.containers(SERVICE).await;
        let unhealthy = all.iter().filter(|it| it.health == "unhealthy");
        (unhealthy.count() == sick).then_some(())
    })
    .await;
    without_sick(&project, replicas as usize - sick).await;
    Stage::of(project).await
}

/// Waits until Traefik has as many servers as this.
async fn without_sick(project: &Project, servers: usize) {
    eventually("Traefik has seen it", Duration::from_secs(20), async || {
        let traffic = project.traffic();
        let mut answered = std::collections::BTreeSet::new();
        for _ in 0..6 {
            answered.extend(traffic.once().await.container);
        }
        (answered.len() == servers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unhealthy_replica_is_replaced_without_a_request() {
    let stage = sick("sick-one", 3, 1).await;
    let request = stage.request(change(None, Some("256M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    let found = plan
        .verdicts
        .iter()
        .find(|verdict| verdict.code == VerdictCode::UnhealthyBlue)
        .unwrap_or_else(|| panic!("{:#?}", plan.verdicts));
    assert_eq!(found.level, Level::Warning);
    assert_eq!(found.reason, "1 of its 3 containers is unhealthy");

    let sick = stage.blue[2].id.clone();
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let (_, report) = stage.assert_succeeded(limits("1", "256M")).await;
    assert_eq!(report.from_container(&sick), 0, "{report}");
}

#[tokio::test]
async fn a_blue_of_which_one_is_unhealthy_is_returned_to() {
    let stage = sick("sick-back", 2, 1).await;
    let sick = stage.blue[1].id.clone();
    let rollout = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = rollout.unwrap();
    let ended = follow(&rollout, |event| {
        if is_start_of(&event.kind, Phase::VerifyTraffic) {
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    let (project, before, report) = stage.into_parts().await;
    report.assert_none_failed();
    assert_eq!(report.from_container(&sick), 0, "{report}");
    before.assert_unchanged(&project.snapshot().await);
}

async fn recovered(name: &str, way: Recovery, outcome: Outcome) -> (Stage, String) {
    let stage = sick(name, 2, 1).await;
    let sick = stage.blue[1].id.clone();
    let request = stage.request(change(None, Some("256M")), quick());
    let killed = stage.kill_at(request, |event| {
        is_start_of(&event.kind, Phase::VerifyTraffic)
    });
    killed.await.unwrap();
    let source = stage.project.source();
    let recovery = stage
        .engine
        .recover(&source, SERVICE, Some(way), Origin::Terminal)
        .await
        .unwrap();
    follow(&recovery, |_| ()).await.assert_outcome(outcome);
    (stage, sick)
}

#[tokio::test]
async fn a_rollout_of_a_blue_of_which_one_is_unhealthy_is_finished() {
    let (stage, sick) = recovered("sick-finish", Recovery::Finish, Outcome::Success).await;
    let (_, report) = stage.assert_succeeded(limits("1", "256M")).await;
    assert_eq!(report.from_container(&sick), 0, "{report}");
}

#[tokio::test]
async fn a_rollout_of_a_blue_of_which_one_is_unhealthy_is_taken_back() {
    let (stage, sick) = recovered("sick-undo", Recovery::RollBack, Outcome::RolledBack).await;
    let (project, before, report) = stage.into_parts().await;
    report.assert_none_failed();
    assert_eq!(report.from_container(&sick), 0, "{report}");
    before.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn a_blue_that_is_unhealthy_as_a_whole_is_replaced() {
    let stage = sick("sick-all", 1, 1).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let after = stage.project.containers(SERVICE).await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].id, stage.blue[0].id);
    assert_eq!(after[0].health, "healthy");
    let (_, _, report) = stage.into_parts().await;
    assert!(report.from_container(&after[0].id) > 0, "{report}");
}

/// As it was before is enough: nobody waits for its health.
#[tokio::test]
async fn a_blue_that_is_unhealthy_as_a_whole_is_returned_to() {
    let stage = sick("sick-all-back", 1, 1).await;
    let rollout = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = rollout.unwrap();
    let ended = follow(&rollout, |event| {
        if is_start_of(&event.kind, Phase::Verification) {
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn a_replica_that_turns_unhealthy_meanwhile_gets_no_more_requests() {
    let mut stage = Stage::up(template("sick-later", 2)).await;
    stage
        .project
        .change(|template| template.environment("START_DELAY_MS", "15000"));
    stage.before = stage.project.snapshot().await;
    let sick = stage.blue[1].id.clone();
    let rollout = stage.start(change(None, Some("256M")), quick()).await;
    let (mut is_made_sick, mut since) = (false, None);
    let ended = follow(&rollout.unwrap(), |event| match &event.kind {
        EventKind::HealthPoll { .. } if !is_made_sick => {
            make_sick(&sick);
            is_made_sick = true;
        }
        kind if is_start_of(kind, Phase::VerifyTraffic) => since = Some(Instant::now()),
        _ => {}
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    let warnings = ended.warnings();
    assert!(
        warnings.iter().any(|text| text.contains(&sick[..12])),
        "{warnings:?}"
    );
    let (_, report) = stage.assert_succeeded(limits("1", "256M")).await;
    let after = report.between(since.unwrap(), Instant::now());
    assert_eq!(after.from_container(&sick), 0, "{after}");
}

fn is_start_of(kind: &EventKind, phase: Phase) -> bool {
    matches!(kind, EventKind::PhaseStarted { phase: started, .. } if *started == phase)
}
