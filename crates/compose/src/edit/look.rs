//! What the text of a compose file says, as it stands there.

use yaml_serde::Value;

use super::{BOM, Node, is_item, read};

/// Whether the text says something at the path that is its own, not brought by a merge key.
pub fn says(text: &str, path: &[&str]) -> bool {
    value_at(text, path).is_some()
}

/// The strings of a plain list at the path; `None` if there is no such list.
pub fn list_at(text: &str, path: &[&str]) -> Option<Vec<String>> {
    let list = value_at(text, path)?;
    let items = list.as_sequence()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}

/// What the text says at the path, to be written elsewhere: `None` if it says nothing, or what
/// takes more than a line.
pub(crate) fn node_at(text: &str, path: &[&str]) -> Option<Node> {
    match value_at(text, path)? {
        Value::String(text) => Some(Node::Text(text)),
        value => {
            let yaml = yaml_serde::to_string(&value).ok()?;
            let line = yaml.trim_end();
            (!line.contains('\n')).then(|| Node::Yaml(line.to_owned()))
        }
    }
}

/// What a mapping, or a list of `key=value`, at the path says of the key.
pub(crate) fn item_at(text: &str, path: &[&str], key: &str) -> Option<String> {
    match value_at(text, path)? {
        Value::Sequence(list) => {
            let mut items = list.iter().filter_map(Value::as_str);
            let (_, value) = items.find(|item| is_item(item, key))?.split_once('=')?;
            Some(value.to_owned())
        }
        map => map.get(key)?.as_str().map(str::to_owned),
    }
}

/// Whether the text says nothing at all but that there are no services.
pub(crate) fn says_nothing(text: &str) -> bool {
    !text.contains('#')
        && match read(text) {
            Ok(Value::Mapping(root)) => {
                let mut entries = root.iter();
                entries.all(|(key, value)| key.as_str() == Some("services") && is_empty(value))
            }
            Ok(value) => value.is_null(),
            Err(_) => false,
        }
}

fn value_at(text: &str, path: &[&str]) -> Option<Value> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let mut value: Value = yaml_serde::from_str(text).ok()?;
    for key in path {
        value = match value {
            Value::Tagged(tagged) => tagged.value.get(*key)?.clone(),
            value => value.get(*key)?.clone(),
        };
    }
    Some(value)
}

/// Whether there is something at the path, and nothing in it.
pub(crate) fn is_empty_at(text: &str, path: &[&str]) -> bool {
    value_at(text, path).is_some_and(|value| is_empty(&value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Mapping(map) => map.is_empty(),
        _ => false,
    }
}
