//! Traefiks with entry points, networks and settings of many kinds, in and beside the project.

use teal_testkit::eventually;

use super::*;

at_the_newest_and_the_oldest!(
    an_entry_point_with_tls_only,
    a_network_of_the_users_choice,
    a_traefik_with_a_configuration_file,
    a_traefik_of_another_project,
);

async fn an_entry_point_with_tls_only(traefik: &str) {
    let template = Template::named("tls")
        .traefik_image(traefik)
        .traefik_argument("--entrypoints.web.http.tls=true")
        .no_router()
        .label("traefik.enable", "true")
        .label("traefik.http.routers.hello.rule", "Host(`tls.localhost`)")
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
        Probe::start(&stage.traffic, &ProbeOptions::default())
            .await
            .ok()
    })
    .await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    stage.shift(&blue, &green).await.unwrap();
    stage
        .traffic
        .verify(&blue, &green, &demand(3), |_, _, _| {})
        .await
        .unwrap();
    stage.traffic.release().await.unwrap();
    let receipt = probe.stop(1).await;
    assert!(receipt.requests > 0 && receipt.failed == 0, "{receipt:?}");
}

async fn a_network_of_the_users_choice(traefik: &str) {
    let mut project = Project::new(
        Template::named("network")
            .traefik_image(traefik)
            .replicas(2),
    )
    .await;
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

async fn a_traefik_with_a_configuration_file(traefik: &str) {
    let project = Project::new(Template::named("file").traefik_image(traefik).replicas(2)).await;
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

async fn a_traefik_of_another_project(traefik: &str) {
    let edge = Template::named("edge").traefik_image(traefik);
    let mut edge = Project::new(edge).await;
    let app = Project::new(Template::named("behind").no_traefik().replicas(2)).await;
    let constraint = format!(
        "--providers.docker.constraints=Label(`teal.testkit`,`{}`) || Label(`teal.testkit`,`{}`)",
        edge.name(),
        app.name(),
    );
    edge.change(|template| template.no_router().traefik_argument(&constraint));
    edge.compose(&["up", "--detach", "--wait"]).await;
    let network = format!(
        "networks:\n  default:\n    name: {}_default\n    external: true\n",
        edge.name()
    );
    let text = std::fs::read_to_string(app.compose_file()).unwrap() + &network;
    std::fs::write(app.compose_file(), text).unwrap();
    app.compose(&["up", "--detach", "--wait"]).await;
    let mut stage = Stage::of(app).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let traffic = edge.traffic();
    eventually("a first answer", Duration::from_secs(20), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    let running = traffic.start();
    let mut marks = Vec::new();
    for (to_blue, to_green) in [(&blue[..], &[][..]), (&blue, &green), (&[], &green)] {
        stage.shift(to_blue, to_green).await.unwrap();
        let begin = Instant::now();
        some_traffic(&running, 20).await;
        marks.push((begin, Instant::now(), [to_blue, to_green].concat()));
    }
    stage.traffic.release().await.unwrap();
    let report = running.stop().await;
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}
