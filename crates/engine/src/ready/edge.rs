//! The edge in the project's files: a service of its own that has the host ports of another.

use crate::compose::{Edit, Node};

#[expect(dead_code, reason = "the edge calls it")]
/// What puts the edge into an override: the service's host ports are taken back from it, but for
/// those in `left` (in Compose's short form), and the service `edge` is as `definition` says.
pub(crate) fn edits(service: &str, left: &[String], edge: &str, definition: Node) -> Vec<Edit> {
    let ports = match left {
        [] => Node::Yaml("!reset []".to_owned()),
        left => {
            let left: Vec<_> = left
                .iter()
                .map(|port| serde_json::json!(port).to_string())
                .collect();
            Node::Yaml(format!("!override [{}]", left.join(", ")))
        }
    };
    vec![
        Edit::set(&["services", service, "ports"], ports),
        Edit::set(&["services", edge], definition),
    ]
}
