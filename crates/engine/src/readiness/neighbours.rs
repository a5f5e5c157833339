//! What a rollout means for the other services of the project.

use super::{
    Facts,
    finding::{list, warning},
    stateful,
};
use crate::{
    compose::ComposeService,
    model::{Verdict, VerdictCode},
};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(callers(facts));
    verdicts.extend(restarted(facts));
    verdicts
}

fn callers(facts: &Facts) -> Option<Verdict> {
    let callers = facts.model.callers(facts.name);
    if callers.is_empty() {
        return None;
    }
    let verdict = warning(
        VerdictCode::Callers,
        format!("{} may call it by its service name", list(&callers)),
    );
    let resolving: Vec<_> = callers
        .into_iter()
        .filter(|caller| resolves_once(&facts.model.services[caller]))
        .collect();
    Some(if resolving.is_empty() {
        verdict
            .means(match has_route(facts) {
                true => "such calls bypass Traefik and reach Blue and Green alike",
                false => "nothing steers such calls: they reach Blue and Green alike, and may meet a container that is just stopping",
            })
            .remedy("have them call it through Traefik, or retry a failed connection")
    } else {
        verdict
            .means(format!(
                "such calls bypass Traefik, and {} may look the name up only once, at its start: it would go on calling Blue when Blue is gone",
                list(&resolving)
            ))
            .remedy("have it call through Traefik or look names up again (`resolver` in nginx), or reload it when the rollout names it")
    })
}

fn has_route(facts: &Facts) -> bool {
    facts.found.is_some_and(|found| !found.routes.is_empty())
}

/// Whether a service is known to keep the address that a name had at its start.
fn resolves_once(service: &ComposeService) -> bool {
    let image = service.image.as_deref().unwrap_or_default();
    ["nginx", "nginx-unprivileged", "openresty", "haproxy"].contains(&stateful::name(image))
}

fn restarted(facts: &Facts) -> Option<Verdict> {
    let dependants = facts.model.restarted_with(facts.name);
    if dependants.is_empty() {
        return None;
    }
    let names = list(&dependants);
    Some(
        warning(
            VerdictCode::Dependants,
            format!("{names} asks Compose for a restart whenever it changes"),
        )
        .means("a rollout touches no other service: it goes on as it is")
        .remedy(format!(
            "if it must, restart it afterwards: `docker compose restart {}`",
            dependants.join(" ")
        )),
    )
}
