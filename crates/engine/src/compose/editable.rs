//! Whether the places of an override that a merge edits are plain enough to be edited.

use yaml_edit::{Mapping, Scalar, TaggedNode, YamlNode};

use super::merge::{CannotMerge, Wanted, line_at};

/// Looks at every place before the first is changed.
pub(super) fn check(text: &str, root: &Mapping, wanted: Wanted) -> Result<(), CannotMerge> {
    let place = Place { text };
    let Some(services) = place.mapping(root, "services")? else {
        return Ok(());
    };
    let Some(service) = place.mapping(&services, wanted.service)? else {
        return Ok(());
    };
    if wanted.in_deploy() {
        let mut parent = Some(service.clone());
        for key in ["deploy", "resources", "limits"] {
            parent = match &parent {
                Some(parent) => place.mapping(parent, key)?,
                None => None,
            };
        }
        if let Some(limits) = parent {
            place.value(&limits, "cpus", wanted.limits.cpus.is_some())?;
            place.value(&limits, "memory", wanted.limits.memory.is_some())?;
        }
    }
    if wanted.keys.service() {
        place.value(&service, "cpus", wanted.limits.cpus.is_some())?;
        place.value(&service, "mem_limit", wanted.limits.memory.is_some())?;
    }
    if wanted.labels.is_empty() || service.get_sequence("labels").is_some() {
        return place.value(&service, "labels", !wanted.labels.is_empty());
    }
    place.mapping(&service, "labels").map(drop)
}

/// Whether `key` is taken back here from what the base says.
pub(super) fn is_reset(mapping: &Mapping, key: &str) -> bool {
    let node = mapping.get(key);
    let tag = node.as_ref().and_then(YamlNode::as_tagged);
    tag.and_then(TaggedNode::tag).as_deref() == Some("!reset")
}

/// The text that is checked, for the lines in errors.
struct Place<'a> {
    text: &'a str,
}

impl Place<'_> {
    /// The mapping at `key`; none where there is nothing yet.
    fn mapping(&self, parent: &Mapping, key: &str) -> Result<Option<Mapping>, CannotMerge> {
        self.value(parent, key, true)?;
        match parent.get(key) {
            None => Ok(None),
            Some(YamlNode::Scalar(scalar)) if Scalar::is_null(&scalar) => Ok(None),
            Some(node @ YamlNode::Alias(_)) => {
                Err(self.cannot(&node, key, "is an alias of what stands elsewhere"))
            }
            Some(node) => match parent.get_mapping(key) {
                Some(mapping) => Ok(Some(mapping)),
                None => Err(self.cannot(&node, key, "is not a mapping")),
            },
        }
    }

    /// A value that is `wanted` must not be reset.
    fn value(&self, parent: &Mapping, key: &str, wanted: bool) -> Result<(), CannotMerge> {
        match parent.get(key) {
            Some(node) if wanted && is_reset(parent, key) => {
                Err(self.cannot(&node, key, "is reset here (`!reset`)"))
            }
            _ => Ok(()),
        }
    }

    fn cannot(&self, node: &YamlNode, key: &str, what: &str) -> CannotMerge {
        CannotMerge {
            line: Some(line_at(self.text, node.byte_range().start)),
            reason: format!("`{key}` {what}, so nothing can be set there"),
            remedy: format!("write `{key}` out here, or remove that line"),
        }
    }
}
