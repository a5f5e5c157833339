//! Editing the text of a compose file that people wrote: only the wanted values change.
//!
//! `yaml-edit` changes the text and keeps everything else as it is: comments, order, quotes, flow
//! style, anchors, line ends. `yaml_serde`, which reads YAML as Compose's own parser does, then
//! confirms that nothing but the wanted values changed. What can't be edited that way (a shared
//! anchor, say) is an error, never a guess.

mod check;
mod expected;
mod look;
mod text;

use std::path::Path;

use yaml_edit::{Document, YamlFile};
use yaml_serde::Value;

use expected::expected;
pub(crate) use look::{is_empty_at, item_at, node_at, says_nothing};
pub use look::{list_at, says};
use teal_model::Error;

const BOM: char = '\u{feff}';

/// How many keys of a path stay although they are empty: `services` and the service's own.
const KEPT: usize = 2;

/// Why a file can't be edited safely, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotEdit {
    /// The first line is 1.
    pub line: Option<usize>,
    pub reason: String,
    pub remedy: String,
}

impl CannotEdit {
    pub fn at(self, path: &Path) -> Error {
        Error::Override {
            path: path.to_owned(),
            line: self.line,
            reason: self.reason,
            remedy: self.remedy,
        }
    }
}

/// The keys that lead to a value, from the top of the file.
pub(crate) type KeyPath = Vec<String>;

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The value at the path becomes this; the mappings on the way are made where they are missing.
    Set { path: KeyPath, value: Node },
    /// The key goes, with the mappings below a service that are empty without it. A key that is
    /// reset here (`!reset`) stays.
    Remove { path: KeyPath },
    /// The key has this value in a mapping, or in a list of `key=value` as Compose has for labels;
    /// a list is made where there is nothing.
    SetItem {
        path: KeyPath,
        key: String,
        value: String,
    },
    /// The key goes from such a mapping or list, with what is empty without it.
    RemoveItem { path: KeyPath, key: String },
    /// The list at the path has this item, at its end where it is new.
    Append { path: KeyPath, item: String },
}

/// A value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A string, in quotes only where YAML would read something else.
    Text(String),
    /// A string in double quotes.
    Quoted(String),
    /// YAML on one line, such as `!reset null` or `[1, 2]`.
    Yaml(String),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Takes back what the files before say.
    pub fn reset() -> Self {
        Self::Yaml("!reset null".to_owned())
    }

    /// A list of strings on one line.
    pub fn list<T: AsRef<str>>(items: &[T]) -> Self {
        let items: Vec<_> = items.iter().map(|item| quoted(item.as_ref())).collect();
        Self::Yaml(format!("[{}]", items.join(", ")))
    }

    /// The value as YAML on one line.
    fn flow(&self) -> String {
        match self {
            Self::Text(text) | Self::Quoted(text) => quoted(text),
            Self::Yaml(yaml) => yaml.clone(),
            Self::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quoted(key), value.flow()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn value(&self) -> Result<Value, CannotEdit> {
        match self {
            Self::Text(text) | Self::Quoted(text) => Ok(Value::from(text.as_str())),
            Self::Yaml(_) | Self::Map(_) => read(&self.flow()),
        }
    }
}

impl Edit {
    pub fn set(path: &[&str], value: Node) -> Self {
        Self::Set {
            path: key_path(path),
            value,
        }
    }

    pub fn remove(path: &[&str]) -> Self {
        Self::Remove {
            path: key_path(path),
        }
    }

    pub fn set_item(path: &[&str], key: &str, value: &str) -> Self {
        Self::SetItem {
            path: key_path(path),
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    pub fn remove_item(path: &[&str], key: &str) -> Self {
        Self::RemoveItem {
            path: key_path(path),
            key: key.to_owned(),
        }
    }

    pub fn append(path: &[&str], item: &str) -> Self {
        Self::Append {
            path: key_path(path),
            item: item.to_owned(),
        }
    }

    /// The last key of the path.
    pub fn key(&self) -> &str {
        self.path().last().map_or("", String::as_str)
    }

    fn path(&self) -> &[String] {
        match self {
            Self::Set { path, .. }
            | Self::Remove { path }
            | Self::SetItem { path, .. }
            | Self::RemoveItem { path, .. }
            | Self::Append { path, .. } => path,
        }
    }
}

fn key_path(path: &[&str]) -> KeyPath {
    path.iter().map(ToString::to_string).collect()
}

/// A string as JSON writes it, which YAML reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text with the edits in it. A file that says so already comes back as it is.
pub fn edited(existing: Option<&str>, edits: &[Edit]) -> Result<String, CannotEdit> {
    let existing = existing.unwrap_or_default();
    let (bom, text) = match existing.strip_prefix(BOM) {
        Some(text) => (&existing[..BOM.len_utf8()], text),
        None => ("", existing),
    };
    let before = read(text)?;
    let needed = needed(&before, edits)?;
    let edits = needed.as_slice();
    if edits.is_empty() {
        return Ok(existing.to_owned());
    }
    let after = match before {
        Value::Null => appended(text, edits)?,
        Value::Mapping(_) => changed(text, edits)?,
        _ => {
            return Err(CannotEdit {
                line: Some(1),
                reason: "the file is not a mapping".into(),
                remedy: "a compose file starts with `services:`; correct it, or move the file away"
                    .into(),
            });
        }
    };
    // A file without a final newline gets none, unless a text block would lose it that way.
    let bare = after.trim_end_matches(['\r', '\n']);
    if !text.is_empty() && !text.ends_with('\n') && confirm(text, bare, edits).is_ok() {
        return Ok(format!("{bom}{bare}"));
    }
    confirm(text, &after, edits)?;
    Ok(format!("{bom}{after}"))
}

/// Whether an item of a list of `key=value` is that of the key.
fn is_item(item: &str, key: &str) -> bool {
    item.split('=').next().map(str::trim) == Some(key)
}

/// Reads the one document of the text; null where there is nothing in it but comments.
fn read(text: &str) -> Result<Value, CannotEdit> {
    let mut documents = Vec::new();
    for document in yaml_serde::Deserializer::from_str(text) {
        let value: Result<Value, _> = serde::Deserialize::deserialize(document);
        let mut value = value.map_err(|error| invalid(&error))?;
        value.apply_merge().map_err(|error| invalid(&error))?;
        documents.push(value);
    }
    if documents.len() > 1 {
        return Err(CannotEdit {
            line: second_document(text),
            reason: "the file holds more than one YAML document".into(),
            remedy: "move what is after the second `---` into a file of its own".into(),
        });
    }
    Ok(documents.pop().unwrap_or(Value::Null))
}

fn invalid(error: &yaml_serde::Error) -> CannotEdit {
    CannotEdit {
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

/// The edits that change something: the others are left alone, however they are written.
fn needed(before: &Value, edits: &[Edit]) -> Result<Vec<Edit>, CannotEdit> {
    // Nothing is taken out of an empty file.
    let mut value = expected(before.clone(), &[])?;
    let mut needed = Vec::new();
    for edit in edits {
        let next = expected(value.clone(), std::slice::from_ref(edit))?;
        if next != value {
            needed.push(edit.clone());
        }
        value = next;
    }
    Ok(needed)
}

/// The text with a new `services` below its comments.
fn appended(text: &str, edits: &[Edit]) -> Result<String, CannotEdit> {
    let bare = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    };
    if let Some(at) = text.lines().position(|line| !bare(line)) {
        return Err(CannotEdit {
            line: Some(at + 1),
            reason: "the file holds nothing that a service could be added to".into(),
            remedy: "remove this line, or move the file away".into(),
        });
    }
    let mut fresh = changed("services:\n", edits)?;
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

fn changed(text: &str, edits: &[Edit]) -> Result<String, CannotEdit> {
    let parsed = YamlFile::parse(text);
    if let Some(error) = parsed.positioned_errors().first() {
        return Err(CannotEdit {
            line: Some(line_at(text, error.range.start)),
            reason: format!("the file can't be edited: {}", error.message),
            remedy: "correct that line, or move the file away".into(),
        });
    }
    let file = parsed.tree();
    let root = file.document().as_ref().and_then(Document::as_mapping);
    let Some(root) = root else {
        return Err(shared(text, edits));
    };
    // Every place is looked at before the first is changed.
    for edit in edits {
        check::check(text, &root, edit)?;
    }
    for edit in edits {
        text::apply(&root, edit)?;
    }
    Ok(file.to_string())
}

/// Checks by a second reader that the edits did what was wanted, and nothing else.
fn confirm(text: &str, after: &str, edits: &[Edit]) -> Result<(), CannotEdit> {
    let found = read(after).map_err(|_| shared(text, edits))?;
    let is_edited = |before: &str| {
        let wanted = read(before).and_then(|before| expected(before, edits));
        wanted.is_ok_and(|wanted| wanted == found)
    };
    // A text block at the end of a file without a newline gets one when something follows it.
    if is_edited(text) || is_edited(&format!("{text}\n")) {
        Ok(())
    } else {
        Err(shared(text, edits))
    }
}

/// The edits would change something else as well. The line is the service's.
fn shared(text: &str, edits: &[Edit]) -> CannotEdit {
    let path = edits.first().map(Edit::path).unwrap_or_default();
    let name = path.get(1).or(path.first()).cloned().unwrap_or_default();
    let document = YamlFile::parse(text).tree().document();
    let services = document.and_then(|document| document.get_mapping(path.first()?.as_str()));
    let entry = services.and_then(|services| services.find_entry_by_key(name.as_str()));
    let key = entry.and_then(|entry| entry.key_node());
    CannotEdit {
        line: key.map(|key| line_at(text, key.byte_range().start)),
        reason: format!(
            "`{name}` can't be edited without changing something else: it shares values by an anchor or a merge key (`<<`)"
        ),
        remedy: format!(
            "write the values of `{name}` out in this file, or leave it as it is and write an override of its own (`--beside`)"
        ),
    }
}

fn line_at(text: &str, offset: u32) -> usize {
    yaml_edit::byte_offset_to_line_column(text, offset as usize).line
}
