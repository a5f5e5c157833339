//! What only one container at a time can have: a name, a place in the network, a port of the host.

use super::{
    Facts,
    finding::{list, refused},
};
use crate::{
    compose::ComposePort,
    model::{Fix, HostPort, Verdict, VerdictCode},
};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(container_name(facts));
    verdicts.extend(foreign_network(facts));
    verdicts.extend(lodgers(facts));
    verdicts.extend(fixed_addresses(facts));
    verdicts.extend(host_ports(facts));
    verdicts
}

fn container_name(facts: &Facts) -> Option<Verdict> {
    let name = facts.service.container_name.as_deref()?;
    Some(
        refused(
            VerdictCode::ContainerName,
            format!("has the fixed container name `{name}`"),
        )
        .means("Docker gives a name to one container only, so Green can't run beside Blue")
        .remedy("remove `container_name`: Compose names and numbers the containers itself")
        .fixed_by(Fix::RemoveContainerName {
            name: name.to_owned(),
        }),
    )
}

fn foreign_network(facts: &Facts) -> Option<Verdict> {
    let mode = facts.service.network_mode.as_deref()?;
    let reason = if mode == "host" {
        "uses the host's network".to_owned()
    } else {
        let (_, other) = mode.split_once(':')?;
        format!("lives in the network of `{other}`")
    };
    Some(
        refused(VerdictCode::NetworkMode, reason)
            .means("Blue and Green would listen on the same ports of the same network")
            .remedy("remove `network_mode` and let Traefik reach it in a Compose network")
            .for_good(),
    )
}

fn lodgers(facts: &Facts) -> Option<Verdict> {
    let lodgers = facts.model.lodgers(facts.name);
    if lodgers.is_empty() {
        return None;
    }
    let verb = if lodgers.len() == 1 { "lives" } else { "live" };
    let reason = format!(
        "{} {verb} in the network or process space of its container",
        list(&lodgers)
    );
    Some(
        refused(VerdictCode::NetworkMode, reason)
            .means("they would lose it with Blue")
            .remedy(format!(
                "take `service:{}` out of them, and connect them by a Compose network",
                facts.name
            ))
            .for_good(),
    )
}

fn fixed_addresses(facts: &Facts) -> Option<Verdict> {
    let addresses = facts.service.fixed_addresses();
    if addresses.is_empty() {
        return None;
    }
    Some(
        refused(
            VerdictCode::NetworkMode,
            format!("has the fixed address {}", list(&addresses)),
        )
        .means("only one container can have it, so Green can't run beside Blue")
        .remedy(
            "remove the address: Traefik and other services find the containers by their names",
        ),
    )
}

fn host_ports(facts: &Facts) -> Option<Verdict> {
    let needed = 2 * facts.size();
    let fixed: Vec<_> = facts
        .service
        .ports
        .iter()
        .filter(|port| {
            port.host_ports()
                .is_some_and(|(first, last)| u64::from(last.saturating_sub(first)) + 1 < needed)
        })
        .collect();
    if fixed.is_empty() {
        return None;
    }
    let ports: Vec<_> = fixed.iter().map(|port| format!("`{port}`")).collect();
    let verdict = refused(
        VerdictCode::HostPort,
        format!("publishes {}", ports.join(", ")),
    )
    .means("a port of the host leads to one container only, so Green can't run beside Blue");
    let by_the_edge: Result<Vec<_>, _> = fixed.iter().map(|port| for_the_edge(port)).collect();
    Some(match by_the_edge {
        // An edge does not make a database ready.
        Ok(_) if facts.is_stateful() => verdict
            .remedy("publish it from a service that can run twice, or change it in a quiet hour"),
        Ok(ports) => verdict
            .remedy("let Teal's edge take the port over and route it to the service")
            .fixed_by(Fix::UseEdge { ports }),
        Err(reason) => verdict
            .remedy(format!("Teal's edge can't take it over: {reason}"))
            .for_good(),
    })
}

/// The port as the edge takes it over, or why it can't.
fn for_the_edge(port: &ComposePort) -> Result<HostPort, &'static str> {
    if port.protocol != "tcp" {
        return Err("what comes by UDP belongs to no connection that could be drained");
    }
    match port.host_ports() {
        Some((first, last)) if first == last => Ok(HostPort {
            host_ip: port.host_ip.clone(),
            published: first,
            target: port.target,
            protocol: port.protocol.clone(),
        }),
        _ => Err("which port of the range its callers use is not known"),
    }
}
