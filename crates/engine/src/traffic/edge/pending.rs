//! A handover that is to come: the files give a service's ports to the edge, and the service's own
//! containers still hold them.

use bollard::{Docker, models::ContainerInspectResponse};

use super::{
    ROLE, SERVICE,
    entry::{Entry, Protocol},
    fronting::find_all,
    networks::attachments,
};
use crate::{
    Result,
    compose::{ComposeModel, ComposePort},
    docker::{compose_label, container_label, failed, teal_label},
    model::{Handover, HandoverPort, Level, Readiness, Verdict, VerdictCode},
};

/// What has to change hands before the containers of a service can stand behind the edge; none
/// where nothing does.
pub(crate) async fn handover(
    docker: &Docker,
    model: &ComposeModel,
    service: &str,
    blue: &[ContainerInspectResponse],
) -> Result<Option<Handover>> {
    let Some(edge) = model.services.get(SERVICE) else {
        return Ok(None);
    };
    if edge.labels.get(teal_label::ROLE).map(String::as_str) != Some(ROLE) {
        return Ok(None);
    }
    let ports: Vec<_> = Entry::all(&edge.labels)
        .into_iter()
        .filter(|entry| entry.service == service)
        .filter_map(|entry| port(&entry, &edge.ports))
        .collect();
    let holds =
        |container: &ContainerInspectResponse| ports.iter().any(|port| is_held(port, container));
    if !blue.iter().any(holds) {
        return Ok(None);
    }
    let mut attached: Vec<_> = blue.iter().flat_map(attachments).collect();
    let mut others = Vec::new();
    let project = blue
        .first()
        .and_then(|blue| container_label(blue, compose_label::PROJECT));
    let edges = find_all(docker, project.unwrap_or_default())
        .await
        .map_err(failed("look for Teal's edge"))?;
    for edge in edges {
        let entries = Entry::all(edge.labels.iter().flatten());
        others.extend(entries.into_iter().map(|entry| entry.service));
        let id = edge.id.unwrap_or_default();
        let container = crate::docker::inspect(docker, &id).await?;
        attached.extend(container.iter().flat_map(attachments));
    }
    others.sort();
    others.dedup();
    Ok(Some(Handover {
        ports,
        others,
        attachments: attached,
    }))
}

fn port(entry: &Entry, published: &[ComposePort]) -> Option<HandoverPort> {
    let published = published.iter().find(|port| port.target == entry.port)?;
    let (first, _) = published.host_ports()?;
    Some(HandoverPort {
        host_ip: published.host_ip.clone(),
        published: first,
        target: entry.target,
        entry: entry.port,
        http: entry.protocol == Protocol::Http,
    })
}

/// Whether the port is the container's by the way it was made.
fn is_held(port: &HandoverPort, container: &ContainerInspectResponse) -> bool {
    let bindings = container
        .host_config
        .as_ref()
        .and_then(|config| config.port_bindings.as_ref());
    let bound = bindings.and_then(|bindings| bindings.get(&format!("{}/tcp", port.target)));
    let published = port.published.to_string();
    bound
        .iter()
        .copied()
        .flatten()
        .flatten()
        .any(|binding| binding.host_port.as_deref() == Some(published.as_str()))
}

/// What a person has to know of a handover before it begins.
pub(crate) fn announcement(handover: &Handover) -> Verdict {
    let ports: Vec<_> = handover
        .ports
        .iter()
        .map(|port| format!("`{}`", port.published))
        .collect();
    let (noun, verb) = match ports.len() {
        1 => ("host port", "goes"),
        _ => ("host ports", "go"),
    };
    let others = match handover.others.as_slice() {
        [] => String::new(),
        others => format!(", and so do those to `{}`", others.join("`, `")),
    };
    Verdict {
        level: Level::Warning,
        code: VerdictCode::HostPort,
        readiness: Readiness::Ready,
        reason: format!(
            "its {noun} {} {verb} to Teal's edge, once",
            ports.join(", ")
        ),
        meaning: format!(
            "new requests meet one short gap, mostly below a second{others}; what is in flight then for longer than 5 s is cut. It is measured, and the receipt tells it"
        ),
        remedy: "choose a quiet moment; every later rollout is without a gap".to_owned(),
        fix: None,
    }
}
