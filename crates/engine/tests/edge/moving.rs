//! Host ports that the engine chooses: Green would get others, so the edge keeps those of now.

use teal_engine::{
    Error,
    event::Outcome,
    model::{Fix, Level, Readiness, VerdictCode},
};
use teal_testkit::Traffic;

use crate::stage::{SERVICE, Stage};

async fn the_edge_keeps_the_port(fixture: &str) {
    let stage = Stage::fixture(fixture).await;
    let port = stage.published().await;
    let service = stage.service(SERVICE).await;
    let verdict = &service.verdicts[0];
    assert_eq!(
        (verdict.level, verdict.code, service.readiness),
        (
            Level::NeedsForce,
            VerdictCode::HostPort,
            Readiness::ReadyAfterFix
        )
    );
    let Some(Fix::UseEdge { ports }) = &verdict.fix else {
        panic!("{verdict:?}")
    };
    // Some engines choose another one for IPv6.
    assert!(ports.iter().any(|it| it.published == port), "{ports:?}");
    let refused = stage.engine.roll_out(stage.request("96M")).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");

    stage.make_ready(SERVICE).await;
    let traffic = Traffic::to(&format!("http://127.0.0.1:{port}/"));
    // A Green that fails once it has the port: the port stays, and Blue is behind it.
    let file = stage.project.compose_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let failing = text.replace(
        "    labels:",
        "    environment: {FAIL_PATH: \"/\"}\n    labels:",
    );
    std::fs::write(&file, failing).unwrap();
    let blue = stage.project.containers(SERVICE).await;
    stage
        .deploy("96M")
        .await
        .assert_outcome(Outcome::RolledBack);
    let answer = traffic.once().await;
    assert!(answer.is_success(), "{answer:?}");
    assert!(blue[0].id.starts_with(&answer.container.unwrap()));

    std::fs::write(&file, text).unwrap();
    let running = traffic.clone().start();
    // The edge has the port already, so there is no gap any more.
    for memory in ["96M", "112M"] {
        stage.deploy(memory).await.assert_success_without_failure();
    }
    running.stop().await.assert_none_failed();
    stage.assert_settled().await;
}

#[tokio::test]
async fn a_port_out_of_a_range_stays() {
    the_edge_keeps_the_port("port-range").await;
}

#[tokio::test]
async fn a_port_that_the_engine_chose_stays() {
    the_edge_keeps_the_port("port-ephemeral").await;
}

#[tokio::test]
async fn a_moving_port_is_handed_over_in_one_gap_that_was_announced() {
    let stage = Stage::fixture("port-ephemeral").await;
    let port = stage.published().await;
    stage.make_ready(SERVICE).await;
    let ended = stage.deploy("96M").await;
    ended.assert_outcome(Outcome::Success);
    ended.assert_one_gap();
    let traffic = Traffic::to(&format!("http://127.0.0.1:{port}/")).start();
    stage.deploy("112M").await.assert_success_without_failure();
    traffic.stop().await.assert_none_failed();
}
