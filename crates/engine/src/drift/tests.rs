//! Drift, on what a real engine and Compose say of a service.

use std::collections::HashMap;

use bollard::models::{ContainerConfig, ContainerInspectResponse, HostConfig};

use super::*;

const FILE: &str = "file";
const WITH_OVERRIDE: &str = "with override";

fn service(json: &str) -> ComposeService {
    serde_json::from_str(json).unwrap()
}

fn file() -> ComposeService {
    service(
        r#"{"image": "web", "deploy": {"resources": {"limits": {"cpus": 1, "memory": "536870912"}}}}"#,
    )
}

fn effective() -> ComposeService {
    service(
        r#"{"image": "web", "deploy": {"resources": {"limits": {"cpus": 1.5, "memory": "536870912"}}}}"#,
    )
}

fn container(hash: &str, cpus: f64) -> ContainerInspectResponse {
    let labels = [
        (compose_label::CONFIG_HASH, hash),
        (compose_label::IMAGE, "sha256:1"),
    ];
    ContainerInspectResponse {
        image: Some("sha256:1".into()),
        config: Some(ContainerConfig {
            labels: Some(HashMap::from(
                labels.map(|(key, value)| (key.into(), value.into())),
            )),
            env: Some(vec!["KEY=old".into()]),
            cmd: Some(vec!["serve".into()]),
            ..ContainerConfig::default()
        }),
        host_config: Some(HostConfig {
            #[expect(clippy::cast_possible_truncation, reason = "small figures")]
            nano_cpus: Some((cpus * 1e9) as i64),
            memory: Some(536_870_912),
            ..HostConfig::default()
        }),
        ..ContainerInspectResponse::default()
    }
}

fn look(file: &ComposeService, containers: &[ContainerInspectResponse]) -> Option<Drift> {
    drift(&Found {
        file,
        hash: Some(FILE),
        effective: &effective(),
        effective_hash: Some(WITH_OVERRIDE),
        hash_before_update: None,
        image: Some("sha256:1"),
        containers,
        past: &[],
        command: &[],
    })
}

fn told(differences: &[Difference]) -> Vec<String> {
    differences
        .iter()
        .map(|one| format!("{}: {} → {}", one.what, one.before, one.after))
        .collect()
}

#[test]
fn a_service_as_its_files_say_has_none() {
    assert_eq!(look(&file(), &[container(FILE, 1.0)]), None);
    assert_eq!(look(&file(), &[]), None);
}

#[test]
fn limits_that_only_the_override_says_go_with_the_next_up() {
    let drift = look(&file(), &[container(WITH_OVERRIDE, 1.5)]).unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    assert_eq!(told(&drift.differences), ["cpus: 1.5 → 1"]);
    assert!(drift.keepable && drift.by_hand.is_empty());
}

#[test]
fn what_was_changed_in_the_file_is_named_and_values_are_not() {
    let file = service(
        r#"{"image": "web", "command": ["serve", "-v"], "environment": {"KEY": "secret"}, "labels": {"a": "b"},
            "deploy": {"resources": {"limits": {"cpus": 1, "memory": "536870912"}}}}"#,
    );
    let drift = look(&file, &[container("before", 1.0)]).unwrap();
    assert_eq!(
        told(&drift.differences),
        [
            "environment:  → changed: KEY",
            "command: serve → serve -v",
            "labels:  → changed: a"
        ]
    );
    assert!(!drift.keepable);
}

#[test]
fn a_name_that_means_another_image_is_drift() {
    let moved = drift(&Found {
        file: &file(),
        hash: Some(FILE),
        effective: &file(),
        effective_hash: None,
        hash_before_update: None,
        image: Some("sha256:2"),
        containers: &[container(FILE, 1.0)],
        past: &[],
        command: &[],
    })
    .unwrap();
    assert_eq!(moved.next_up, NextUp::Recreate);
    assert_eq!(told(&moved.differences), ["image: sha256:1 → sha256:2"]);
}

#[test]
fn a_docker_update_by_hand_is_seen_though_compose_does_not() {
    let drift = look(&file(), &[container(FILE, 2.0)]).unwrap();
    assert_eq!(drift.next_up, NextUp::Nothing);
    assert_eq!(told(&drift.by_hand), ["cpus: 1 → 2"]);

    let drift = look(&file(), &[container(WITH_OVERRIDE, 2.0)]).unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    assert_eq!(told(&drift.by_hand), ["cpus: 1.5 → 2"]);
}

#[test]
fn other_keys_and_counts_are_told() {
    let drift = look(&file(), &[container("before", 1.0)]).unwrap();
    assert_eq!(
        told(&drift.differences),
        ["other:  → another key of the service has changed"]
    );
    let two = [container(FILE, 1.0), container(FILE, 1.0)];
    let drift = look(&file(), &two).unwrap();
    assert_eq!(drift.next_up, NextUp::Scale);
    assert_eq!(told(&drift.differences), ["replicas: 2 → 1"]);
}

#[test]
fn two_sets_of_a_rollout_under_way_are_no_drift() {
    let with_label = |rollout: &str| {
        let mut container = container(WITH_OVERRIDE, 1.5);
        let labels = container.config.as_mut().unwrap().labels.as_mut().unwrap();
        labels.insert(teal_label::ROLLOUT.into(), rollout.into());
        container
    };
    assert_eq!(
        look(&file(), &[container(FILE, 1.0), with_label("new")]),
        None
    );
    assert!(look(&file(), &[with_label("new"), with_label("new")]).is_some());
}
