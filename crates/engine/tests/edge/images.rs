//! The edge itself: its image, and how the project shows it.

use teal_engine::{
    Error,
    event::Outcome,
    model::{ContainerState, Level, VerdictCode},
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage};

/// Nobody serves this registry.
const MISSING: &str = "127.0.0.1:9/teal-testkit/no-such-traefik:v3.7";

#[tokio::test]
async fn an_image_that_is_not_there_is_known_before_anything_changes() {
    let stage = Stage::up(Template::named("edgeimage")).await;
    let before = stage.project.snapshot().await;
    let mut request = stage.ready_request(SERVICE);
    request.edge_image = Some(MISSING.to_owned());
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert_eq!(plan.pulls.as_deref(), Some(MISSING));
    let error = stage
        .engine
        .apply_ready(&request, &plan.id)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::CannotChange { .. }), "{error:?}");
    assert!(error.to_string().contains("can't be pulled"), "{error}");
    before.assert_unchanged(&stage.project.snapshot().await);

    // One that is gone by the time of the rollout is known in Preparation.
    stage.make_ready(SERVICE).await;
    let file = stage.project.directory().join("compose.override.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace(teal_testkit::TRAEFIK, MISSING);
    std::fs::write(&file, changed).unwrap();
    let before = stage.project.snapshot().await;
    let refused = stage.engine.roll_out(stage.request("256M")).await;
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}")
    };
    assert!(
        verdicts
            .iter()
            .any(|verdict| verdict.reason.contains("is not on the engine")),
        "{verdicts:?}"
    );
    before.assert_unchanged(&stage.project.snapshot().await);
}

#[tokio::test]
async fn an_image_that_is_there_is_chosen_where_none_is_named() {
    let stage = Stage::up(Template::named("edgechoice")).await;
    let mut request = stage.ready_request(SERVICE);
    request.edge_image = None;
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert_eq!(plan.pulls, None);
}

#[tokio::test]
async fn the_edge_is_shown_as_what_it_is() {
    let stage = Stage::up(Template::named("edgeshown")).await;
    stage.make_ready(SERVICE).await;
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    let edge = stage.service("teal-edge").await;
    assert!(edge.edge);
    assert_eq!(edge.state, Some(ContainerState::Running));
    assert_eq!(edge.replicas.len(), 1);
    assert_eq!((edge.verdicts, edge.drift), (vec![], None));
    assert!(!stage.service(SERVICE).await.edge);

    let mut request = stage.request("256M");
    request.service = "teal-edge".to_owned();
    let plan = stage.engine.plan(&request).await.unwrap();
    let refusal = plan.refusals().next().unwrap();
    assert_eq!(
        (refusal.level, refusal.code),
        (Level::Refused, VerdictCode::Proxy)
    );
}
