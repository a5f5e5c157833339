//! Rollouts behind the edge.

use teal_engine::{OVERRIDE_FILE, event::Outcome};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage};

#[tokio::test]
async fn a_plain_service_is_made_ready_rolled_and_given_its_port_back() {
    // As people have it: a fixed port, a name, no health check, and Compose's own file names.
    let mut name = String::new();
    let stage = Stage::with(Template::named("edge").health_check(None), |web, _| {
        name = format!("edge-{web}");
        format!("container_name: {name}\nports: [\"127.0.0.1:{web}:8080\"] # the shop")
    })
    .await;
    let before = stage.project.snapshot().await;
    let plan = stage.make_ready(SERVICE).await;
    println!("{}", plan.files[0].diff);
    let ended = stage.deploy("256M").await;
    ended.assert_outcome(Outcome::Success);
    ended.assert_one_gap();
    stage.assert_settled().await;

    let traffic = stage.project.traffic().start();
    for memory in ["128M", "192M", "320M"] {
        stage.deploy(memory).await.assert_success_without_failure();
    }
    stage.roll_back().await.assert_success_without_failure();
    let report = traffic.stop().await;
    report.assert_none_failed();
    println!("{} requests, none failed", report.total());

    let given = stage
        .engine
        .give_back(&stage.source(), SERVICE)
        .await
        .unwrap();
    println!("given back in {} ms", given.elapsed_ms);
    stage.until_answered().await;
    before.assert_same_but_for(&stage.project.snapshot().await, &[OVERRIDE_FILE]);
    let containers = stage.project.containers(SERVICE).await;
    assert_eq!(containers[0].name, name);
}

#[tokio::test]
async fn the_edge_serves_on_after_a_restart_and_a_recreation() {
    let stage = Stage::up(Template::named("edgere")).await;
    stage.make_ready(SERVICE).await;
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    for command in [
        &["restart", "teal-edge"][..],
        &[
            "up",
            "--detach",
            "--force-recreate",
            "--no-deps",
            "teal-edge",
        ],
    ] {
        stage.project.compose_in_folder(command).await;
        stage.until_answered().await;
        stage.deploy("128M").await.assert_success_without_failure();
        stage.deploy("256M").await.assert_success_without_failure();
    }
}

#[tokio::test]
async fn a_green_that_fails_behind_the_edge_leaves_blue_its_port() {
    let mut stage = Stage::up(Template::named("edgefail")).await;
    stage.make_ready(SERVICE).await;
    let before = stage.project.snapshot().await;
    stage
        .project
        .change(|template| template.environment("FAIL_PATH", "/"));
    let ended = stage.deploy("256M").await;
    ended.assert_outcome(Outcome::RolledBack);
    let after = stage.project.snapshot().await;
    before.assert_same_but_for(&after, &["compose.yaml"]);
    stage.until_answered().await;
}
