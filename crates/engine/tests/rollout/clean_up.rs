//! What is left when the process of a rollout is killed, and that it can be taken away.

use std::{fs, time::Duration};

use bollard::query_parameters::{RemoveContainerOptions, RemoveVolumeOptions};
use teal_engine::event::EventKind;
use teal_testkit::{Container, Project, Template, eventually};

use crate::stage::{SERVICE, Stage, change, engine, quick};

/// The helpers beside the project's containers.
async fn helpers(project: &Project) -> Vec<Container> {
    let mut all = project.all_containers().await;
    let is_sidecar = |label: &String| label == "sidecar";
    all.retain(|container| {
        container
            .labels
            .get("dev.teal.role")
            .is_some_and(is_sidecar)
    });
    all
}

/// Begins a rollout and kills it in Verify Traffic.
async fn kill_in_verify_traffic(stage: &Stage) {
    let request = stage.request(change(None, Some("256M")), quick());
    let killed = stage.kill_at(request, |event| {
        assert!(
            !matches!(event.kind, EventKind::PhaseFailed { .. }),
            "{event:?}"
        );
        matches!(event.kind, EventKind::Answers { green: 1.., .. })
    });
    killed.await.unwrap();
}

#[tokio::test]
async fn helpers_that_nobody_needs_are_removed_and_others_are_not() {
    let stage = Stage::up(Template::named("leftover")).await;
    kill_in_verify_traffic(&stage).await;
    let left = helpers(&stage.project).await;
    assert!(!left.is_empty());
    let is_mine = |name: &String| left.iter().any(|helper| helper.name == *name);

    let again = engine(&stage.project).await;
    let why_kept = async || {
        let cleaned = again.clean_up().await.unwrap();
        assert!(!cleaned.removed.iter().any(is_mine), "{cleaned:?}");
        let mut kept = cleaned.kept.into_iter();
        let kept = kept.find(|kept| kept.helpers.iter().any(is_mine)).unwrap();
        assert_eq!(kept.helpers.len(), left.len());
        kept.reason
    };
    // The lock goes with the process that is gone.
    eventually("the lock is free", Duration::from_secs(10), async || {
        why_kept().await.contains("recover hello").then_some(())
    })
    .await;

    fs::remove_dir_all(stage.project.data_directory().join("journal")).unwrap();
    let record = format!("teal-rollout-{}.{SERVICE}", stage.project.name());
    let docker = stage.project.docker().clone();
    docker
        .remove_volume(&record, None::<RemoveVolumeOptions>)
        .await
        .unwrap();
    let reason = why_kept().await;
    assert!(reason.contains("Blue and Green"), "{reason}");

    for container in stage.project.containers(SERVICE).await {
        if container.id != stage.blue[0].id {
            let options = RemoveContainerOptions {
                force: true,
                ..RemoveContainerOptions::default()
            };
            docker
                .remove_container(&container.id, Some(options))
                .await
                .unwrap();
        }
    }
    let cleaned = again.clean_up().await.unwrap();
    assert!(
        left.iter()
            .all(|helper| cleaned.removed.contains(&helper.name)),
        "{cleaned:?}"
    );
    assert!(helpers(&stage.project).await.is_empty());
    assert_eq!(again.clean_up().await.unwrap().removed, [""; 0]);
}
