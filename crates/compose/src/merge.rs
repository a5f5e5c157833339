//! A service's limits and labels in the text of a compose file that people may have written in.

use super::{
    LimitKeys,
    edit::{CannotEdit, Edit, Node, edited},
};
use teal_model::Limits;

/// The file's text with these limits and labels for `service`, in the keys that its files use.
/// The other keys of Teal's, and a limit that is `None`, are taken out.
pub fn merged(
    existing: Option<&str>,
    service: &str,
    limits: Limits,
    keys: LimitKeys,
    labels: &[(&str, &str)],
) -> Result<String, CannotEdit> {
    let mut edits = limit_edits(service, limits, keys);
    edits.extend(
        labels
            .iter()
            .map(|(key, value)| label_edit(service, key, value)),
    );
    edited(existing, &edits)
}

/// What it takes for the file to give the service this label.
pub fn label_edit(service: &str, key: &str, value: &str) -> Edit {
    Edit::set_item(&["services", service, "labels"], key, value)
}

/// What it takes for the file to give the service these limits, and no other.
pub fn limit_edits(service: &str, limits: Limits, keys: LimitKeys) -> Vec<Edit> {
    let cpus = limits.cpus.map(|cpus| Node::Quoted(cpus.to_string()));
    let memory = limits.memory.map(|memory| Node::Text(memory.to_string()));
    let entry = |path: &[&str], value: Option<Node>| {
        let path: Vec<&str> = ["services", service].iter().chain(path).copied().collect();
        match value {
            Some(value) => Edit::set(&path, value),
            None => Edit::remove(&path),
        }
    };
    let deploy = |value: &Option<Node>| value.clone().filter(|_| keys.deploy());
    let own = |value: &Option<Node>| value.clone().filter(|_| keys.service());
    vec![
        entry(&["deploy", "resources", "limits", "cpus"], deploy(&cpus)),
        entry(
            &["deploy", "resources", "limits", "memory"],
            deploy(&memory),
        ),
        entry(&["cpus"], own(&cpus)),
        entry(&["mem_limit"], own(&memory)),
    ]
}
