//! Files as people write them, however awkward: each with an edit and, line by line, what it makes
//! of the file. `cargo test` shows the difference where one comes out otherwise.

use super::merge::{Case, cases_of};
use crate::edit::{CannotEdit, Edit, Node, edited};

/// The edits that the cases name.
pub(super) fn edits(name: &str) -> Vec<Edit> {
    let web = |key| ["services", "web", key];
    let text = |text: &str| Node::Text(text.to_owned());
    let entries = |entries: &[(&str, Node)]| {
        let owned = entries.iter().cloned();
        Node::Map(owned.map(|(key, value)| (key.to_owned(), value)).collect())
    };
    match name {
        "name" => vec![Edit::set(&web("container_name"), Node::reset())],
        "drop" => vec![Edit::remove(&web("container_name"))],
        "ports" => vec![Edit::set(&web("ports"), Node::Yaml("!reset []".to_owned()))],
        "alias" => vec![Edit::append(
            &["services", "web", "networks", "default", "aliases"],
            "front",
        )],
        "label" => vec![Edit::set_item(
            &web("labels"),
            "dev.teal.health",
            "http:80/",
        )],
        "health" => vec![Edit::set(
            &web("healthcheck"),
            entries(&[
                (
                    "test",
                    Node::list(&["CMD", "wget", "http://[::1]/?a=b#c: d"]),
                ),
                ("interval", text("5s")),
                ("retries", Node::Yaml("3".to_owned())),
            ]),
        )],
        "edge" => vec![
            Edit::set(&web("ports"), Node::Yaml("!reset []".to_owned())),
            Edit::set(
                &["services", "teal-edge"],
                entries(&[
                    ("image", text("traefik:v3")),
                    ("ports", Node::list(&["80:10000"])),
                    ("labels", entries(&[("dev.teal.role", text("edge"))])),
                ]),
            ),
        ],
        other => panic!("no edit `{other}`"),
    }
}

fn named(case: &Case) -> Vec<Edit> {
    let (_, name) = case.name.rsplit_once('(').unwrap();
    edits(name.trim_end_matches(')'))
}

#[test]
fn only_the_wanted_lines_change() {
    let cases = cases_of(include_str!("awkward.diff"));
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in &cases {
        let edits = named(case);
        let after = edited(Some(&case.before), &edits)
            .unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(after, case.after, "{}", case.name);
        // And nothing, where all is as wanted.
        let again = edited(Some(&after), &edits).unwrap();
        assert_eq!(again, after, "{}", case.name);
    }
}

#[test]
fn what_can_not_be_edited_safely_is_refused_with_its_line() {
    for (text, name, line, reason) in [
        (
            "services: {}\n---\nservices: {}\n",
            "name",
            2,
            "more than one YAML document",
        ),
        ("services:\n\tweb: {}\n", "name", 2, "not valid YAML"),
        (
            "services:\n  web:\n    image: a\n  web:\n    image: b\n",
            "name",
            2,
            "duplicate",
        ),
        (
            "services:\n  web: &w {image: a}\n  api: *w\n",
            "name",
            2,
            "without changing something else",
        ),
        (
            "services:\n  web: &w {image: a}\n  api: {<<: *w}\n",
            "health",
            2,
            "without changing",
        ),
        (
            "x: &w {image: a}\nservices:\n  web: *w\n",
            "name",
            3,
            "`web` is an alias",
        ),
        (
            "services:\n  web:\n    networks: &n {default: {aliases: [a]}}\n  api: {networks: *n}\n",
            "alias",
            2,
            "without changing",
        ),
        (
            "services:\n  web:\n    networks: [default]\n",
            "alias",
            3,
            "`networks` is not a mapping",
        ),
        (
            "services:\n  web:\n    networks: {default: {aliases: web}}\n",
            "alias",
            3,
            "`aliases` is not a list",
        ),
        (
            "services:\n  web:\n    healthcheck: !reset null\n",
            "health",
            3,
            "is reset here",
        ),
        (
            "services:\n  web:\n    labels: a=b\n",
            "label",
            3,
            "`labels` is not a mapping",
        ),
        (
            "x: &b {labels: [a=b]}\nservices:\n  web: {<<: *b}\n",
            "label",
            3,
            "without changing",
        ),
        (
            "services:\n  web:\n    ports: *nowhere\n",
            "ports",
            3,
            "not valid YAML",
        ),
        ("services: web\n", "name", 1, "`services` is not a mapping"),
    ] {
        let error = edited(Some(text), &edits(name)).expect_err(text);
        let CannotEdit {
            line: found,
            reason: said,
            remedy,
        } = &error;
        assert!(said.contains(reason), "{text}{error:?}");
        assert_eq!(*found, Some(line), "{text}{error:?}");
        assert!(!remedy.is_empty(), "{text}{error:?}");
    }
}
