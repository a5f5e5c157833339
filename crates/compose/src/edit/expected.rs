//! What a file has to mean after its edits, worked out on its values, apart from its text.

use yaml_serde::{Mapping, Value};

use super::{CannotEdit, Edit, KEPT, is_item};

/// The values of the file `before`, with the edits.
pub(super) fn expected(before: Value, edits: &[Edit]) -> Result<Value, CannotEdit> {
    let mut root = match before {
        Value::Null => Value::Mapping(Mapping::new()),
        root => root,
    };
    for edit in edits {
        apply(mapping(&mut root), edit)?;
    }
    Ok(root)
}

fn apply(root: &mut Mapping, edit: &Edit) -> Result<(), CannotEdit> {
    match edit {
        Edit::Set { path, value } => {
            if let Some((parent, key)) = parent(root, path) {
                parent.insert(key.into(), value.value()?);
            }
        }
        Edit::Remove { path } => {
            remove(root, path, 0);
        }
        Edit::SetItem { path, key, value } => {
            if let Some((parent, name)) = parent(root, path) {
                set_item(parent, name, key, value);
            }
        }
        Edit::RemoveItem { path, key } => remove_item(root, path, key),
        Edit::Append { path, item } => {
            if let Some((parent, key)) = parent(root, path) {
                let list = list(parent.entry(key.into()).or_insert(Value::Null));
                if !list.iter().any(|old| old.as_str() == Some(item)) {
                    list.push(item.as_str().into());
                }
            }
        }
    }
    Ok(())
}

fn parent<'a, 'b>(root: &'a mut Mapping, path: &'b [String]) -> Option<(&'a mut Mapping, &'b str)> {
    let (key, above) = path.split_last()?;
    let parent = above.iter().fold(root, |parent, key| {
        mapping(parent.entry(key.as_str().into()).or_insert(Value::Null))
    });
    Some((parent, key))
}

/// The value as a mapping. What can't be one becomes one, and so will not equal what the edit left.
fn mapping(value: &mut Value) -> &mut Mapping {
    let value = untagged(value);
    if !value.is_mapping() {
        *value = Value::Mapping(Mapping::new());
    }
    match value {
        Value::Mapping(mapping) => mapping,
        _ => unreachable!("it was just made one"),
    }
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    let value = untagged(value);
    if !value.is_sequence() {
        *value = Value::Sequence(Vec::new());
    }
    match value {
        Value::Sequence(list) => list,
        _ => unreachable!("it was just made one"),
    }
}

/// The value below its tag, such as `!override`.
fn untagged(value: &mut Value) -> &mut Value {
    match value {
        Value::Tagged(tagged) => &mut tagged.value,
        value => value,
    }
}

/// Removes what the path leads to, and what is empty without it. Whether `from` is empty then.
fn remove(from: &mut Mapping, path: &[String], depth: usize) -> bool {
    let (key, rest) = match path {
        [] => return false,
        [key] if is_reset(from, key) => return false,
        [key] => return from.shift_remove(key.as_str()).is_some() && from.is_empty(),
        [key, rest @ ..] => (key.as_str(), rest),
    };
    let emptied = match from.get_mut(key).map(untagged) {
        Some(Value::Mapping(inner)) => remove(inner, rest, depth + 1),
        _ => false,
    };
    if emptied && depth >= KEPT {
        from.shift_remove(key);
    }
    emptied && from.is_empty()
}

fn set_item(parent: &mut Mapping, name: &str, key: &str, text: &str) {
    let value = parent.entry(name.into()).or_insert(Value::Null);
    if let Value::Mapping(map) = untagged(value) {
        map.insert(key.into(), text.into());
        return;
    }
    let item = Value::from(format!("{key}={text}"));
    let is_key = |old: &Value| old.as_str().is_some_and(|old| is_item(old, key));
    let list = list(value);
    match list.iter_mut().find(|old| is_key(old)) {
        Some(old) => *old = item,
        None => list.push(item),
    }
}

fn remove_item(root: &mut Mapping, path: &[String], key: &str) {
    let Some(list) = list_in(root, path) else {
        let path: Vec<_> = path.iter().cloned().chain([key.to_owned()]).collect();
        remove(root, &path, 0);
        return;
    };
    let length = list.len();
    list.retain(|item| !item.as_str().is_some_and(|item| is_item(item, key)));
    if list.is_empty() && length > 0 {
        remove(root, path, 0);
    }
}

/// The list that the path leads to.
fn list_in<'a>(root: &'a mut Mapping, path: &[String]) -> Option<&'a mut Vec<Value>> {
    let (first, rest) = path.split_first()?;
    let first = untagged(root.get_mut(first.as_str())?);
    let found = rest.iter().try_fold(first, |value, key| {
        Some(untagged(value.as_mapping_mut()?.get_mut(key.as_str())?))
    });
    found?.as_sequence_mut()
}

fn is_reset(mapping: &Mapping, key: &str) -> bool {
    matches!(mapping.get(key), Some(Value::Tagged(tagged)) if tagged.tag == "!reset")
}
