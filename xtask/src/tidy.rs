//! What the compiler does not see to: no circle of modules inside a crate, and files that a person can
//! read in one go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::process::root;

/// The crate whose modules still know each other in a circle: reading Traefik's labels is not yet apart
/// from what any proxy needs.
const CIRCLED: &str = "crates/traffic/src";

/// The longest file that is not a test.
const LONGEST: usize = 400;

/// Longer for now.
const LONG: [&str; 10] = [
    "crates/compose/src/model.rs",
    "crates/engine/src/engine.rs",
    "crates/model/src/limits.rs",
    "crates/model/src/options.rs",
    "crates/sidecar/src/main.rs",
    "crates/traffic/src/proof.rs",
    "crates/traffic/src/relay.rs",
    "crates/traffic/src/steer.rs",
    "crates/cli/src/cli.rs",
    "crates/testkit/src/template.rs",
];

type Modules = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_knows_itself_through_others() {
    let mut circles = Vec::new();
    for source in sources() {
        let circle = circle(&modules(&source));
        if source.ends_with(CIRCLED) {
            assert!(!circle.is_empty(), "{CIRCLED} has no circle any more");
        } else if !circle.is_empty() {
            circles.push(format!("{}: {}", source.display(), circle.join(", ")));
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn no_file_is_too_long_to_read() {
    let mut long = Vec::new();
    for source in sources() {
        for file in files(&source) {
            let name = file.strip_prefix(root()).unwrap_or(&file);
            let lines = text(&file).lines().count();
            let is_known = LONG.iter().any(|known| name == Path::new(known));
            if lines > LONGEST && !is_known && !is_test(&file) {
                long.push(format!("{}: {lines} lines", name.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The source folders of all programs and libraries.
fn sources() -> Vec<PathBuf> {
    let crates = entries(&root().join("crates"));
    let mut sources: Vec<_> = crates.into_iter().map(|it| it.join("src")).collect();
    sources.extend(["src-tauri/src", "xtask/src"].map(|folder| root().join(folder)));
    sources
}

/// The modules at the top of a crate, each with those of them that it names.
fn modules(source: &Path) -> Modules {
    let mut modules = Modules::new();
    for file in files(source) {
        let name = file.strip_prefix(source).unwrap_or(&file);
        let is_root = name == Path::new("lib.rs") || name == Path::new("main.rs");
        if !is_root && !is_test(&file) {
            let depth = name.components().count() - usize::from(name.ends_with("mod.rs"));
            let named = named(&without_tests(&text(&file)), depth);
            modules.entry(top(name)).or_default().extend(named);
        }
    }
    let known: BTreeSet<_> = modules.keys().cloned().collect();
    for (name, named) in &mut modules {
        named.retain(|other| other != name && known.contains(other));
    }
    modules
}

fn top(name: &Path) -> String {
    let first = name
        .components()
        .next()
        .map(|it| PathBuf::from(it.as_os_str()));
    let stem = first.as_deref().and_then(Path::file_stem);
    stem.unwrap_or_default().to_string_lossy().into_owned()
}

/// The names that follow `crate::`, or as many `super::` as lead to the top.
fn named(text: &str, depth: usize) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for start in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in text.match_indices(&start) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|it| it.is_alphanumeric() || it == '_' || it == ':') {
                continue;
            }
            named.extend(first_names(&text[at + start.len()..]));
        }
    }
    named
}

/// `a` of `a::b`, and `a` and `b` of `{a::{x, y}, b}`.
fn first_names(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let is_of_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
        text.trim_start().chars().take_while(is_of_name).collect()
    };
    let Some(list) = text.strip_prefix('{') else {
        return vec![word(text)];
    };
    let mut depth = 0;
    let mut names = vec![word(list)];
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(word(&list[at + 1..])),
            _ => {}
        }
    }
    names
}

/// The modules that are left when those that lead into no circle are taken away.
fn circle(modules: &Modules) -> Vec<String> {
    let mut left = modules.clone();
    loop {
        let is_in = |name: &String| left.values().any(|named| named.contains(name));
        let leaf = left
            .iter()
            .find(|(name, named)| named.is_empty() || !is_in(name))
            .map(|(name, _)| name.clone());
        let Some(leaf) = leaf else {
            return left.into_keys().collect();
        };
        left.remove(&leaf);
        for named in left.values_mut() {
            named.remove(&leaf);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in entries(folder) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else if entry.extension().is_some_and(|it| it == "rs") {
            found.push(entry);
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("a source file is text")
}

/// What is compiled for tests alone, by its name or its folder.
fn is_test(file: &Path) -> bool {
    const NAMES: [&str; 6] = ["tests", "testing", "corpus", "published", "tidy", "fuzzing"];
    let mut parts = file.iter().rev().take(3).map(|it| it.to_string_lossy());
    parts.any(|part| NAMES.contains(&part.trim_end_matches(".rs")))
}

fn without_tests(text: &str) -> String {
    let end = text.find("\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_circle_is_seen() {
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let mut modules = Modules::from([
        ("a".to_owned(), named(&["b"])),
        ("b".to_owned(), named(&["c"])),
        ("c".to_owned(), named(&[])),
        ("d".to_owned(), named(&["a"])),
    ]);
    assert!(circle(&modules).is_empty());
    modules.insert("c".to_owned(), named(&["a"]));
    assert_eq!(circle(&modules), ["a", "b", "c"]);
    let text = "use crate::{a::{self, x}, b};\nuse super::c::y;\nlet _ = my_crate::d::z;";
    assert_eq!(super::tidy::named(text, 1), named(&["a", "b", "c"]));
}
