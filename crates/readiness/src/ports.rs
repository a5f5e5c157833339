//! Ports of the host. One that is fixed leads to one container only, and one that the engine chooses
//! is another for Green: who calls the port that is published now loses the service with Blue.

use super::{Facts, proxy, role::Role};
use teal_compose::ComposePort;
use teal_model::{Fix, HostPort, Verdict, VerdictCode};

/// Why Teal's edge can't take a port over.
enum Unfit {
    ForGood(&'static str),
    NotRunning,
}

pub(super) fn verdict(facts: &Facts) -> Option<Verdict> {
    let ports = &facts.service.ports;
    if ports.is_empty() {
        return None;
    }
    let needed = facts.size() + facts.green_size();
    let is_fixed = |port: &&ComposePort| {
        port.host_ports()
            .is_some_and(|(first, last)| u64::from(last.saturating_sub(first)) + 1 < needed)
    };
    let (fixed, moving): (Vec<_>, Vec<_>) = ports.iter().partition(is_fixed);
    let verdict = match fixed.is_empty() {
        false => Verdict::refused(VerdictCode::HostPort, format!("publishes {}", named(&fixed))).means(
            "a host port can be bound by one container only, so Green can't run beside Blue",
        ),
        true => Verdict::needs_force(
            VerdictCode::HostPort,
            format!("publishes {} on a changing host port{}", named(&moving), now(facts)),
        )
        .means("Docker gives Green another host port, and clients of the current one lose the service when Blue is removed"),
    };
    let taken: Result<Vec<_>, _> = ports.iter().map(|port| for_the_edge(port, facts)).collect();
    Some(match taken {
        // An edge makes neither a router ready, nor a database, nor an agent of the host.
        Ok(_) if proxy::is_router(facts) => verdict.remedy("change it in a maintenance window"),
        Ok(_) if facts.is_stateful() || !matches!(facts.role(), None | Some(Role::Worker)) => verdict
            .remedy("publish it from a service that can run twice, or change its limits in a maintenance window"),
        Ok(ports) => verdict
            .remedy("let Teal's edge proxy take over the host port and route it to the service")
            .fixed_by(Fix::UseEdge {
                ports: ports.concat(),
            }),
        Err(Unfit::ForGood(reason)) => verdict
            .remedy(format!("Teal's edge can't take it over: {reason}"))
            .for_good(),
        Err(Unfit::NotRunning) => verdict.remedy(
            "start it, so that Teal can see its port and put its edge proxy in front of it, or give it a fixed host port",
        ),
    })
}

fn named(ports: &[&ComposePort]) -> String {
    let ports = ports.iter().map(|port| format!("`{port}`"));
    ports.collect::<Vec<_>>().join(", ")
}

/// The ports that it has now, as far as it runs.
fn now(facts: &Facts) -> String {
    let published = facts.published().iter();
    let ports: Vec<_> = published
        .map(|port| format!("`{}`", port.published))
        .collect();
    match ports.is_empty() {
        true => String::new(),
        false => format!(" ({} now)", ports.join(", ")),
    }
}

/// The ports of the host as the edge takes them over, or why it can't.
fn for_the_edge(port: &ComposePort, facts: &Facts) -> Result<Vec<HostPort>, Unfit> {
    if port.protocol != "tcp" {
        return Err(Unfit::ForGood("UDP can't be drained"));
    }
    if let Some((first, last)) = port.host_ports()
        && first == last
    {
        return Ok(vec![HostPort {
            host_ip: port.host_ip.clone(),
            published: first,
            target: port.target,
            protocol: port.protocol.clone(),
        }]);
    }
    let published = facts.published().iter();
    let its: Vec<_> = published
        .filter(|found| port.can_be_published_as(found))
        .cloned()
        .collect();
    match its.is_empty() {
        true => Err(Unfit::NotRunning),
        false => Ok(its),
    }
}
