//! Merging limits and labels into the text of an override that people may have written in.
//!
//! `yaml-edit` changes the text and keeps everything else as it is; `yaml_serde`, which reads YAML as
//! Compose's own parser does, then confirms that nothing but the wanted values changed. What can't
//! be edited that way (a shared anchor, say) is an error, never a guess.

use std::path::Path;

use yaml_edit::{Document, Mapping, ScalarValue, Sequence, YamlFile, YamlNode};
use yaml_serde::Value;

use super::{LimitKeys, expected::expected};
use crate::{Error, model::Limits};

const BOM: char = '\u{feff}';

/// Why an override can't be edited safely, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CannotMerge {
    /// The first line is 1.
    pub line: Option<usize>,
    pub reason: String,
    pub remedy: String,
}

impl CannotMerge {
    pub(crate) fn at(self, path: &Path) -> Error {
        Error::Override {
            path: path.to_owned(),
            line: self.line,
            reason: self.reason,
            remedy: self.remedy,
        }
    }
}

/// What the override says about one service when the merge is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub service: &'a str,
    pub limits: Limits,
    pub keys: LimitKeys,
    pub labels: &'a [(&'a str, &'a str)],
}

/// The override's text with these limits and labels for `service`, in the keys that its files use.
/// The other keys of Teal's, and a limit that is `None`, are taken out.
pub(crate) fn merged(
    existing: Option<&str>,
    service: &str,
    limits: Limits,
    keys: LimitKeys,
    labels: &[(&str, &str)],
) -> Result<String, CannotMerge> {
    let wanted = Wanted {
        service,
        limits,
        keys,
        labels,
    };
    let existing = existing.unwrap_or_default();
    let (bom, text) = match existing.strip_prefix(BOM) {
        Some(text) => (&existing[..BOM.len_utf8()], text),
        None => ("", existing),
    };
    let before = read(text)?;
    let after = match before {
        Value::Null => appended(text, wanted)?,
        Value::Mapping(_) => edited(text, wanted)?,
        _ => {
            return Err(CannotMerge {
                line: Some(1),
                reason: "the file is not a mapping".into(),
                remedy: "a compose file starts with `services:`; correct it, or move the file away"
                    .into(),
            });
        }
    };
    confirm(before, &after, wanted)?;
    Ok(format!("{bom}{after}"))
}

/// Reads the one document of the text; null where there is nothing in it but comments.
fn read(text: &str) -> Result<Value, CannotMerge> {
    let mut documents = Vec::new();
    for document in yaml_serde::Deserializer::from_str(text) {
        let value: Result<Value, _> = serde::Deserialize::deserialize(document);
        let mut value = value.map_err(|error| invalid(&error))?;
        value.apply_merge().map_err(|error| invalid(&error))?;
        documents.push(value);
    }
    if documents.len() > 1 {
        return Err(CannotMerge {
            line: second_document(text),
            reason: "the file holds more than one YAML document".into(),
            remedy: "move what is after the second `---` into a file of its own".into(),
        });
    }
    Ok(documents.pop().unwrap_or(Value::Null))
}

fn invalid(error: &yaml_serde::Error) -> CannotMerge {
    CannotMerge {
        line: error.location().map(|location| location.line()),
        reason: format!("the file is not valid YAML: {error}"),
        remedy: "correct that line, or move the file away".into(),
    }
}

fn second_document(text: &str) -> Option<usize> {
    let file = YamlFile::parse(text).tree();
    let second = file.documents().nth(1)?;
    Some(line_at(text, second.byte_range().start))
}

/// The text with a new `services` below its comments.
fn appended(text: &str, wanted: Wanted) -> Result<String, CannotMerge> {
    let bare = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    };
    if let Some(at) = text.lines().position(|line| !bare(line)) {
        return Err(CannotMerge {
            line: Some(at + 1),
            reason: "the file holds nothing that limits could be added to".into(),
            remedy: "remove this line, or move the file away".into(),
        });
    }
    let mut fresh = edited("services:\n", wanted)?;
    if text.contains("\r\n") {
        fresh = fresh.replace('\n', "\r\n");
    }
    if text.is_empty() || text.ends_with('\n') {
        return Ok(format!("{text}{fresh}"));
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Ok(format!("{text}{newline}{}", fresh.trim_end()))
}

fn edited(text: &str, wanted: Wanted) -> Result<String, CannotMerge> {
    let parsed = YamlFile::parse(text);
    if let Some(error) = parsed.positioned_errors().first() {
        return Err(CannotMerge {
            line: Some(line_at(text, error.range.start)),
            reason: format!("the file can't be edited: {}", error.message),
            remedy: "correct that line, or move the file away".into(),
        });
    }
    let file = parsed.tree();
    let root = file.document().as_ref().and_then(Document::as_mapping);
    let Some(root) = root else {
        return Err(shared(wanted.service, None));
    };
    let editor = Editor { text };
    let services = editor.mapping(&root, "services")?;
    let service = editor.mapping(&services, wanted.service)?;
    editor.set_limits(&service, wanted)?;
    editor.set_labels(&service, wanted.labels)?;
    Ok(file.to_string())
}

/// The text before the edit, for the lines in errors.
struct Editor<'a> {
    text: &'a str,
}

impl Editor<'_> {
    /// The mapping at `key`, made where there is none.
    fn mapping(&self, parent: &Mapping, key: &str) -> Result<Mapping, CannotMerge> {
        self.check(parent, key)?;
        match parent.get(key) {
            Some(node) if parent.get_mapping(key).is_none() && !is_null(&node) => {
                Err(self.cannot(&node, key, "is not a mapping"))
            }
            _ => Ok(parent.entry(key).or_insert_mapping()),
        }
    }

    fn set_limits(&self, service: &Mapping, wanted: Wanted) -> Result<(), CannotMerge> {
        let cpus = wanted.limits.cpus.map(|cpus| cpus.to_string());
        let memory = wanted.limits.memory.map(|memory| memory.to_string());
        let written = cpus.is_some() || memory.is_some();
        if written && wanted.keys.deploy() {
            let deploy = self.mapping(service, "deploy")?;
            let resources = self.mapping(&deploy, "resources")?;
            let limits = self.mapping(&resources, "limits")?;
            self.set(&limits, "cpus", cpus.as_deref())?;
            self.set(&limits, "memory", memory.as_deref())?;
        } else {
            remove_deploy_limits(service);
        }
        let in_service = |value: &Option<String>| value.clone().filter(|_| wanted.keys.service());
        self.set(service, "cpus", in_service(&cpus).as_deref())?;
        self.set(service, "mem_limit", in_service(&memory).as_deref())
    }

    /// Sets or removes a scalar.
    fn set(&self, mapping: &Mapping, key: &str, value: Option<&str>) -> Result<(), CannotMerge> {
        let Some(value) = value else {
            // People reset what the base says; that does no harm here.
            if !is_reset(mapping, key) {
                mapping.remove(key);
            }
            return Ok(());
        };
        self.check(mapping, key)?;
        if mapping
            .get(key)
            .is_some_and(|node| scalar(&node).as_deref() == Some(value))
        {
            return Ok(());
        }
        match key {
            // Without quotes YAML would read a number, and 1.10 would lose its nought.
            "cpus" => mapping.set(key, ScalarValue::double_quoted(value)),
            _ => mapping.set(key, value),
        }
        Ok(())
    }

    fn set_labels(&self, service: &Mapping, labels: &[(&str, &str)]) -> Result<(), CannotMerge> {
        if labels.is_empty() {
            return Ok(());
        }
        self.check(service, "labels")?;
        if let Some(map) = service.get_mapping("labels") {
            for (key, value) in labels {
                map.set(*key, *value);
            }
            return Ok(());
        }
        match service.get("labels") {
            Some(node) if service.get_sequence("labels").is_none() && !is_null(&node) => {
                Err(self.cannot(&node, "labels", "is neither a list nor a mapping"))
            }
            _ => {
                let list = service.entry("labels").or_insert_sequence();
                for (key, value) in labels {
                    set_item(&list, key, value);
                }
                Ok(())
            }
        }
    }

    /// What stands at `key` must be this file's own, to be merged with the base.
    fn check(&self, parent: &Mapping, key: &str) -> Result<(), CannotMerge> {
        match parent.get(key) {
            Some(node @ YamlNode::Alias(_)) => Err(self.cannot(&node, key, "is an alias")),
            Some(node) if is_reset(parent, key) => {
                Err(self.cannot(&node, key, "is reset here (`!reset`)"))
            }
            _ => Ok(()),
        }
    }

    fn cannot(&self, node: &YamlNode, key: &str, what: &str) -> CannotMerge {
        CannotMerge {
            line: Some(line_at(self.text, node.byte_range().start)),
            reason: format!("`{key}` {what}, so limits can't be added to it"),
            remedy: format!("write `{key}` out as a mapping, or remove it"),
        }
    }
}

/// Removes `cpus` and `memory` from `deploy.resources.limits`, and the mappings left empty by it.
fn remove_deploy_limits(service: &Mapping) {
    let path = ["deploy", "resources", "limits"];
    let mut mappings = vec![service.clone()];
    for key in path {
        let Some(next) = mappings.last().and_then(|mapping| mapping.get_mapping(key)) else {
            return;
        };
        mappings.push(next);
    }
    let Some(limits) = mappings.pop() else {
        return;
    };
    let mut removed = false;
    for key in ["cpus", "memory"] {
        if !is_reset(&limits, key) {
            removed |= limits.remove(key).is_some();
        }
    }
    let mut emptied = removed && limits.is_empty();
    for (parent, key) in mappings.into_iter().zip(path).rev() {
        if !emptied {
            return;
        }
        parent.remove(key);
        emptied = parent.is_empty();
    }
}

/// Sets `key=value` in a list of labels, in place where the key is there.
fn set_item(list: &Sequence, key: &str, value: &str) {
    let item = format!("{key}={value}");
    let found = list.values().position(|node| {
        scalar(&node).is_some_and(|text| text.split('=').next().map(str::trim) == Some(key))
    });
    match found {
        Some(at) => {
            list.set(at, item);
        }
        None => list.push(item),
    }
}

fn is_reset(mapping: &Mapping, key: &str) -> bool {
    let tag = mapping
        .get(key)
        .and_then(|node| node.as_tagged().and_then(yaml_edit::TaggedNode::tag));
    tag.as_deref() == Some("!reset")
}

fn is_null(node: &YamlNode) -> bool {
    node.as_scalar().is_some_and(yaml_edit::Scalar::is_null)
}

fn scalar(node: &YamlNode) -> Option<String> {
    node.as_scalar().map(yaml_edit::Scalar::as_string)
}

/// Checks by a second reader that the edit did what was wanted, and nothing else.
fn confirm(before: Value, after: &str, wanted: Wanted) -> Result<(), CannotMerge> {
    let expected = expected(before, wanted);
    let line = after
        .lines()
        .position(|line| line.trim().trim_end_matches(':') == wanted.service)
        .map(|at| at + 1);
    match read(after) {
        Ok(found) if found == expected => Ok(()),
        _ => Err(shared(wanted.service, line)),
    }
}

fn shared(service: &str, line: Option<usize>) -> CannotMerge {
    CannotMerge {
        line,
        reason: format!(
            "the limits of `{service}` can't be set without changing something else: it shares values by an anchor or a merge key (`<<`)"
        ),
        remedy: format!("write the values of `{service}` out in this file"),
    }
}

fn line_at(text: &str, offset: u32) -> usize {
    yaml_edit::byte_offset_to_line_column(text, offset as usize).line
}
