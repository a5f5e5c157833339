//! Merging into overrides that nobody thought of: what people wrote stays, whatever it is.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{awkward::edits, merge::merge};
use crate::{LimitKeys, edit::edited};

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

    /// An edit that only adds leaves every line as it is, but for the key that it sets.
    #[test]
    fn an_edit_changes_only_the_intended_lines(
        written in written(),
        name in prop::sample::select(vec!["name", "health", "alias", "label", "edge"]),
    ) {
        let before = written.text();
        let after = edited(Some(&before), &edits(name)).unwrap();
        // The edge has the service's ports, so those go.
        let ports: Vec<_> = Block::Ports.lines().iter().map(|(_, line)| line.trim()).collect();
        let of_web = |at: usize| {
            let above = before.lines().take(at).filter(|line| !line.trim().is_empty());
            let last = above.filter(|line| line.len() - line.trim_start().len() == written.indent).last();
            last.is_some_and(|line| line.trim() == "web:")
        };
        let goes = |at: usize, line: &str| name == "edge" && of_web(at) && ports.contains(&line.trim());
        let theirs: Vec<_> = before
            .lines()
            .enumerate()
            .filter(|(at, line)| !line.trim().is_empty() && !goes(*at, line))
            .map(|(_, line)| line)
            .collect();
        let kept: Vec<_> = after.lines().filter(|line| !line.trim().is_empty()).collect();
        let news = added(&theirs, &kept);
        prop_assert!(news.is_some(), "lost a line:\n{before}\n=>\n{after}");
        let ours: &[&str] = match name {
            "name" => &["container_name: !reset null"],
            "health" => &["healthcheck:", "test: [", "interval: 5s", "retries: 3"],
            "alias" => &["networks:", "default:", "aliases:", "- front"],
            "label" => &["labels:", "- dev.teal.health=http:80/", "dev.teal.health: http:80/"],
            _ => &["ports: !reset []", "teal-edge:", "image: traefik:v3", "ports: [\"80:10000\"]", "labels:", "dev.teal.role: edge"],
        };
        for line in news.unwrap() {
            let is_ours = ours.iter().any(|start| line.trim().starts_with(start));
            prop_assert!(is_ours, "`{line}` is not ours:\n{before}\n=>\n{after}");
        }
        let newlines = after.matches('\n').count();
        prop_assert_eq!(after.matches("\r\n").count(), if written.crlf { newlines } else { 0 });
        prop_assert_eq!(after.ends_with('\n'), before.ends_with('\n'));
        prop_assert_eq!(&edited(Some(&after), &edits(name)).unwrap(), &after);
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
