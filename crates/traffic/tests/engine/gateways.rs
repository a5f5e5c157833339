//! Traefiks that can't be reached, that go away in the middle, and that another Teal steered.

use teal_testkit::eventually;

use super::*;

#[tokio::test]
async fn an_entry_point_that_is_not_published_is_confirmed_by_the_api() {
    let template = Template::named("unpublished")
        .default_throttle()
        .replicas(2)
        .label("traefik.http.routers.hello.entrypoints", "inner")
        .traefik_argument("--entrypoints.inner.address=:9000");
    let project = Project::new(template).await;
    project.compose(&["up", "--detach", "--wait"]).await;
    let mut stage = Stage::of(project).await;
    let blue = stage.ids(0, 1);
    stage.shift(&blue, &[]).await.unwrap();
    let routers = eventually("the pin's router", Duration::from_secs(5), async || {
        let address = stage
            .project
            .api_url("")
            .strip_prefix("http://")?
            .parse()
            .ok()?;
        api::routers(address).await
    })
    .await;
    let pinned = routers
        .iter()
        .filter(|router| router.name.starts_with("teal-pin-"))
        .count();
    assert_eq!(pinned, 3, "the router and two for probes: {routers:?}");
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_traefik_that_is_restarted_serves_the_same_split_again() {
    let mut stage = Stage::up(Template::named("restart").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    let traefik = stage.traefik().await;
    stage
        .project
        .docker()
        .restart_container(&traefik, None)
        .await
        .unwrap();
    stage
        .traffic
        .verify(&blue, &[], &demand(3), |_, _, _| {})
        .await
        .unwrap();
    stage.answers_come_from(&blue).await;
    stage.shift(&[], &green).await.unwrap();
    stage.answers_come_from(&green).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_traefik_that_is_stopped_fails_the_split_and_leaves_the_one_before() {
    let mut stage = Stage::up(Template::named("stopped").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    let traefik = stage.traefik().await;
    stage
        .project
        .docker()
        .kill_container(&traefik, None)
        .await
        .unwrap();
    let error = stage.shift(&[], &green).await.unwrap_err();
    assert!(matches!(error, TrafficError::Away { .. }), "{error}");
    stage
        .project
        .docker()
        .start_container(&traefik, None)
        .await
        .unwrap();
    stage
        .traffic
        .verify(&blue, &[], &demand(1), |_, _, _| {})
        .await
        .unwrap();
    stage.answers_come_from(&blue).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_a_rollout_that_another_process_began() {
    let mut stage = Stage::up(Template::named("sweep").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    stage.shift(&blue, &green).await.unwrap();
    let docker = stage.project.docker().clone();
    let rollout = rollout_of(&stage.project);

    // Another process goes on with it, above the generations that are there.
    let survey = look(&stage.project).await;
    let mut other = Traffic::new(docker.clone(), survey, rollout.clone(), &[]);
    other.shift(&[], &green, 100).await.unwrap();
    stage.answers_come_from(&green).await;
    assert!(other.in_flight(&blue).await.is_some());

    remove_helpers(&docker, &rollout).await.unwrap();
    let left = helpers(&docker).await.unwrap();
    assert!(left.iter().all(|helper| helper.rollout != rollout));
}
