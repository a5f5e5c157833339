//! Rollouts behind the edge.

use std::time::Duration;

use teal_engine::event::Outcome;
use teal_testkit::{Template, eventually};

use crate::stage::{Port, Stage};

#[tokio::test]
async fn a_port_is_handed_over_and_rollouts_behind_the_edge_fail_no_request() {
    let stage = Stage::up(Template::named("edge")).await;
    stage.put_behind_an_edge(&[Port::http("hello", 8080)]);
    let ended = stage.deploy("256M").await;
    ended.assert_outcome(Outcome::Success);
    ended.assert_one_gap();
    let traffic = stage.project.traffic().start();
    stage.deploy("128M").await.assert_success_without_failure();
    stage
        .project
        .compose_in_folder(&["restart", "teal-edge"])
        .await;
    let again = stage.deploy("192M").await;
    again.assert_success_without_failure();
    let report = traffic.stop().await;
    println!("{report}");
}

#[tokio::test]
async fn a_green_that_fails_behind_the_edge_leaves_blue_its_port() {
    let mut stage = Stage::up(Template::named("edgefail")).await;
    stage.put_behind_an_edge(&[Port::http("hello", 8080)]);
    let before = stage.project.snapshot().await;
    stage
        .project
        .change(|template| template.environment("FAIL_PATH", "/"));
    let ended = stage.deploy("256M").await;
    ended.assert_outcome(Outcome::RolledBack);
    let after = stage.project.snapshot().await;
    before.assert_same_but_for(&after, &["compose.yaml"]);
    let traffic = stage.project.traffic();
    eventually(
        "Blue answers at its port",
        Duration::from_secs(5),
        async || traffic.once().await.is_success().then_some(()),
    )
    .await;
}
