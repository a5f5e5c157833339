//! A handover that is to come: the files give a service's ports to the edge, and the service's own
//! containers still hold them.

use bollard::{
    Docker,
    models::{ContainerInspectResponse, PortMap},
};

use super::{
    SERVICE,
    entry::{Entry, Protocol},
    fronting::find_all,
    image::EdgeImage,
    networks::attachments,
};
use teal_compose::{ComposeModel, ComposePort};
use teal_docker::{compose_label, container_label, failed, teal_label};
use teal_model::{Handover, HandoverPort, Result, Verdict, VerdictCode};

/// What has to change hands before the containers of a service can stand behind the edge; none
/// where nothing does.
pub async fn handover(
    docker: &Docker,
    model: &ComposeModel,
    service: &str,
    blue: &[ContainerInspectResponse],
) -> Result<Option<Handover>> {
    let Some(edge) = model.services.get(SERVICE) else {
        return Ok(None);
    };
    if edge.labels.get(teal_label::ROLE).map(String::as_str) != Some(teal_label::EDGE) {
        return Ok(None);
    }
    let mut ports: Vec<_> = Entry::all(&edge.labels)
        .into_iter()
        .filter(|entry| entry.service == service)
        .filter_map(|entry| port(&entry, &edge.ports))
        .collect();
    let mut is_held = false;
    for port in &mut ports {
        let holds: Vec<_> = blue.iter().filter_map(|blue| hold(port, blue)).collect();
        is_held |= !holds.is_empty();
        port.moves = holds.contains(&Hold::Moving);
    }
    if !is_held {
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
        let container = teal_docker::inspect(docker, &id).await?;
        attached.extend(container.iter().flat_map(attachments));
    }
    others.sort();
    others.dedup();
    Ok(Some(Handover {
        ports,
        others,
        blue: blue.iter().filter_map(|blue| blue.id.clone()).collect(),
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
        http: entry.protocol.is_http(),
        h2c: entry.protocol == Protocol::HttpAndH2c,
        moves: false,
    })
}

/// How a container has a port of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// By the way it was made.
    Fixed,
    /// As it runs now: the engine chose it.
    Moving,
}

/// `None` if the port is not the container's.
fn hold(port: &HandoverPort, container: &ContainerInspectResponse) -> Option<Hold> {
    let published = port.published.to_string();
    let has = |ports: Option<&PortMap>| {
        let bound = ports.and_then(|ports| ports.get(&format!("{}/tcp", port.target)));
        let mut bindings = bound.into_iter().flatten().flatten();
        bindings.any(|binding| binding.host_port.as_deref() == Some(published.as_str()))
    };
    let made_with = container.host_config.as_ref();
    let runs_with = container.network_settings.as_ref();
    if has(made_with.and_then(|config| config.port_bindings.as_ref())) {
        return Some(Hold::Fixed);
    }
    has(runs_with.and_then(|settings| settings.ports.as_ref())).then_some(Hold::Moving)
}

/// Why the handover can't be: the edge could not be made. `None` if its image is on the engine.
pub async fn no_image(docker: &Docker, model: &ComposeModel) -> Result<Option<Verdict>> {
    let edge = model.services.get(SERVICE);
    let Some(name) = edge.and_then(|edge| edge.image.as_deref()) else {
        return Ok(None);
    };
    let image = EdgeImage::choose(docker, Some(name)).await?;
    if image.is_on_engine {
        return Ok(None);
    }
    let verdict = Verdict::refused(
        VerdictCode::HostPort,
        format!("the image of Teal's edge, `{name}`, is not on the engine"),
    );
    Ok(Some(
        verdict
            .means("nothing could take the host port over")
            .remedy(format!(
                "`docker pull {name}`, or name one that is there: `teal ready … --edge-image`"
            )),
    ))
}

/// What a person has to know of a handover before it begins.
pub fn announcement(handover: &Handover) -> Verdict {
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
    Verdict::warning(
        VerdictCode::HostPort,
        format!(
            "its {noun} {} {verb} to Teal's edge, once",
            ports.join(", ")
        ),
    )
    .means(format!(
        "new requests meet one short gap, mostly below a second{others}; what is in flight then for longer than 5 s is cut. It is measured, and the receipt tells it"
    ))
    .remedy("choose a quiet moment; every later rollout is without a gap")
}
