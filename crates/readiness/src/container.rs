//! What only one container at a time can have: a name, a place in the network, a port of the host.

use super::{Facts, ports};
use teal_model::{Fix, Verdict, VerdictCode, list};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(container_name(facts));
    verdicts.extend(foreign_network(facts));
    verdicts.extend(lodgers(facts));
    verdicts.extend(fixed_addresses(facts));
    verdicts.extend(ports::verdict(facts));
    verdicts
}

fn container_name(facts: &Facts) -> Option<Verdict> {
    let name = facts.service.container_name.as_deref()?;
    Some(
        Verdict::refused(
            VerdictCode::ContainerName,
            format!("sets `container_name` to `{name}`"),
        )
        .means("only one container can have a name, so Green can't run beside Blue")
        .remedy("remove `container_name` and let Compose generate names")
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
        Verdict::refused(VerdictCode::NetworkMode, reason)
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
        Verdict::refused(VerdictCode::NetworkMode, reason)
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
        Verdict::refused(
            VerdictCode::NetworkMode,
            format!("has the fixed address {}", list(&addresses)),
        )
        .means("only one container can have it, so Green can't run beside Blue")
        .remedy(
            "remove the address: Traefik and other services find the containers by their names",
        ),
    )
}
