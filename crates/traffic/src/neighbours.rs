//! What else the same Traefik looks at: other services, whose routers and names matter for this one.

use std::collections::{BTreeSet, HashMap};

use super::{
    clashes::{DROPPED, Definitions},
    constraints,
    default_rule::DefaultRule,
    expression::can_meet,
    labels::{Configured, Options, Router, Subject},
    look::Look,
    pins::{LEVELS, PIN},
};
use teal_docker::{compose_label, teal_label};
use teal_model::{Verdict, VerdictCode};

const APART: &str =
    "give one of the two another name, or keep the projects apart by Traefik's `constraints`";

/// A container of another service.
pub(super) struct Neighbour<'a> {
    name: &'a str,
    labels: &'a HashMap<String, String>,
    pub(super) configured: Configured,
}

impl Neighbour<'_> {
    fn subject(&self) -> Subject<'_> {
        Subject {
            name: self.name,
            labels: self.labels,
            exposed_port: None,
        }
    }

    pub(super) fn routers(&self, default_rule: &DefaultRule) -> Vec<Router> {
        let routers = self.subject().routers(&self.configured, default_rule);
        let routers = routers.into_iter();
        routers.filter_map(|(_, router)| router.ok()).collect()
    }

    /// Whether it has a part in a service of such a name.
    pub(super) fn has_service(&self, is: impl Fn(&str) -> bool) -> bool {
        let backends = self.subject().backends(&self.configured);
        backends.iter().any(|backend| is(&backend.name))
    }

    /// Its name and its project's, for people.
    fn whose(&self) -> String {
        match self.labels.get(compose_label::PROJECT) {
            Some(project) => format!("container `{}` of project `{project}`", self.name),
            None => format!("container `{}`", self.name),
        }
    }
}

impl Look<'_> {
    /// The other containers that this Traefik makes routes of.
    pub(super) fn neighbours(&self, subject: &Subject<'_>) -> Vec<Neighbour<'_>> {
        let containers = self.containers.iter();
        let seen = containers.filter_map(|container| {
            let names = container.names.as_ref()?;
            let neighbour = Neighbour {
                name: names
                    .first()
                    .map_or("", |name| name.trim_start_matches('/')),
                labels: container.labels.as_ref()?,
                configured: Configured::read(container.labels.as_ref()?),
            };
            let is_seen = match constraints::matches(&self.gateway.constraints, neighbour.labels) {
                Some(passes) => passes,
                // Then the API knows better, where there is one.
                None => self.api.is_none(),
            };
            let enable = neighbour.configured.enable;
            let is_another = is_seen
                && enable.unwrap_or(self.gateway.exposed_by_default)
                && !neighbour.labels.contains_key(teal_label::ROLE)
                && neighbour.subject().default_name() != subject.default_name();
            is_another.then_some(neighbour)
        });
        seen.collect()
    }

    /// Names that another service has as well: Traefik drops what they define in different ways,
    /// and makes one of what they define alike.
    pub(super) fn collisions(&self, subject: &Subject<'_>) -> Vec<Verdict> {
        let mine = Definitions::of(subject, self.gateway);
        let mut verdicts = Vec::new();
        for neighbour in self.neighbours(subject) {
            let theirs = Definitions::of(&neighbour.subject(), self.gateway);
            let whose = neighbour.whose();
            let refused = mine.differing(&theirs).into_iter().map(|what| {
                let reason = format!("{whose} defines Traefik's {what} in another way");
                Verdict::refused(VerdictCode::RouteClash, reason)
                    .means(DROPPED)
                    .remedy(APART)
            });
            verdicts.extend(refused);
            let shared = mine.services_in(&theirs).map(|service| {
                let reason = format!("{whose} has a part in Traefik's service `{service}`");
                Verdict::warning(VerdictCode::RouteClash, reason)
                    .means("while the rollout steers, none of this service's requests go to that container")
                    .remedy(APART)
            });
            verdicts.extend(shared);
        }
        verdicts.dedup();
        verdicts
    }

    /// Why Traefik does not serve a router, as its API tells or else as the labels do.
    pub(super) fn broken(&self, router: &Router, subject: &Subject<'_>) -> Option<String> {
        if let Some(told) = self.api {
            let name = format!("{}@docker", router.name);
            let found = told.routers.iter().find(|found| found.name == name)?;
            return found.problem();
        }
        let mut known: BTreeSet<String> = self
            .neighbours(subject)
            .into_iter()
            .flat_map(|other| other.configured.middlewares.into_keys())
            .collect();
        known.extend(Configured::read(subject.labels).middlewares.into_keys());
        let is_missing = |name: &&String| match name.split_once('@') {
            Some((name, "docker")) => !known.contains(name),
            Some(_) => false,
            None => !known.contains(*name),
        };
        let missing = router.middlewares.iter().find(is_missing)?;
        Some(format!(
            "router `{}`: no container defines its middleware `{missing}`",
            router.name
        ))
    }

    /// Whether `other` wins over `router` now, for requests that both take, and would not over a pin
    /// of it.
    pub(super) fn shadows(&self, other: &Router, router: &Router) -> bool {
        let here = self.points(router);
        let there = self.points(other);
        other.rule != router.rule
            && can_meet(&other.rule, &router.rule)
            && other.priority > router.priority
            && other.priority <= router.priority + i64::from(LEVELS)
            && here
                .iter()
                .any(|(name, tls)| there.contains(&(*name, *tls)))
    }

    /// The entry points of a router, and whether it takes TLS there.
    fn points(&self, router: &Router) -> Vec<(&str, bool)> {
        self.gateway
            .entry_points_of(&router.entry_points)
            .into_iter()
            .map(|point| (point.name.as_str(), point.tls || router.tls))
            .collect()
    }

    /// Routers of other services on the same Traefik: those that its API tells of, and those of
    /// containers that it may not have taken up yet.
    pub(super) fn other_routers(&self, subject: &Subject<'_>, own: &[Router]) -> Vec<Router> {
        let told = self
            .routers_told()
            .map(|router| router.to_router(&router.name, Options::default()))
            .filter(|router| {
                let name = router.name.strip_suffix("@docker").unwrap_or(&router.name);
                !name.contains(PIN) && !own.iter().any(|own| own.name == name)
            });
        let labelled = self
            .neighbours(subject)
            .into_iter()
            .flat_map(|other| other.routers(&self.gateway.default_rule))
            .filter(|router| !own.iter().any(|own| own.name == router.name));
        told.chain(labelled).collect()
    }
}
