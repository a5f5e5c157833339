//! Host ports that Teal's edge takes over: it comes into the project's files as a service of its
//! own. Its containers get the ports with the next rollout.

use super::{Remedy, Subject};
use teal_compose::{Edit, Node, TargetFile};
use teal_model::{Fix, FixChange, HostPort, Result, Verdict};
use teal_traffic::edge::{self, Definition, EdgeImage, Protocol, SERVICE};

/// `None` if no container runs that could be asked what it speaks.
pub(super) async fn remedy(
    subject: &Subject<'_>,
    verdict: &Verdict,
    target: &TargetFile,
    ports: &[HostPort],
) -> Result<Option<Remedy>> {
    let Some(container) = subject.running() else {
        return Ok(None);
    };
    let mut taken = Vec::new();
    for port in ports {
        taken.push((
            port,
            edge::protocol(port, subject.planner.host, container).await,
        ));
    }
    let model = &subject.files.model;
    let service = &subject.request.service;
    let there = model.services.get(SERVICE);
    let named = subject.request.edge_image.as_deref();
    let image = named.or(there.and_then(|edge| edge.image.as_deref()));
    let image = EdgeImage::choose(subject.planner.docker, image).await?;
    let definition = Definition::with(model, service, &taken, &image);
    let how: Vec<_> = taken
        .iter()
        .map(|(port, protocol)| match protocol.is_http() {
            true => format!("each request at `{}`", port.published),
            false => format!("each connection at `{}`", port.published),
        })
        .collect();
    Ok(Some(Remedy {
        edits: edits(service, &definition, target.in_file),
        change: FixChange {
            fix: Fix::UseEdge {
                ports: ports.to_vec(),
            },
            reason: verdict.reason.clone(),
            change: format!(
                "`{SERVICE}`, a Traefik of the project's own, takes {} and passes it on",
                how.join(" and ")
            ),
            note: Some(note(subject, &taken, &image)),
        },
        baseline: Some(definition.baseline),
        pulls: (!image.is_on_engine).then_some(image.name),
    }))
}

fn note(subject: &Subject, taken: &[(&HostPort, Protocol)], image: &EdgeImage) -> String {
    let mut note = format!(
        "the next rollout hands the port over, and requests meet one short gap then, mostly below a second; `{}` sees the edge's address instead of its callers'",
        subject.request.service
    );
    let has = |wanted: fn(Protocol) -> bool| taken.iter().any(|(_, protocol)| wanted(*protocol));
    if has(Protocol::is_http) {
        note.push_str(", and theirs in `X-Forwarded-For`");
        note.push_str(image.what_changes());
    }
    if has(|protocol| protocol == Protocol::HttpAndH2c) {
        note.push_str(
            ". It speaks HTTP/2 besides: gRPC and Connect get there by it, all else by HTTP/1.1",
        );
    }
    if !image.is_on_engine {
        let pulled = format!(
            ". `{}` is not on the engine, and is pulled first",
            image.name
        );
        note.push_str(&pulled);
    }
    if !subject.survey.routes.is_empty() {
        note.push_str(
            ". Requests that come by Traefik's own routes go past the edge: they are not steered any more",
        );
    }
    note
}

/// The edge as the definition says, value by value, so that what stands there keeps its form.
fn edits(service: &str, edge: &Definition, in_file: bool) -> Vec<Edit> {
    let ports = ["services", service, "ports"];
    let own = match (edge.left.as_slice(), in_file) {
        ([], true) => Edit::remove(&ports),
        ([], false) => Edit::set(&ports, Node::Yaml("!reset []".to_owned())),
        (left, true) => Edit::set(&ports, Node::list(left)),
        (left, false) => {
            let left: Vec<_> = left
                .iter()
                .map(|port| serde_json::json!(port).to_string())
                .collect();
            Edit::set(
                &ports,
                Node::Yaml(format!("!override [{}]", left.join(", "))),
            )
        }
    };
    let at = |keys: &[&str], value: Node| {
        let path: Vec<&str> = ["services", SERVICE].iter().chain(keys).copied().collect();
        Edit::set(&path, value)
    };
    let mut edits = vec![own, at(&["image"], Node::Text(edge.image.clone()))];
    for (key, value) in Definition::hardening() {
        edits.push(at(&[key], Node::Yaml(value.to_owned())));
    }
    edits.push(at(&["ports"], Node::list(&edge.ports)));
    if !edge.networks.is_empty() {
        edits.push(at(&["networks"], Node::list(&edge.networks)));
    }
    for (name, value) in &edge.environment {
        edits.push(at(&["environment", name], Node::Quoted(value.clone())));
    }
    for (name, value) in &edge.labels {
        edits.push(at(&["labels", name], Node::Quoted(value.clone())));
    }
    edits.push(at(&["volumes"], Node::list(&Definition::volumes())));
    edits.push(Edit::set(
        &["volumes", SERVICE],
        Node::Yaml("{}".to_owned()),
    ));
    edits
}
