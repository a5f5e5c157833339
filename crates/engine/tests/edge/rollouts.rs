//! Rollouts behind the edge.

use teal_engine::{OVERRIDE_FILE, event::Outcome, model::ChangeKind};
use teal_testkit::{Template, Traffic};

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

#[tokio::test]
async fn a_port_that_speaks_no_http_is_passed_on_connection_by_connection() {
    // It answers too late to be known as HTTP; as a stream of bytes it is served all the same.
    let template = Template::named("edgetcp").environment("DELAY_MS", "6000");
    let mut stage = Stage::up(template).await;
    let plan = stage.make_ready(SERVICE).await;
    assert!(
        plan.fixes[0].change.contains("each connection"),
        "{:?}",
        plan.fixes
    );
    stage
        .project
        .change(|template| template.environment("DELAY_MS", "0"));
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    stage.until_answered().await;
    let traffic = stage.project.traffic().start();
    stage.deploy("128M").await.assert_outcome(Outcome::Success);
    stage.roll_back().await.assert_outcome(Outcome::Success);
    traffic.stop().await.assert_none_failed();
}

#[tokio::test]
async fn two_ports_and_an_override_of_the_projects_own() {
    let stage = Stage::with(Template::named("edgetwo"), |web, api| {
        format!("ports:\n  - \"127.0.0.1:{web}:8080\"\n  - target: 8080\n    published: \"{api}\"\n    host_ip: 127.0.0.1\n  - \"8080\"")
    })
    .await;
    let own = "# ours\nservices:\n  hello: # the shop\n    environment:\n      A: \"1\"\n";
    stage.write("compose.override.yaml", own);
    stage
        .project
        .compose_in_folder(&["up", "--detach", "--wait"])
        .await;
    let before = stage.project.snapshot().await;
    stage.make_ready(SERVICE).await;
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    let second = Traffic::to(&stage.project.api_url("/"));
    let running = [stage.project.traffic().start(), second.start()];
    stage.deploy("128M").await.assert_success_without_failure();
    for traffic in running {
        traffic.stop().await.assert_none_failed();
    }
    // As `teal ready --undo` does.
    let (source, kind) = (stage.source(), ChangeKind::Ready);
    let undone = stage.engine.undo_files(&source, SERVICE, kind).await;
    assert_eq!(undone.unwrap().len(), 2);
    before.assert_same_but_for(&stage.project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn two_services_share_one_edge_and_leave_it_one_by_one() {
    let mut stage = Stage::up(Template::named("edgeboth")).await;
    let image = stage.project.image().to_owned();
    let api = stage.host_ports()[1].clone();
    stage.project.change(|template| {
        template.more_services(&format!(
            "other:\n  image: {image}\n  pull_policy: never\n  healthcheck: {{test: [CMD, /hello, check], interval: 1s}}\n  ports: [\"127.0.0.1:{api}:8080\"]\n"
        ))
    });
    stage
        .project
        .compose_in_folder(&["up", "--detach", "--wait"])
        .await;
    let before = stage.project.snapshot().await;
    stage.make_ready(SERVICE).await;
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    stage.make_ready("other").await;
    let other = Traffic::to(&stage.project.api_url("/"));
    let mut request = stage.request("64M");
    request.service = "other".to_owned();
    let ended = stage.roll_out(request.clone()).await;
    ended.assert_outcome(Outcome::Success);
    ended.assert_one_gap();
    assert_eq!(stage.project.containers("teal-edge").await.len(), 1);

    let running = [stage.project.traffic().start(), other.clone().start()];
    stage.deploy("128M").await.assert_success_without_failure();
    request.change.memory = Some("96M".parse().unwrap());
    stage
        .roll_out(request)
        .await
        .assert_success_without_failure();
    for traffic in running {
        traffic.stop().await.assert_none_failed();
    }
    // The last that came has to go first: the other's change is below it in the same file.
    stage
        .engine
        .give_back(&stage.source(), SERVICE)
        .await
        .unwrap_err();
    stage
        .engine
        .give_back(&stage.source(), "other")
        .await
        .unwrap();
    stage.until_answered().await;
    assert!(other.once().await.is_success());
    stage
        .engine
        .give_back(&stage.source(), SERVICE)
        .await
        .unwrap();
    stage.until_answered().await;
    before.assert_same_but_for(&stage.project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn a_port_at_an_ipv6_address_stays_there() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let stage = Stage::with(Template::named("edgesix"), |web, _| {
        format!("ports: [\"[::1]:{web}:8080\"]")
    })
    .await;
    let url = stage.project.url("/").replace("127.0.0.1", "[::1]");
    stage.make_ready(SERVICE).await;
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    let traffic = Traffic::to(&url).start();
    stage.deploy("128M").await.assert_success_without_failure();
    traffic.stop().await.assert_none_failed();
}
