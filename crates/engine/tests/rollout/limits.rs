//! Limits that the engine or the kernel does not hold as they are written.

use teal_engine::{
    Engine, Settings,
    event::{FailureCode, Outcome, Phase},
    model::{LiveRequest, Origin, VerdictCode},
};
use teal_testkit::Template;

use crate::{
    faulty::FaultyEngine,
    stage::{SERVICE, Stage, change, limits, quick},
};

/// No multiple of a page of any size.
const NO_PAGES: &str = "200000001b";

#[tokio::test]
async fn memory_that_is_no_multiple_of_a_page_is_rolled_out() {
    let stage = Stage::up(Template::named("page")).await;
    let ended = stage.roll_out(change(None, Some(NO_PAGES)), quick()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", NO_PAGES)).await;
}

#[tokio::test]
async fn memory_that_is_no_multiple_of_a_page_is_updated() {
    let stage = Stage::up(Template::named("page-live")).await;
    let request = LiveRequest {
        source: stage.project.source(),
        service: SERVICE.to_owned(),
        change: change(None, Some(NO_PAGES)),
        force: false,
        origin: Origin::Terminal,
    };
    stage.engine.update_live(&request).await.unwrap();
    let memory = stage.project.containers(SERVICE).await[0].memory;
    assert_eq!(memory, Some(200_000_001));
}

/// An engine whose kernel has the memory controller off does so.
#[tokio::test]
async fn a_limit_that_the_engine_leaves_out_is_noticed_before_blue_is_touched() {
    let mut stage = Stage::up(Template::named("left-out")).await;
    let forgetful = FaultyEngine::changing("/containers/create", |body| {
        body.replace("\"Memory\":268435456", "\"Memory\":0")
    });
    stage.engine = Engine::connect(Settings {
        docker_host: Some(forgetful.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Verification);
    let (message, hint) = (&ended.failure().message, &ended.failure().hint);
    assert!(message.contains("instead of 1 CPU, 256M"), "{message}");
    assert!(hint.contains("docker info"), "{hint}");
    assert_eq!(ended.phases().last(), Some(&Phase::DeployGreen));
    stage.assert_restored().await;
}

/// What Blue was made with is not what its image has.
#[tokio::test]
async fn a_health_check_that_was_taken_out_of_the_file_is_missed() {
    let mut stage = Stage::up(Template::named("check-gone")).await;
    stage.project.change(|template| template.health_check(None));
    let request = stage.request(change(None, Some("256M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    let codes: Vec<_> = plan.verdicts.iter().map(|verdict| verdict.code).collect();
    assert!(codes.contains(&VerdictCode::NoHealthCheck), "{codes:?}");
    let project = stage.engine.project(&stage.project.source()).await.unwrap();
    let mut services = project.services.iter();
    let hello = services.find(|service| service.name == SERVICE).unwrap();
    assert_eq!(hello.health_check, None);
}
