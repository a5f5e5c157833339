//! The override's text, byte for byte, for files as people write them.

use crate::{
    compose::{
        LimitKeys,
        override_file::{CannotMerge, merged},
    },
    model::Limits,
};

const LABELS: &[(&str, &str)] = &[
    ("deployment.type", "blue-green"),
    ("dev.teal.rollout", "r1"),
];

fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    }
}

#[expect(dead_code)]
fn merge(existing: &str, keys: LimitKeys) -> Result<String, CannotMerge> {
    merged(Some(existing), "web", limits("1.5", "768M"), keys, LABELS)
}

#[test]
fn a_new_file_is_the_specifications() {
    let text = merged(
        None,
        "grafana",
        limits("1.5", "768M"),
        LimitKeys::Deploy,
        LABELS,
    )
    .unwrap();
    assert_eq!(
        text,
        "\
services:
  grafana:
    deploy:
      resources:
        limits:
          cpus: \"1.5\"
          memory: 768M
    labels:
      - deployment.type=blue-green
      - dev.teal.rollout=r1
"
    );
}
