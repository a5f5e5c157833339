//! Whether the places of a file that an edit touches are plain enough to be edited.

use yaml_edit::{Mapping, Scalar, TaggedNode, YamlNode};

use super::{CannotEdit, Edit, Node, line_at};

pub(super) fn check(text: &str, root: &Mapping, edit: &Edit) -> Result<(), CannotEdit> {
    let place = Place { text };
    match edit {
        Edit::Remove { .. } | Edit::RemoveItem { .. } => Ok(()),
        Edit::Set { path, value } => match place.parent(root, path)? {
            // What is reset here may be reset again, or in another way.
            Some(_) if matches!(value, Node::Yaml(yaml) if yaml.starts_with('!')) => Ok(()),
            Some((parent, key)) => place.value(&parent, key),
            None => Ok(()),
        },
        Edit::SetItem { path, .. } => match place.parent(root, path)? {
            Some((parent, key)) if parent.get_sequence(key).is_some() => place.value(&parent, key),
            Some((parent, key)) => place.mapping(&parent, key).map(drop),
            None => Ok(()),
        },
        Edit::Append { path, .. } => match place.parent(root, path)? {
            Some((parent, key)) => place.list(&parent, key),
            None => Ok(()),
        },
    }
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
    /// The mapping that the path's last key stands in; `None` if there is nothing yet.
    fn parent<'a>(
        &self,
        root: &Mapping,
        path: &'a [String],
    ) -> Result<Option<(Mapping, &'a str)>, CannotEdit> {
        let Some((key, above)) = path.split_last() else {
            return Ok(None);
        };
        let mut mapping = root.clone();
        for key in above {
            match self.mapping(&mapping, key)? {
                Some(next) => mapping = next,
                None => return Ok(None),
            }
        }
        Ok(Some((mapping, key)))
    }

    /// The mapping at `key`; `None` if there is nothing yet.
    fn mapping(&self, parent: &Mapping, key: &str) -> Result<Option<Mapping>, CannotEdit> {
        let Some(node) = self.plain(parent, key)? else {
            return Ok(None);
        };
        match parent.get_mapping(key) {
            Some(mapping) => Ok(Some(mapping)),
            None => Err(self.cannot(&node, key, "is not a mapping")),
        }
    }

    /// There must be a list at `key`, or nothing.
    fn list(&self, parent: &Mapping, key: &str) -> Result<(), CannotEdit> {
        match self.plain(parent, key)? {
            Some(node) if parent.get_sequence(key).is_none() => {
                Err(self.cannot(&node, key, "is not a list"))
            }
            _ => Ok(()),
        }
    }

    /// The node at `key` where something stands there that can be added to.
    fn plain(&self, parent: &Mapping, key: &str) -> Result<Option<YamlNode>, CannotEdit> {
        self.value(parent, key)?;
        match parent.get(key) {
            None => Ok(None),
            Some(YamlNode::Scalar(scalar)) if Scalar::is_null(&scalar) => Ok(None),
            Some(node @ YamlNode::Alias(_)) => {
                Err(self.cannot(&node, key, "is an alias of what stands elsewhere"))
            }
            Some(node) => Ok(Some(node)),
        }
    }

    /// A value that is wanted must not be reset.
    fn value(&self, parent: &Mapping, key: &str) -> Result<(), CannotEdit> {
        match parent.get(key) {
            Some(node) if is_reset(parent, key) => {
                Err(self.cannot(&node, key, "is reset here (`!reset`)"))
            }
            _ => Ok(()),
        }
    }

    fn cannot(&self, node: &YamlNode, key: &str, what: &str) -> CannotEdit {
        CannotEdit {
            line: Some(line_at(self.text, node.byte_range().start)),
            reason: format!("`{key}` {what}, so nothing can be set there"),
            remedy: format!("write `{key}` out here, or remove that line"),
        }
    }
}
