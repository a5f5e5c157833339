//! Rollouts behind Traefiks and routes as they are in the field.

use std::time::Duration;

use bollard::query_parameters::{RemoveImageOptionsBuilder, TagImageOptionsBuilder};
use teal_engine::{
    Error,
    event::{EventKind, Outcome},
    model::{Level, Plan, TrafficPlan, VerdictCode},
};
use teal_testkit::{Project, Template, Traffic, docker, eventually, official_traefik};

use crate::stage::{Ended, SERVICE, Stage, change, limits, quick};

/// A fixture that is up, and that Traefik serves.
async fn up(fixture: &str) -> Project {
    let project = Project::up(Template::fixture(fixture)).await;
    until_served(&project.traffic()).await;
    project
}

async fn until_served(traffic: &Traffic) {
    eventually(
        "Traefik serves `hello`",
        Duration::from_secs(20),
        async || traffic.once().await.is_success().then_some(()),
    )
    .await;
}

fn plan(ended: &Ended) -> &Plan {
    let planned = ended.events.iter().find_map(|event| match &event.kind {
        EventKind::Planned { plan } => Some(plan),
        _ => None,
    });
    planned.expect("a rollout tells its plan")
}

/// The routes that it steered by, of this Traefik.
fn steered_by<'a>(ended: &'a Ended, service: &str) -> Vec<&'a str> {
    match &plan(ended).traffic {
        TrafficPlan::Steered { traefik, routes } => {
            assert!(traefik.contains(service), "{traefik}");
            routes.iter().map(|route| route.router.as_str()).collect()
        }
        TrafficPlan::Unsteered { reason } => panic!("not steered: {reason}"),
    }
}

#[tokio::test]
async fn a_traefik_of_the_official_shape_is_steered() {
    official_traefik(&docker().await).await;
    let stage = Stage::of(up("official-traefik").await).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(steered_by(&ended, "proxy"), [stage.project.name()]);
    assert!(ended.receipt().requests > 0, "{}", ended.story());
    stage.assert_succeeded(limits("1", "256M")).await;
}

/// As after `docker compose pull`: what runs is no longer what its tag means, and the engine lists
/// it by its image's id.
#[tokio::test]
async fn a_traefik_whose_tag_was_moved_is_steered() {
    let docker = docker().await;
    let official = official_traefik(&docker).await;
    let project = Project::new(Template::named("moved").default_throttle()).await;
    let (repository, tag) = (format!("teal-testkit/{}", project.name()), "1");
    drop(project);
    let options = TagImageOptionsBuilder::new().repo(&repository).tag(tag);
    let tagged = docker.tag_image(&official, Some(options.build())).await;
    tagged.unwrap();
    let image = format!("{repository}:{tag}");
    let template = Template::named("moved")
        .default_throttle()
        .traefik_image(&image);
    let stage = Stage::up(template).await;
    let options = RemoveImageOptionsBuilder::new().force(true).build();
    docker
        .remove_image(&image, Some(options), None)
        .await
        .unwrap();
    let traefik = &stage.project.containers("traefik").await[0];
    let listed = docker
        .list_containers(None::<bollard::query_parameters::ListContainersOptions>)
        .await
        .unwrap();
    let listed = listed
        .iter()
        .find(|listed| listed.id.as_ref() == Some(&traefik.id));
    let name = listed.unwrap().image.clone().unwrap();
    assert!(!name.starts_with("teal-testkit/testkit-"), "{name}");

    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(steered_by(&ended, "traefik"), [SERVICE]);
    let (_, _, report) = stage.into_parts().await;
    report.assert_none_failed();
}

#[tokio::test]
async fn a_router_that_traefik_drops_leaves_the_other_steered() {
    let stage = Stage::of(up("one-router-dropped").await).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(steered_by(&ended, "traefik"), ["main"]);
    let verdicts = &plan(&ended).verdicts;
    let told = verdicts.iter().find(|it| it.reason.contains("`metrics`"));
    assert_eq!(told.expect("it is told of").level, Level::Warning);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn users_keep_all_of_a_limit_that_they_share() {
    let project = up("shared-rate-limit").await;
    // 15 of the 20 requests a second: what else comes by that route has them refused.
    let users = project.traffic().host("localhost");
    let users = users.every(Duration::from_millis(66));
    let stage = Stage::with(project, users).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(steered_by(&ended, "traefik"), [SERVICE]);
    let unasked = ended.receipt().unasked.as_deref().unwrap_or_default();
    assert!(unasked.contains("`cap`"), "{unasked}");
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_route_by_way_of_a_files_service_needs_force() {
    let stage = Stage::of(up("file-services").await).await;
    let refused = stage.start(change(None, Some("256M")), quick()).await;
    let Err(Error::Refused { verdicts, plan }) = refused else {
        panic!("it is not refused: {refused:?}");
    };
    let reasons: Vec<_> = verdicts.iter().map(|verdict| &verdict.reason).collect();
    assert_eq!(verdicts.len(), 1, "{reasons:?}");
    assert_eq!(verdicts[0].code, VerdictCode::NoRoute);
    assert!(reasons[0].contains("router `shop@file`"), "{reasons:?}");
    let plan = plan.expect("there is a plan");
    let TrafficPlan::Steered { routes, .. } = &plan.traffic else {
        panic!("the others are steered: {:?}", plan.traffic);
    };
    let routes: Vec<_> = routes.iter().map(|route| route.router.as_str()).collect();
    assert_eq!(routes, [SERVICE, "plain"]);
    let pages = plan
        .verdicts
        .iter()
        .find(|it| it.reason.contains("pages@file"));
    assert_eq!(pages.expect("it is told of").level, Level::Warning);
    stage.assert_restored().await;
}
