//! Traefiks that are set up in other ways, and that go away in the middle.

use teal_testkit::eventually;

use super::*;

impl Stage {
    async fn traefik(&self) -> String {
        self.project.containers("traefik").await[0].id.clone()
    }

    /// Sends 20 requests; each is answered, and only by these.
    async fn answers_come_from(&self, ids: &[String]) {
        let running = self.project.traffic().start();
        some_traffic(&running, 20).await;
        let report = running.stop().await;
        report.assert_none_failed();
        let from: usize = ids.iter().map(|id| report.from_container(id)).sum();
        assert_eq!(from, report.total(), "{report}");
    }
}

#[tokio::test]
async fn an_entry_point_with_tls_only() {
    let template = Template::named("tls")
        .no_router()
        .label("traefik.enable", "true")
        .label("traefik.http.routers.hello.rule", "Host(`tls.localhost`)")
        .label("traefik.http.routers.hello.tls", "true")
        .label(
            "traefik.http.services.hello.loadbalancer.server.port",
            "8080",
        )
        .replicas(2);
    let mut stage = Stage::up(template).await;
    let survey = look(&stage.project).await;
    let url = survey.routes[0].url.clone().unwrap();
    assert!(url.starts_with("https://tls.localhost:"), "{url}");
    let probe = eventually("an answer", Duration::from_secs(20), async || {
        Probe::start(&survey, ProbeOptions::default()).await
    })
    .await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    stage.shift(&blue, &green).await.unwrap();
    stage
        .traffic
        .verify(&blue, &green, 3, Duration::from_secs(20), |_, _, _| {})
        .await
        .unwrap();
    stage.traffic.release().await.unwrap();
    let receipt = probe.stop().await;
    assert!(receipt.requests > 0 && receipt.failed == 0, "{receipt:?}");
}

#[tokio::test]
async fn an_entry_point_that_is_not_published_is_confirmed_by_the_api() {
    let template = Template::named("unpublished")
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
async fn a_network_of_the_users_choice() {
    let mut project = Project::new(Template::named("network").replicas(2)).await;
    let network = format!("{}_front", project.name());
    project.change(|template| {
        template
            .label("traefik.docker.network", &network)
            .service_text("networks: [back, front]")
    });
    // Traefik is only in `front`; `back` sorts first and leads nowhere.
    let text = std::fs::read_to_string(project.compose_file()).unwrap();
    let text = text.replacen("  traefik:\n", "  traefik:\n    networks: [front]\n", 1)
        + "networks:\n  front: {}\n  back: {}\n";
    std::fs::write(project.compose_file(), text).unwrap();
    project.compose(&["up", "--detach", "--wait"]).await;
    let mut stage = Stage::of(project).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    stage.answers_come_from(&blue).await;
    stage.shift(&[], &green).await.unwrap();
    stage.answers_come_from(&green).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_traefik_that_is_restarted_serves_the_same_split_again() {
    let mut stage = Stage::up(Template::named("restart").replicas(2)).await;
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
        .verify(&blue, &[], 3, Duration::from_secs(20), |_, _, _| {})
        .await
        .unwrap();
    stage.answers_come_from(&blue).await;
    stage.shift(&[], &green).await.unwrap();
    stage.answers_come_from(&green).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_traefik_that_is_stopped_fails_the_split_and_leaves_the_one_before() {
    let mut stage = Stage::up(Template::named("stopped").replicas(2)).await;
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
    assert!(matches!(error, TrafficError::NotServed { .. }), "{error}");
    assert!(error.to_string().contains("can't connect"), "{error}");
    stage
        .project
        .docker()
        .start_container(&traefik, None)
        .await
        .unwrap();
    stage
        .traffic
        .verify(&blue, &[], 1, Duration::from_secs(20), |_, _, _| {})
        .await
        .unwrap();
    stage.answers_come_from(&blue).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_a_rollout_that_another_process_began() {
    let mut stage = Stage::up(Template::named("sweep").replicas(2)).await;
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

    sweep(&docker, &rollout).await.unwrap();
    let left = sidecar::list(&docker, Some(&rollout)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_traefik_with_a_configuration_file() {
    let project = Project::new(Template::named("file").replicas(2)).await;
    let text = std::fs::read_to_string(project.compose_file()).unwrap();
    let (before, after) = text.split_once("    command:\n").unwrap();
    let after = after.split_once("    ports:\n").unwrap().1;
    let text = format!("{before}    ports:\n{after}").replacen(
        "    volumes:\n",
        "    volumes:\n      - ./traefik.yml:/etc/traefik/traefik.yml:ro\n",
        1,
    );
    std::fs::write(project.compose_file(), text).unwrap();
    let configuration = format!(
        "entryPoints:\n  web:\n    address: ':80'\nproviders:\n  docker:\n    exposedByDefault: false\n    \
         constraints: Label(`teal.testkit`,`{}`)\n",
        project.name()
    );
    std::fs::write(project.directory().join("traefik.yml"), configuration).unwrap();
    project.compose(&["up", "--detach", "--wait"]).await;
    let mut stage = Stage::of(project).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    stage.answers_come_from(&blue).await;
    stage.shift(&[], &green).await.unwrap();
    stage.answers_come_from(&green).await;
    stage.traffic.release().await.unwrap();
}
