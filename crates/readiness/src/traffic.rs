//! Whether requests can be steered from Blue to Green.

use super::{Facts, proxy};
use teal_model::{Verdict, VerdictCode, list};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(no_route(facts));
    verdicts.extend(sticky(facts));
    verdicts
}

/// Only where somebody may count on a route: where the service asks for one, or where what asks it
/// lies outside of the project. Who calls it from within has a verdict of its own.
fn no_route(facts: &Facts) -> Option<Verdict> {
    // A host port is the way in, and a verdict of its own.
    let is_routed = facts.found.is_some_and(|found| !found.routes.is_empty());
    if is_routed || !facts.service.ports.is_empty() {
        return None;
    }
    if asks_for_route(facts) {
        // Before it runs nobody can tell where its labels lead.
        let runs = facts.serving().next().is_some();
        return runs.then(without_effect);
    }
    if let Some(verdict) = proxy::other_way(facts) {
        return Some(verdict);
    }
    let is_called_from_elsewhere = facts.model.is_in_shared_network(facts.service)
        && facts.model.callers(facts.name).is_empty();
    is_called_from_elsewhere.then(|| {
        Verdict::warning(VerdictCode::NoRoute, "no Traefik route leads to it")
            .means("it is in a network that other projects use: whoever calls it from there may hit a container that is stopping")
            .remedy("give it Traefik labels for a rollout without a failed request")
    })
}

/// Whether labels ask Traefik for a route over HTTP. Routers of other kinds are told of one by one.
fn asks_for_route(facts: &Facts) -> bool {
    let is = |key: &str, start: &str| key.to_ascii_lowercase().starts_with(start);
    let labels = &facts.service.labels;
    let has = |start| labels.keys().any(|key| is(key, start));
    let is_enabled = labels.iter().any(|(key, value)| {
        key.eq_ignore_ascii_case("traefik.enable") && value.eq_ignore_ascii_case("true")
    });
    has("traefik.http.") || (is_enabled && !has("traefik.tcp.") && !has("traefik.udp."))
}

fn without_effect() -> Verdict {
    Verdict::warning(
        VerdictCode::NoRoute,
        "its Traefik labels lead no requests to it",
    )
    .means("requests aren't routed between Blue and Green: clients may hit a container that is stopping")
    .remedy("see that a Traefik with the Docker provider runs in one of its networks; the plan of a rollout says what is missing")
}

fn sticky(facts: &Facts) -> Option<Verdict> {
    let services: Vec<_> = facts
        .service
        .labels
        .keys()
        .filter_map(|key| {
            let key = key.to_ascii_lowercase();
            let (service, option) = key
                .strip_prefix("traefik.http.services.")?
                .split_once('.')?;
            option
                .starts_with("loadbalancer.sticky")
                .then(|| service.to_owned())
        })
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    if services.is_empty() {
        return None;
    }
    Some(
        Verdict::warning(
            VerdictCode::Sticky,
            format!(
                "binds its users to a container by a cookie ({})",
                list(&services)
            ),
        )
        .means("users of Blue move to Green: what Blue keeps of them in its memory is lost")
        .remedy("keep sessions outside of the containers, or expect users to log in again"),
    )
}
