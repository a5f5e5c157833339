//! The kit itself, on the real engine.

use std::{collections::BTreeMap, time::Duration};

use teal_engine::model::KeyFamily;
use teal_testkit::{Answer, Echo, HealthCheck, Project, Template, docker, eventually};

const SOON: Duration = Duration::from_secs(30);

async fn containers_named_like(name: &str) -> usize {
    let options = bollard::query_parameters::ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&std::collections::HashMap::from([("name", vec![name])]))
        .build();
    docker()
        .await
        .list_containers(Some(options))
        .await
        .expect("the engine lists its containers")
        .len()
}

#[tokio::test]
async fn three_replicas_answer_and_nothing_is_left_afterwards() {
    let project = Project::up(Template::named("replicas").replicas(3)).await;
    let traffic = project.traffic().start();
    let containers = project.containers("hello").await;
    assert_eq!(containers.len(), 3);
    eventually("each container answers", SOON, async || {
        let report = traffic.so_far();
        let each = |id: &str| report.from_container(id) > 0;
        containers
            .iter()
            .all(|container| each(&container.id))
            .then_some(())
    })
    .await;
    let report = traffic.stop().await;
    report.assert_none_failed();
    assert_eq!(report.by_container().len(), 3, "{report}");
    for container in &containers {
        assert_eq!(container.health, "healthy");
        assert_eq!(
            (container.cpus, container.memory),
            (Some(1.0), Some(512 << 20))
        );
    }

    let (name, directory) = (project.name().to_owned(), project.directory());
    drop(project);
    assert_eq!(containers_named_like(&name).await, 0);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_failed_test_is_cleaned_up_too() {
    let project = Project::up(Template::named("failed").no_traefik()).await;
    let name = project.name().to_owned();
    let test = std::thread::spawn(move || {
        let _project = project;
        panic!("this test fails on purpose");
    });
    assert!(test.join().is_err());
    assert_eq!(containers_named_like(&name).await, 0);
}

#[tokio::test]
async fn only_what_is_created_after_a_change_is_changed() {
    let template = Template::named("change")
        .key_family(KeyFamily::Service)
        .limits(Some("0.5"), Some("64M"));
    let mut project = Project::up(template).await;
    let before = project.snapshot().await;
    project.change(|template| template.environment("NEVER_HEALTHY", "1"));
    let difference = before.difference(&project.snapshot().await);
    assert!(difference.contains("NEVER_HEALTHY"), "{difference}");
    assert!(!difference.contains("container"), "{difference}");

    project
        .compose(&[
            "up",
            "-d",
            "--no-deps",
            "--no-recreate",
            "--scale",
            "hello=2",
            "hello",
        ])
        .await;
    let health = eventually("the new one is unhealthy", SOON, async || {
        let containers = project.containers("hello").await;
        let health: BTreeMap<_, _> = containers
            .into_iter()
            .map(|container| (container.name, container.health))
            .collect();
        health
            .values()
            .any(|health| health == "unhealthy")
            .then_some(health)
    })
    .await;
    assert_eq!(
        health.into_values().collect::<Vec<_>>(),
        ["healthy", "unhealthy"]
    );
    let after = project.snapshot().await;
    let left = std::panic::catch_unwind(|| before.assert_same_but_for(&after, &["compose.yaml"]));
    assert!(left.is_err(), "a second container is a difference");
}

#[tokio::test]
async fn failures_are_noticed() {
    let template = Template::named("failures").environment("FAIL_PATH", "/fails");
    let project = Project::up(template).await;
    let failing = project.traffic().path("/fails").once().await;
    assert_eq!(failing.result, Ok(500));
    assert!(!failing.is_success());

    // A stream that is cut off in the middle has a status of success and still is a failure.
    let stream = project
        .traffic()
        .path("/stream?ms=200&chunks=100")
        .timeout(Duration::from_secs(5))
        .start();
    eventually("a stream has begun", SOON, async || {
        (stream.open() > 0).then_some(())
    })
    .await;
    project.compose(&["kill", "hello"]).await;
    let report = stream.stop().await;
    assert_eq!(report.failed().count(), report.total(), "{report}");
    let is_cut_off = |answer: &Answer| {
        let begun = answer.container.is_some();
        begun
            && answer
                .result
                .as_ref()
                .is_err_and(|error| !error.starts_with("no complete answer"))
    };
    assert!(report.failed().any(is_cut_off), "{report}");
}

#[tokio::test]
async fn every_switch_of_hello_does_what_it_says() {
    let unhealthy = HealthCheck {
        retries: 1,
        ..HealthCheck::default()
    };
    let template = |name| Template::named(name).no_traefik().health_check(unhealthy);
    let crash = Project::new(
        template("crash")
            .environment("CRASH_AFTER_MS", "1000")
            .environment("CRASH_EXIT_CODE", "7"),
    )
    .await;
    let oom = Project::new(
        template("oom")
            .limits(None, Some("32M"))
            .environment("OOM_AT_START", "1"),
    )
    .await;
    let leak = Project::new(
        template("leak")
            .limits(None, Some("32M"))
            .environment("LEAK_MB_PER_S", "20"),
    )
    .await;
    let later = Project::new(template("later").environment("UNHEALTHY_AFTER_MS", "1500")).await;
    let stubborn = Project::new(template("stubborn").environment("IGNORE_SIGTERM", "1")).await;
    for project in [&crash, &oom, &leak, &later, &stubborn] {
        project.compose(&["up", "-d"]).await;
    }
    let ended = async |project: &Project| {
        eventually("it has ended", SOON, async || {
            project
                .containers("hello")
                .await
                .pop()
                .filter(|container| container.state == "exited")
        })
        .await
    };
    assert_eq!(ended(&crash).await.exit_code, Some(7));
    // Docker tells the cause after the end.
    for project in [&oom, &leak] {
        eventually("it ran out of memory", SOON, async || {
            ended(project).await.oom_killed.then_some(())
        })
        .await;
    }
    eventually("it is unhealthy", SOON, async || {
        let container = later.containers("hello").await.pop()?;
        (container.state == "running" && container.health == "unhealthy").then_some(())
    })
    .await;
    stubborn.compose(&["stop", "-t", "1"]).await;
    assert_eq!(
        ended(&stubborn).await.exit_code,
        Some(137),
        "only SIGKILL ends it"
    );
    later.compose(&["stop", "-t", "10"]).await;
    assert_eq!(
        ended(&later).await.exit_code,
        Some(0),
        "SIGTERM ends it in order"
    );
}

#[tokio::test]
async fn a_websocket_echoes_and_says_good_bye() {
    let project = Project::up(Template::named("echo")).await;
    let mut echo = Echo::open(&project.url("/ws")).await;
    assert_eq!(echo.say("hello").await.unwrap().as_deref(), Some("hello"));
    project.compose(&["stop", "hello"]).await;
    assert_eq!(echo.say("still there?").await.unwrap(), None);
}
