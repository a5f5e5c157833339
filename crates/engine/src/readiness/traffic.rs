//! Whether requests can be steered from Blue to Green.

use super::{
    Facts,
    finding::{list, warning},
};
use crate::model::{Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(no_route(facts));
    verdicts.extend(sticky(facts));
    verdicts
}

fn no_route(facts: &Facts) -> Option<Verdict> {
    let has_route = match facts.found {
        Some(found) => !found.routes.is_empty(),
        None => facts
            .service
            .labels
            .keys()
            .any(|key| key.starts_with("traefik.")),
    };
    // A host port is the way in, and a verdict of its own.
    if has_route || !facts.service.ports.is_empty() {
        return None;
    }
    Some(
        warning(VerdictCode::NoRoute, "no Traefik route leads to it")
            .means("nothing steers requests between Blue and Green: callers may meet a container that is just stopping")
            .remedy("give it Traefik labels for a rollout without a failed request"),
    )
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
        warning(
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
