//! Making an edit in the text's own tree.

use yaml_edit::{Mapping, ScalarValue, Sequence, YamlFile};

use super::{CannotEdit, Edit, KEPT, KeyPath, Node, check::is_reset, is_item};

/// Makes an edit that [`check`](super::check::check) found possible.
pub(super) fn apply(root: &Mapping, edit: &Edit) -> Result<(), CannotEdit> {
    match edit {
        Edit::Set { path, value } => {
            if let Some((parent, key)) = parent(root, path) {
                set(&parent, key, value)?;
            }
        }
        Edit::Remove { path } => remove(root, path),
        Edit::SetItem { path, key, value } => {
            let Some((parent, name)) = parent(root, path) else {
                return Ok(());
            };
            match parent.get_mapping(name) {
                Some(map) => set(&map, key, &Node::Text(value.clone()))?,
                None => set_item(&parent.entry(name).or_insert_sequence(), key, value),
            }
        }
        Edit::RemoveItem { path, key } => remove_item(root, path, key),
        Edit::Append { path, item } => {
            if let Some((parent, key)) = parent(root, path) {
                parent.entry(key).or_insert_sequence().push(item.as_str());
            }
        }
    }
    Ok(())
}

/// The mapping that the last key of the path stands in, made where it is missing.
fn parent<'a>(root: &Mapping, path: &'a [String]) -> Option<(Mapping, &'a str)> {
    let (key, above) = path.split_last()?;
    let mut mapping = root.clone();
    for key in above {
        mapping = mapping.entry(key.as_str()).or_insert_mapping();
    }
    Some((mapping, key))
}

fn set(mapping: &Mapping, key: &str, value: &Node) -> Result<(), CannotEdit> {
    match value {
        Node::Text(text) => mapping.set(key, text.as_str()),
        Node::Quoted(text) => mapping.set(key, ScalarValue::double_quoted(text.as_str())),
        // Entry by entry, so that it gets the file's own indent.
        Node::Map(entries) if mapping.get(key).is_none() && !mapping.is_flow_style() => {
            let map = mapping.entry(key).or_insert_mapping();
            for (key, value) in entries {
                set(&map, key, value)?;
            }
        }
        Node::Yaml(_) | Node::Map(_) => {
            let snippet = YamlFile::parse(&format!("value: {}\n", value.flow())).tree();
            let snippet = snippet.document().and_then(|file| file.as_mapping());
            if let Some(node) = snippet.and_then(|snippet| snippet.get("value")) {
                mapping.set(key, node);
            }
        }
    }
    Ok(())
}

/// Sets `key=value` in a list, in place where the key is there.
fn set_item(list: &Sequence, key: &str, value: &str) {
    let item = format!("{key}={value}");
    match position(list, key) {
        Some(at) => {
            list.set(at, item);
        }
        None => list.push(item),
    }
}

/// Removes a key's value from a mapping or a list, and what is left empty by it.
fn remove_item(root: &Mapping, path: &KeyPath, key: &str) {
    let Some((name, above)) = path.split_last() else {
        return;
    };
    let parent = above.iter().try_fold(root.clone(), |mapping, key| {
        mapping.get_mapping(key.as_str())
    });
    let Some(list) = parent.and_then(|parent| parent.get_sequence(name.as_str())) else {
        let path: KeyPath = path.iter().cloned().chain([key.to_owned()]).collect();
        return remove(root, &path);
    };
    match position(&list, key) {
        Some(_) if list.len() == 1 => remove(root, path),
        Some(at) => drop(list.remove(at)),
        None => {}
    }
}

/// Where a list has `key=value`.
fn position(list: &Sequence, key: &str) -> Option<usize> {
    list.values().position(|node| {
        node.as_scalar()
            .is_some_and(|scalar| is_item(&scalar.as_string(), key))
    })
}

/// Removes a key, and the mappings left empty by it.
fn remove(root: &Mapping, path: &[String]) {
    let Some((key, above)) = path.split_last() else {
        return;
    };
    let mut mappings = vec![root.clone()];
    for key in above {
        let last = mappings.last();
        let Some(next) = last.and_then(|mapping| mapping.get_mapping(key.as_str())) else {
            return;
        };
        mappings.push(next);
    }
    let Some(mapping) = mappings.pop() else {
        return;
    };
    if is_reset(&mapping, key) || mapping.remove(key.as_str()).is_none() {
        return;
    }
    let mut emptied = mapping.is_empty();
    for (parent, key) in mappings.into_iter().zip(above).skip(KEPT).rev() {
        if !emptied {
            return;
        }
        parent.remove(key.as_str());
        emptied = parent.is_empty();
    }
}
