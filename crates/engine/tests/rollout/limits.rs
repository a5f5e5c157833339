//! Limits that the engine or the kernel does not hold as they are written.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

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

/// A plan is made at each pause in somebody's typing, and an engine with hundreds of containers takes
/// seconds to tell what each of them uses.
#[tokio::test]
async fn plans_that_follow_each_other_ask_for_the_use_of_blue_alone() {
    let template = Template::named("typing").replicas(2);
    let stage = Stage::up(template).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let engine = FaultyEngine::start(move |_, path| {
        if let Some((before, _)) = path.split_once("/stats") {
            let id = before.rsplit('/').next().unwrap_or_default();
            notes.lock().unwrap().push(id.to_owned());
        }
        false
    });
    let connected = Engine::connect(Settings {
        docker_host: Some(engine.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    });
    let connected = connected.await.unwrap();
    let plan = async |memory| {
        let request = stage.request(change(None, Some(memory)), quick());
        connected.plan(&request).await.unwrap();
        std::mem::take(&mut *asked.lock().unwrap())
    };
    let blue: BTreeSet<_> = stage.blue.iter().map(|blue| blue.id.clone()).collect();
    let first: BTreeSet<_> = plan("256M").await.into_iter().collect();
    assert!(first.is_superset(&blue) && first.len() > blue.len());
    for memory in ["25M", "250M"] {
        let next = plan(memory).await;
        assert_eq!(next.len(), blue.len(), "{next:?}");
        assert_eq!(next.into_iter().collect::<BTreeSet<_>>(), blue);
    }
    stage.assert_restored().await;
}
