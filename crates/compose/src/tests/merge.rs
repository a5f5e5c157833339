//! The override's text, byte for byte, for files as people write them.

use futures_util::{StreamExt, stream};

use super::{compose, folder, write};
use crate::{LimitKeys, edit::CannotEdit, merge::merged};
use teal_model::{Limits, ProjectSource};

pub(super) const LABELS: &[(&str, &str)] = &[
    ("deployment.type", "blue-green"),
    ("dev.teal.rollout", "r1"),
];

fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    }
}

pub(super) fn merge(existing: &str, keys: LimitKeys) -> Result<String, CannotEdit> {
    merged(Some(existing), "web", limits("1.5", "768M"), keys, LABELS)
}

/// One case of `merge.diff`.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) keys: LimitKeys,
    pub(super) before: String,
    pub(super) after: String,
}

fn cases() -> Vec<Case> {
    cases_of(include_str!("merge.diff"))
}

/// The cases of a file of differences.
pub(super) fn cases_of(text: &str) -> Vec<Case> {
    let sections = text.split("\n@@ ").skip(1);
    sections
        .map(|section| {
            let (name, lines) = section.split_once('\n').unwrap();
            let side = |other: char| {
                let lines = lines.lines().filter(|line| !line.starts_with(other));
                lines.map(plain).collect::<String>()
            };
            Case {
                name: name.to_owned(),
                keys: match name.rsplit_once('(') {
                    Some((_, "service)")) => LimitKeys::Service,
                    Some((_, "both)")) => LimitKeys::Both,
                    _ => LimitKeys::Deploy,
                },
                before: side('+'),
                after: side('-'),
            }
        })
        .collect()
}

/// A line of the file for one of the difference.
fn plain(line: &str) -> String {
    let line = format!("{}\n", &line[1..]);
    line.replace('␍', "\r")
        .replace('␂', "\u{feff}")
        .replace('·', " ")
        .replace("␄\n", "")
}

#[test]
fn only_the_wanted_lines_change() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in &cases {
        let after = merge(&case.before, case.keys).unwrap_or_else(|error| {
            panic!("{}: {error:?}", case.name);
        });
        assert_eq!(after, case.after, "{}", case.name);
        // And nothing, where all is as wanted.
        assert_eq!(merge(&after, case.keys).unwrap(), after, "{}", case.name);
    }
}

#[tokio::test]
async fn compose_takes_every_result_and_reads_the_wanted_limits() {
    let base = |limits: &str| {
        format!(
            "services:\n  web: {{image: web, {limits}, labels: {{base: kept}}}}\n  api: {{image: api}}\n  aweb: {{image: a}}\n  web2: {{image: b}}\nnetworks: {{front: }}\nvolumes: {{data: }}\n"
        )
    };
    let deploy = base("deploy: {resources: {limits: {cpus: '1.0', memory: 512M}}}");
    let service = base("cpus: 1.0, mem_limit: 512M");
    let both = base("cpus: 1.0, deploy: {resources: {limits: {cpus: '1.0', memory: 512M}}}");
    let files = [
        (LimitKeys::Deploy, "deploy.yaml", deploy.as_str()),
        (LimitKeys::Service, "service.yaml", service.as_str()),
        (LimitKeys::Both, "both.yaml", both.as_str()),
    ];
    let project = folder(&files.map(|(_, name, text)| (name, text)));
    let source = |keys: LimitKeys| ProjectSource {
        files: files
            .iter()
            .filter(|(others, ..)| *others == keys)
            .map(|(_, name, _)| project.path().join(name))
            .collect(),
        ..ProjectSource::default()
    };
    let compose = compose().await;
    for (keys, ..) in files {
        let model = compose.model(&source(keys), &[]).await.unwrap();
        assert_eq!(model.services["web"].limit_keys(), keys);
    }
    stream::iter(cases().into_iter().enumerate())
        .for_each_concurrent(4, async |(at, case)| {
            let file = write(project.path(), &format!("override-{at}.yml"), &case.after);
            let model = compose
                .model(&source(case.keys), &[&file])
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", case.name));
            let web = &model.services["web"];
            assert_eq!(web.limits(), limits("1.5", "768M"), "{}", case.name);
            for (key, value) in LABELS {
                assert_eq!(web.labels[*key], *value, "{}", case.name);
            }
            assert_eq!(web.labels["base"], "kept", "{}", case.name);
        })
        .await;
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

#[test]
fn a_limit_that_nobody_knows_is_not_written() {
    let only = |limits: Limits| merged(None, "web", limits, LimitKeys::Deploy, &[]).unwrap();
    let cpus = Limits {
        memory: None,
        ..limits("2", "1G")
    };
    assert_eq!(
        only(cpus),
        "services:\n  web:\n    deploy:\n      resources:\n        limits:\n          cpus: \"2\"\n"
    );

    // What stands there from before goes, with the mappings that held nothing else.
    let before = merge("", LimitKeys::Deploy).unwrap();
    let none = Limits::default();
    let after = merged(Some(&before), "web", none, LimitKeys::Deploy, LABELS).unwrap();
    assert_eq!(
        after,
        "services:\n  web:\n    labels:\n      - deployment.type=blue-green\n      - dev.teal.rollout=r1\n"
    );
}

#[test]
fn names_that_yaml_would_take_for_something_else_are_quoted() {
    for name in [
        "1",
        "1.5",
        "true",
        "null",
        "no",
        "0x1",
        "2026-01-01",
        "-",
        "a.b-c_d",
    ] {
        let text = merged(None, name, limits("1", "1G"), LimitKeys::Deploy, LABELS).unwrap();
        let value: yaml_serde::Value = yaml_serde::from_str(&text).unwrap();
        let services = value["services"].as_mapping().unwrap();
        assert_eq!(
            services.keys().next().unwrap().as_str(),
            Some(name),
            "{text}"
        );
    }
}

#[test]
fn what_can_not_be_edited_safely_is_an_error_with_its_line() {
    for (text, line, reason) in [
        ("services:\n  web: [\n", 3, "not valid YAML"),
        ("services:\n\tweb:\n", 2, "not valid YAML"),
        (
            "services:\n  web:\n    image: a\n    image: b\n",
            3,
            "duplicate",
        ),
        (
            "services: {}\n---\nservices: {}\n",
            2,
            "more than one YAML document",
        ),
        ("- a\n", 1, "not a mapping"),
        ("just text\n", 1, "not a mapping"),
        ("# x\nnull\n", 2, "holds nothing"),
        ("services:\n  - web\n", 2, "`services` is not a mapping"),
        ("# x\nservices:\n  web: yes\n", 3, "`web` is not a mapping"),
        (
            "x: &x {image: y}\nservices:\n  web: *x\n",
            3,
            "`web` is an alias",
        ),
        (
            "services:\n  web:\n    image: x\n    deploy: here\n",
            4,
            "`deploy` is not a mapping",
        ),
        (
            "services:\n  web:\n    deploy: !reset null\n",
            3,
            "`deploy` is reset here",
        ),
        (
            "services:\n  web:\n    deploy: {resources: {limits: {cpus: !reset null}}}\n",
            3,
            "`cpus` is reset",
        ),
        (
            "services:\n  web:\n    labels: !reset []\n",
            3,
            "`labels` is reset here",
        ),
        (
            "services:\n  web:\n    labels: a=b\n",
            3,
            "`labels` is not a mapping",
        ),
        (
            "x: &l [a=b]\nservices:\n  web:\n    labels: *l\n",
            4,
            "`labels` is an alias",
        ),
        // Another service would change with it.
        (
            "services:\n  web: &web\n    image: x\n  api: *web\n",
            2,
            "without changing something else",
        ),
        (
            "services:\n  web:\n    deploy: &d {replicas: 2}\n  api: {deploy: *d}\n",
            2,
            "without changing",
        ),
        (
            "services:\n  web:\n    labels: &l [a=b]\n  api: {labels: *l}\n",
            2,
            "without changing",
        ),
        (
            "services:\n  web: &web {image: x}\n  api:\n    <<: *web\n",
            2,
            "without changing",
        ),
        // What the merge key brings would be lost.
        (
            "x: &x {deploy: {replicas: 2}}\nservices:\n  web:\n    <<: *x\n",
            3,
            "without changing",
        ),
        (
            "x: &x {labels: [a=b]}\nservices:\n  web:\n    <<: *x\n",
            3,
            "without changing",
        ),
    ] {
        let error = merge(text, LimitKeys::Deploy).expect_err(text);
        assert_eq!(error.line, Some(line), "{text}{error:?}");
        assert!(error.reason.contains(reason), "{text}{error:?}");
        assert!(!error.remedy.is_empty());
    }
}

#[test]
fn the_error_names_the_file_and_the_line() {
    let error = merge("services:\n  web: 1\n", LimitKeys::Deploy).unwrap_err();
    let error = error.at(std::path::Path::new("/p/docker-compose.blue-green.yml"));
    assert_eq!(
        error.to_string(),
        "can't edit `/p/docker-compose.blue-green.yml:2`: `web` is not a mapping, so nothing can be set there"
    );
    assert!(error.hint().unwrap().contains("write `web` out"));
}
