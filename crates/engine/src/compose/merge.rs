//! Merging limits and labels into the text of an override that people may have written in.
//!
//! `yaml-edit` changes the text and keeps everything else as it is; `yaml_serde`, which reads YAML as
//! Compose's own parser does, then confirms that nothing but the wanted values changed. What can't
//! be edited that way (a shared anchor, say) is an error, never a guess.

use std::path::Path;

use yaml_edit::{Document, Mapping, ScalarValue, Sequence, YamlFile, YamlNode};
use yaml_serde::Value;

use super::{LimitKeys, editable, expected::expected};
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

impl Wanted<'_> {
    /// Whether anything has to stand below `deploy.resources.limits`.
    pub(super) fn in_deploy(&self) -> bool {
        let any = self.limits.cpus.is_some() || self.limits.memory.is_some();
        any && self.keys.deploy()
    }
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
    let after = match read(text)? {
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
    // A file without a final newline gets none, unless a text block would lose it that way.
    let bare = after.trim_end_matches(['\r', '\n']);
    if !text.is_empty() && !text.ends_with('\n') && confirm(text, bare, wanted).is_ok() {
        return Ok(format!("{bom}{bare}"));
    }
    confirm(text, &after, wanted)?;
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
    let newline = match text {
        _ if text.is_empty() || text.ends_with('\n') => "",
        _ if text.contains("\r\n") => "\r\n",
        _ => "\n",
    };
    Ok(format!("{text}{newline}{fresh}"))
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
        return Err(shared(text, wanted.service));
    };
    editable::check(text, &root, wanted)?;
    let services = root.entry("services").or_insert_mapping();
    let service = services.entry(wanted.service).or_insert_mapping();
    set_limits(&service, wanted);
    set_labels(&service, wanted.labels);
    Ok(file.to_string())
}

fn set_limits(service: &Mapping, wanted: Wanted) {
    let cpus = wanted.limits.cpus.map(|cpus| cpus.to_string());
    let memory = wanted.limits.memory.map(|memory| memory.to_string());
    if wanted.in_deploy() {
        let deploy = service.entry("deploy").or_insert_mapping();
        let resources = deploy.entry("resources").or_insert_mapping();
        let limits = resources.entry("limits").or_insert_mapping();
        set(&limits, "cpus", cpus.as_deref());
        set(&limits, "memory", memory.as_deref());
    } else {
        remove_deploy_limits(service);
    }
    let in_service = wanted.keys.service();
    set(service, "cpus", cpus.as_deref().filter(|_| in_service));
    set(
        service,
        "mem_limit",
        memory.as_deref().filter(|_| in_service),
    );
}

/// Sets or removes a scalar.
fn set(mapping: &Mapping, key: &str, value: Option<&str>) {
    let Some(value) = value else {
        // People reset what the base says; that does no harm here.
        if !editable::is_reset(mapping, key) {
            mapping.remove(key);
        }
        return;
    };
    if mapping.get(key).is_some_and(|node| is_text(&node, value)) {
        return;
    }
    if key == "cpus" {
        // Without quotes YAML would read a number.
        mapping.set(key, ScalarValue::double_quoted(value));
    } else {
        mapping.set(key, value);
    }
}

/// Whether this is `value` already, as text, in whichever quotes.
fn is_text(node: &YamlNode, value: &str) -> bool {
    node.as_scalar().is_some_and(|scalar| {
        scalar.as_string() == value && (scalar.is_quoted() || value.parse::<f64>().is_err())
    })
}

fn set_labels(service: &Mapping, labels: &[(&str, &str)]) {
    if labels.is_empty() {
        return;
    }
    if let Some(map) = service.get_mapping("labels") {
        for (key, value) in labels {
            set(&map, key, Some(value));
        }
    } else {
        let list = service.entry("labels").or_insert_sequence();
        for (key, value) in labels {
            set_item(&list, key, value);
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
        if !editable::is_reset(&limits, key) {
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
        node.as_scalar()
            .is_some_and(|scalar| scalar.as_string().split('=').next().map(str::trim) == Some(key))
    });
    match found {
        Some(at) => {
            list.set(at, item);
        }
        None => list.push(item),
    }
}

/// Checks by a second reader that the edit did what was wanted, and nothing else.
fn confirm(text: &str, after: &str, wanted: Wanted) -> Result<(), CannotMerge> {
    let found = read(after).map_err(|_| shared(text, wanted.service))?;
    let is_edited = |before: &str| {
        let before = read(before);
        before.is_ok_and(|before| expected(before, wanted) == found)
    };
    // A text block at the end of a file without a newline gets one when something follows it.
    if is_edited(text) || is_edited(&format!("{text}\n")) {
        Ok(())
    } else {
        Err(shared(text, wanted.service))
    }
}

fn shared(text: &str, service: &str) -> CannotMerge {
    let document = YamlFile::parse(text).tree().document();
    let services = document.and_then(|document| document.get_mapping("services"));
    let entry = services.and_then(|services| services.find_entry_by_key(service));
    let key = entry.and_then(|entry| entry.key_node());
    CannotMerge {
        line: key.map(|key| line_at(text, key.byte_range().start)),
        reason: format!(
            "the limits of `{service}` can't be set without changing something else: it shares values by an anchor or a merge key (`<<`)"
        ),
        remedy: format!("write the values of `{service}` out in this file"),
    }
}

pub(super) fn line_at(text: &str, offset: u32) -> usize {
    yaml_edit::byte_offset_to_line_column(text, offset as usize).line
}
