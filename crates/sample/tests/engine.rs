//! The sample on the real engine. There is one sample on an engine, so these run one at a time
//! (`.config/nextest.toml`).

use std::{collections::HashMap, fs};

use bollard::{
    Docker,
    models::ContainerSummary,
    query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder},
};
use teal_engine::{Engine, Settings};
use teal_sample::{HELLO, PROJECT, Step, down, image, up};

async fn engine() -> Engine {
    Engine::connect(Settings::default())
        .await
        .expect("this test needs a Docker engine; `cargo xtask setup` starts one")
}

async fn containers(docker: &Docker) -> Vec<ContainerSummary> {
    let label = format!("com.docker.compose.project={PROJECT}");
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&HashMap::from([("label", vec![label.as_str()])]))
        .build();
    docker
        .list_containers(Some(options))
        .await
        .expect("the engine lists its containers")
}

#[tokio::test]
async fn up_starts_it_and_down_leaves_nothing() {
    let engine = engine().await;
    let docker = engine.docker();
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("sample");
    down(&engine, &directory).await.unwrap();
    assert!(!image::exists(docker, HELLO).await.unwrap());

    let mut steps = Vec::new();
    let source = up(&engine, &directory, |step| steps.push(step))
        .await
        .unwrap();
    assert_eq!(steps, [Step::ImportHello, Step::Start]);
    assert_eq!(source.files, [directory.join("compose.yaml")]);
    let started = containers(docker).await;
    assert_eq!(started.len(), 2);
    for container in &started {
        if container.image.as_deref() == Some(HELLO) {
            let id = container.id.as_deref().unwrap();
            let hello = docker
                .inspect_container(id, None::<InspectContainerOptions>)
                .await
                .unwrap();
            let limits = hello.host_config.unwrap();
            assert_eq!(limits.nano_cpus, Some(1_000_000_000));
            assert_eq!(limits.memory, Some(512 << 20));
        }
    }

    // Again, with the override that a rollout leaves: nothing is to be done.
    let override_file = directory.join("docker-compose.blue-green.yml");
    fs::write(&override_file, "services: {hello: {}}\n").unwrap();
    steps.clear();
    up(&engine, &directory, |step| steps.push(step))
        .await
        .unwrap();
    assert_eq!(steps, [Step::Start]);
    let ids = |containers: &[ContainerSummary]| -> Vec<_> {
        containers
            .iter()
            .map(|container| container.id.clone())
            .collect()
    };
    assert_eq!(ids(&containers(docker).await), ids(&started));

    down(&engine, &directory).await.unwrap();
    assert!(containers(docker).await.is_empty());
    assert!(!image::exists(docker, HELLO).await.unwrap());
    assert!(!directory.exists());
}
