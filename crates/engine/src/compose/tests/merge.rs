//! The override's text, byte for byte, for files as people write them.

use std::fmt::Write as _;

use futures_util::{StreamExt, stream};
use proptest::prelude::*;

use super::{compose, folder, write};
use crate::{
    compose::{
        LimitKeys,
        merge::{CannotMerge, merged},
    },
    model::{Limits, ProjectSource},
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

fn merge(existing: &str, keys: LimitKeys) -> Result<String, CannotMerge> {
    merged(Some(existing), "web", limits("1.5", "768M"), keys, LABELS)
}

/// One case of `merge.diff`.
struct Case {
    name: String,
    keys: LimitKeys,
    before: String,
    after: String,
}

fn cases() -> Vec<Case> {
    let text = include_str!("merge.diff");
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
        "can't add limits to `/p/docker-compose.blue-green.yml:2`: `web` is not a mapping, so nothing can be set there"
    );
    assert!(error.hint().unwrap().contains("write `web` out"));
}

/// An override as somebody may have written it. Lines that a merge may touch hold `MINE`.
#[derive(Debug, Clone)]
struct Written {
    services: Vec<(&'static str, Vec<Block>)>,
    indent: usize,
    crlf: bool,
    final_newline: bool,
}

#[derive(Debug, Clone, Copy)]
enum Block {
    Comment,
    Blank,
    Image,
    Environment,
    Ports,
    Flow,
    Text,
    LabelList,
    LabelMap,
    DeployLimits,
    DeployOther,
    ServiceLimits,
}

/// Marks the lines of the service that the merge owns.
const MINE: &str = "# mine";

impl Block {
    /// Its lines, each with its depth below the service. A key can stand in a service only once.
    fn lines(self) -> &'static [(usize, &'static str)] {
        match self {
            Self::Comment => &[(0, "# a comment: {not} [yaml")],
            Self::Blank => &[(0, "")],
            Self::Image => &[(0, "image: \"example/web:1\"   # pinned")],
            Self::Environment => &[
                (0, "environment:"),
                (1, "# cpus: '9'"),
                (1, "cpus: nine"),
                (1, "memory: 'x # y'"),
            ],
            Self::Ports => &[
                (0, "ports:"),
                (1, "- \"80\""),
                (1, "- target: 81"),
                (1, "  published: \"0\""),
            ],
            Self::Flow => &[(0, "logging: {driver: local , options: { max-size: 1m }}")],
            Self::Text => &[
                (0, "command: |"),
                (1, "deploy:"),
                (1, "  resources: none"),
                (1, "# text"),
            ],
            Self::LabelList => &[
                (0, "labels:"),
                (1, "- a=b"),
                (1, "- deployment.type=x # mine"),
                (1, "- c=d"),
            ],
            Self::LabelMap => &[
                (0, "labels:"),
                (1, "a: b"),
                (1, "dev.teal.rollout: r0 # mine"),
            ],
            Self::DeployLimits => &[
                (0, "deploy:"),
                (1, "replicas: 2"),
                (1, "resources:"),
                (2, "limits:"),
                (3, "memory: 5M # mine"),
                (3, "pids: 7"),
            ],
            Self::DeployOther => &[(0, "deploy:"), (1, "restart_policy: {condition: any}")],
            Self::ServiceLimits => &[(0, "cpus: 0.1 # mine"), (0, "mem_limit: 1m # mine")],
        }
    }

    fn key(self) -> &'static str {
        let line = self.lines()[0].1;
        line.split(':').next().unwrap_or_default()
    }
}

impl Written {
    fn text(&self) -> String {
        let mut text = String::from("# head\nservices:\n");
        for (name, blocks) in &self.services {
            let indent = " ".repeat(self.indent);
            writeln!(text, "{indent}{name}:").unwrap();
            let mut keys = Vec::new();
            for block in blocks {
                let key = block.key();
                if !key.is_empty() && !key.starts_with('#') {
                    if keys.contains(&key) {
                        continue;
                    }
                    keys.push(key);
                }
                for (depth, line) in block.lines() {
                    let indent = " ".repeat(self.indent * (depth + 2));
                    let line = if *name == "web" {
                        (*line).to_owned()
                    } else {
                        line.replace(MINE, "# theirs")
                    };
                    if line.is_empty() {
                        text.push('\n');
                    } else {
                        writeln!(text, "{indent}{line}").unwrap();
                    }
                }
            }
        }
        if !self.final_newline {
            text.truncate(text.trim_end().len());
        }
        if self.crlf {
            text = text.replace('\n', "\r\n");
        }
        text
    }
}

fn written() -> impl Strategy<Value = Written> {
    use Block::*;
    let block = || {
        prop::sample::select(vec![
            Comment,
            Blank,
            Image,
            Environment,
            Ports,
            Flow,
            Text,
            LabelList,
            LabelMap,
            DeployLimits,
            DeployOther,
            ServiceLimits,
        ])
    };
    let blocks = || prop::collection::vec(block(), 0..7);
    let services = (
        blocks(),
        blocks(),
        blocks(),
        prop::sample::select(vec![0, 1, 2]),
    );
    let form = (
        prop::sample::select(vec![2_usize, 3, 4]),
        any::<bool>(),
        any::<bool>(),
    );
    (services, form).prop_map(|((a, b, web, at), (indent, crlf, final_newline))| {
        let mut services = vec![("api", a), ("web2", b)];
        services.insert(at, ("web", web));
        Written {
            services,
            indent,
            crlf,
            final_newline,
        }
    })
}

fn keys() -> impl Strategy<Value = LimitKeys> {
    prop::sample::select(vec![LimitKeys::Deploy, LimitKeys::Service, LimitKeys::Both])
}

/// Whether a line is one that a merge writes for `web`.
fn is_ours(line: &str) -> bool {
    let line = line.trim();
    let keys = ["deploy:", "resources:", "limits:", "labels:"];
    keys.contains(&line)
        || ["cpus: \"1.5\"", "memory: 768M", "mem_limit: 768M"]
            .iter()
            .any(|start| line.starts_with(start))
        || line.contains("deployment.type")
        || line.contains("dev.teal.rollout")
}

/// The lines of `after` that are not in `before`, where `before` is all in `after` in its order.
fn added<'a>(before: &[&str], after: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut before = before.iter().peekable();
    let added = after
        .iter()
        .filter(|line| before.next_if_eq(line).is_none())
        .copied()
        .collect();
    before.next().is_none().then_some(added)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Everything that is not ours stands in the result, in its order; everything new is ours.
    #[test]
    fn what_people_wrote_stays(written in written(), keys in keys()) {
        let before = written.text();
        let after = merge(&before, keys).unwrap();

        let theirs: Vec<_> = before
            .lines()
            .filter(|line| !line.contains(MINE) && !line.trim().is_empty())
            .collect();
        let kept: Vec<_> = after.lines().filter(|line| !line.trim().is_empty()).collect();
        let news = added(&theirs, &kept);
        prop_assert!(news.is_some(), "lost a line:\n{before}\n=>\n{after}");
        for line in news.unwrap() {
            prop_assert!(is_ours(line), "`{line}` is not ours:\n{before}\n=>\n{after}");
        }

        let newlines = after.matches('\n').count();
        prop_assert_eq!(after.matches("\r\n").count(), if written.crlf { newlines } else { 0 });
        if before.ends_with('\n') {
            prop_assert!(after.ends_with('\n'));
        }
        prop_assert_eq!(&merge(&after, keys).unwrap(), &after);
    }

    /// Text that is broken in any way is an error, or merged right: never a panic.
    #[test]
    fn broken_text_is_no_harm(
        written in written(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, "[ \n\t:#&*!|>{}\\[\\]a'\"-]{0,3}"), 1..4),
        keys in keys(),
    ) {
        let mut text: Vec<char> = written.text().chars().collect();
        for (at, count, insert) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + count).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(after) = merge(&text, keys) {
            let value: yaml_serde::Value = yaml_serde::from_str(&after).unwrap();
            let web = &value["services"]["web"];
            if keys != LimitKeys::Service {
                prop_assert_eq!(web["deploy"]["resources"]["limits"]["cpus"].as_str(), Some("1.5"));
            }
            if keys != LimitKeys::Deploy {
                prop_assert_eq!(web["mem_limit"].as_str(), Some("768M"));
            }
        }
    }
}
