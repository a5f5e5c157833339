//! What an override has to mean after a merge, worked out on its values, apart from its text.

use yaml_serde::{Mapping, Value};

use super::merge::Wanted;

/// The values of the override `before`, with what is wanted.
pub(super) fn expected(before: Value, wanted: Wanted) -> Value {
    let mut root = match before {
        Value::Null => Value::Mapping(Mapping::new()),
        root => root,
    };
    let service = child(child(mapping(&mut root), "services"), wanted.service);
    let cpus = wanted.limits.cpus.map(|cpus| cpus.to_string());
    let memory = wanted.limits.memory.map(|memory| memory.to_string());
    if wanted.in_deploy() {
        let limits = child(child(child(service, "deploy"), "resources"), "limits");
        set(limits, "cpus", cpus.as_deref());
        set(limits, "memory", memory.as_deref());
    } else {
        remove_deploy_limits(service, &["deploy", "resources", "limits"]);
    }
    let in_service = wanted.keys.service();
    set(service, "cpus", cpus.as_deref().filter(|_| in_service));
    set(
        service,
        "mem_limit",
        memory.as_deref().filter(|_| in_service),
    );
    set_labels(service, wanted.labels);
    root
}

/// The mapping at `key`, made where there is none. What can't be one becomes one, and so will not
/// equal what the edit left.
fn child<'a>(parent: &'a mut Mapping, key: &str) -> &'a mut Mapping {
    mapping(parent.entry(key.into()).or_insert(Value::Null))
}

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

/// The value below its tag, such as `!override`.
fn untagged(value: &mut Value) -> &mut Value {
    match value {
        Value::Tagged(tagged) => &mut tagged.value,
        value => value,
    }
}

fn set(mapping: &mut Mapping, key: &str, value: Option<&str>) {
    match value {
        Some(value) => {
            mapping.insert(key.into(), value.into());
        }
        None if is_reset(mapping, key) => {}
        None => {
            mapping.shift_remove(key);
        }
    }
}

/// Removes both limits below `path`, and what is empty without them. Whether `from` is empty then.
fn remove_deploy_limits(from: &mut Mapping, path: &[&str]) -> bool {
    let [key, rest @ ..] = path else {
        let before = from.len();
        set(from, "cpus", None);
        set(from, "memory", None);
        return from.len() < before && from.is_empty();
    };
    let emptied = match from.get_mut(*key).map(untagged) {
        Some(Value::Mapping(inner)) => remove_deploy_limits(inner, rest),
        _ => false,
    };
    if emptied {
        from.shift_remove(*key);
    }
    emptied && from.is_empty()
}

fn set_labels(service: &mut Mapping, labels: &[(&str, &str)]) {
    if labels.is_empty() {
        return;
    }
    let value = untagged(service.entry("labels".into()).or_insert(Value::Null));
    if let Value::Mapping(map) = value {
        for (key, text) in labels {
            map.insert((*key).into(), (*text).into());
        }
        return;
    }
    let list = match value {
        Value::Sequence(list) => list,
        value => {
            *value = Value::Sequence(Vec::new());
            match value {
                Value::Sequence(list) => list,
                _ => unreachable!("it was just made one"),
            }
        }
    };
    for (key, text) in labels {
        let item = Value::from(format!("{key}={text}"));
        let is_key = |old: &Value| {
            let name = old.as_str().and_then(|old| old.split('=').next());
            name.map(str::trim) == Some(*key)
        };
        match list.iter_mut().find(|old| is_key(old)) {
            Some(old) => *old = item,
            None => list.push(item),
        }
    }
}

fn is_reset(mapping: &Mapping, key: &str) -> bool {
    matches!(mapping.get(key), Some(Value::Tagged(tagged)) if tagged.tag == "!reset")
}
