//! One service seen through one Traefik: its routers, and what can be done with them.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerSummary};

use super::{
    clashes::clashes,
    doors::doors,
    gateway::{EntryPoint, Gateway, exposed_ports, labels_of, plain_name},
    labels::{Configured, Router, Subject, Unusable},
    limiters::Known,
    pinnable::Unpinnable,
    pins::{Pinned, probe_priority},
    rule::{Target, health_path},
    survey::{Pinning, Steering, Survey},
    told::Told,
    version::Version,
};
use teal_model::{HealthTest, Route, TraefikInfo, TrafficPlan, Verdict, VerdictCode};

const LEAD_STRAIGHT: &str = "let the router lead to a service in this service's own labels";

/// Everything that a survey judges from.
pub(super) struct Look<'a> {
    pub(super) gateway: &'a Gateway,
    /// Names of further Traefiks that share a network with the service.
    pub(super) others: Vec<&'a str>,
    pub(super) api: Option<&'a Told>,
    pub(super) blue: &'a [ContainerInspectResponse],
    pub(super) containers: &'a [ContainerSummary],
    pub(super) file_labels: Option<&'a BTreeMap<String, String>>,
}

impl Look<'_> {
    /// What these say of the service whose first container this is.
    pub(super) fn survey(&self, first: &ContainerInspectResponse) -> Survey {
        let labels = labels_of(first);
        let configured = Configured::read(&labels);
        let name = plain_name(first);
        let subject = Subject {
            name: &name,
            labels: &labels,
            exposed_port: exposed_ports(first).first().copied(),
        };

        let mut survey = match self.unseen(&configured, &labels) {
            Some(reason) => Survey::unsteered(reason),
            None => self.steer(first, &subject, &configured),
        };
        // The routes are there all the same.
        if let Some(reason) = self.unsteerable().filter(|_| !survey.routes.is_empty()) {
            survey.steering = None;
            survey.plan = TrafficPlan::Unsteered { reason };
        }
        survey.traefik = Some(TraefikInfo {
            container: self.gateway.name.clone(),
            version: self.gateway.version.clone(),
            addresses: self
                .gateway
                .entry_points
                .iter()
                .filter_map(|point| point.address)
                .map(|address| address.to_string())
                .collect(),
            api: self.api.is_some(),
        });
        survey.verdicts.extend(clashes(
            self.gateway,
            &subject,
            &self.blue[1..],
            self.file_labels,
        ));
        survey.verdicts.extend(self.collisions(&subject));
        survey.verdicts.extend(self.warnings(&configured));
        survey
    }

    /// Why Traefik makes no route to the service.
    fn unseen(&self, configured: &Configured, labels: &HashMap<String, String>) -> Option<String> {
        let traefik = &self.gateway.name;
        if !configured.enable.unwrap_or(self.gateway.exposed_by_default) {
            return Some(format!("Traefik `{traefik}` does not expose the service"));
        }
        if self.gateway.leaves_out(labels) {
            return Some(format!(
                "the constraints of Traefik `{traefik}` leave the service out"
            ));
        }
        None
    }

    /// Why pins can't follow the way that this Traefik leads to services.
    fn unsteerable(&self) -> Option<String> {
        let traefik = &self.gateway.name;
        let version = self.gateway.version.as_deref().and_then(Version::parse);
        if let Some(version) = version.filter(|version| *version < Version::OLDEST) {
            return Some(format!(
                "Traefik `{traefik}` is version {version}, and Teal steers {} and newer",
                Version::OLDEST
            ));
        }
        if self.gateway.uses_bound_ports {
            return Some(format!(
                "Traefik `{traefik}` uses bound host ports, which pins can't have"
            ));
        }
        None
    }

    fn steer(
        &self,
        first: &ContainerInspectResponse,
        subject: &Subject<'_>,
        configured: &Configured,
    ) -> Survey {
        let neighbours = self.neighbours(subject);
        let known = Known {
            own: configured,
            neighbours: &neighbours,
        };
        let gateway = self.gateway_with_limits(&known);
        let (mut routers, mut verdicts) = self.own_routers(subject, configured);
        let backends = subject.backends(configured);
        routers.extend(self.routers_from_elsewhere(subject, &backends, &routers));
        let others = self.other_routers(subject, &routers);
        let priorities = routers.iter().chain(&others);
        let probe_priority = probe_priority(priorities.map(|router| router.priority));
        let mut pinned = Vec::new();
        let mut public = Vec::new();
        for router in &routers {
            if let Some(problem) = self.broken(router, subject) {
                verdicts.push(unserved(&problem));
                continue;
            }
            match self.pin(router, &backends, &known, &routers, &others) {
                Ok(router) => pinned.push(router),
                Err(Unpinnable::Elsewhere(reason)) => {
                    verdicts.push(warning(
                        format!("router `{}` is not steered: {reason}", router.name),
                        LEAD_STRAIGHT,
                    ));
                    continue;
                }
                Err(Unpinnable::Here(reason)) => {
                    verdicts.push(unsteered_router(&router.name, &reason, LEAD_STRAIGHT));
                }
            }
            public.push(self.route(router));
        }
        let unusable = verdicts.first().map(|verdict| verdict.reason.clone());
        let indirect = self.indirect_routes(&backends);
        let health = health_path(first).or_else(|| path_that_teal_asks(subject.labels));
        let doors = doors(&gateway, &pinned, health.as_deref());
        let steered = pinned.iter().map(|pinned| self.route(&pinned.router));
        let plan = match self.unsteered_because(&gateway, &pinned, configured, unusable) {
            Some(reason) => TrafficPlan::Unsteered { reason },
            None => TrafficPlan::Steered {
                traefik: gateway.name.clone(),
                routes: steered.collect(),
            },
        };
        let is_steered = matches!(plan, TrafficPlan::Steered { .. });
        // Its health checks go to Blue as long as that runs, and these routes are not steered.
        let has_other_calls = configured.has_streams
            || public.len() > pinned.len()
            || !indirect.is_empty()
            || pinned
                .iter()
                .any(|pinned| pinned.backend.options.has_any("loadbalancer.healthcheck"));
        verdicts.extend(indirect);
        Survey {
            plan,
            routes: public,
            verdicts,
            ports: pinned.iter().map(|pinned| pinned.port).collect(),
            is_countable: pinned.iter().all(|pinned| {
                matches!(
                    pinned.backend.options.get("loadbalancer.server.scheme"),
                    None | Some("http")
                )
            }),
            unknown: self.unknown_routes(),
            held: self.held(&pinned, subject),
            has_other_calls,
            steering: is_steered.then(|| {
                Steering::Pins(Box::new(Pinning {
                    gateway,
                    routers: pinned,
                    doors,
                    health,
                    proofs: Vec::new(),
                    relay: None,
                    unasked: None,
                    probe_priority,
                    copied: self.copied_labels(subject.labels, configured),
                }))
            }),
            ..Survey::unsteered("")
        }
    }

    /// Why these can't be steered. `unusable` is what is wrong with another router.
    fn unsteered_because(
        &self,
        gateway: &Gateway,
        pinned: &[Pinned],
        configured: &Configured,
        unusable: Option<String>,
    ) -> Option<String> {
        if pinned.is_empty() {
            return Some(unusable.unwrap_or_else(|| {
                match configured.has_streams {
                    false => "no HTTP router leads to the service",
                    true => "only TCP or UDP routers lead to the service",
                }
                .to_owned()
            }));
        }
        let mut points = pinned
            .iter()
            .flat_map(|pinned| gateway.entry_points_of(&pinned.router.entry_points));
        if self.api.is_some() || points.any(|point| point.limiter().is_none()) {
            return None;
        }
        let (point, limiter) = gateway.entry_points.iter().find_map(EntryPoint::limiter)?;
        Some(format!(
            "`{limiter}` counts the requests of all who come by entry point `{point}`, so that Teal asks for nothing there, and the API of Traefik `{}` can't be reached from here",
            gateway.name
        ))
    }

    /// The routers in the service's own labels, and what is to be said of those that are of no use.
    fn own_routers(
        &self,
        subject: &Subject<'_>,
        configured: &Configured,
    ) -> (Vec<Router>, Vec<Verdict>) {
        let mut usable = Vec::new();
        let mut verdicts = Vec::new();
        for (name, router) in subject.routers(configured, &self.gateway.default_rule) {
            match router {
                Ok(router) => usable.push(router),
                Err(Unusable::Unserved(problem)) => verdicts.push(unserved(&problem)),
                Err(Unusable::Unread(problem)) => match self.told_by_api(&name, configured) {
                    Some(router) => usable.push(router),
                    None => verdicts.push(unsteered_router(
                        &name,
                        &problem,
                        "give the router a rule of its own, or let Teal ask Traefik's API",
                    )),
                },
            }
        }
        (usable, verdicts)
    }

    /// A router whose rule Teal can't make out itself, as Traefik made it.
    fn told_by_api(&self, name: &str, configured: &Configured) -> Option<Router> {
        let mut routers = self.api?.routers.iter();
        let found = routers.find(|router| router.name == format!("{name}@docker"))?;
        let options = configured.routers.get(name).cloned().unwrap_or_default();
        Some(found.to_router(name, options))
    }

    fn route(&self, router: &Router) -> Route {
        let points = self.gateway.entry_points_of(&router.entry_points);
        let target = Target::new(&router.rule, None, false);
        Route {
            router: router.name.clone(),
            rule: router.rule.clone(),
            entry_points: points.iter().map(|point| point.name.clone()).collect(),
            tls: router.tls || points.iter().any(|point| point.tls),
            url: points.iter().find_map(|point| url(point, router, &target)),
        }
    }

    fn warnings(&self, configured: &Configured) -> Vec<Verdict> {
        let stream = |router: &String| {
            warning(
                format!("{router} is not steered"),
                "roll out while few are connected that way; clients have to connect again",
            )
            .means("connections through it go to Blue and Green alike while both run, and those to Blue are cut when it stops")
        };
        let mut warnings: Vec<_> = configured.streams.iter().map(stream).collect();
        if !self.others.is_empty() {
            warnings.push(warning(
                format!(
                    "several Traefiks share a network with the service; Teal confirms with `{}` only, not with {}",
                    self.gateway.name,
                    self.others.join(", ")
                ),
                "leave one Traefik in the service's networks",
            ));
        }
        warnings
    }
}

pub(super) fn warning(reason: String, remedy: &str) -> Verdict {
    Verdict::warning(VerdictCode::NoRoute, reason)
        .means("requests on this way may hit a container that is stopping")
        .remedy(remedy)
}

fn unserved(problem: &str) -> Verdict {
    warning(
        format!("Traefik does not serve {problem}"),
        "fix the router, or remove it",
    )
}

/// Requests come to the service by this router, and pins can't take them over.
pub(super) fn unsteered_router(name: &str, why: &str, remedy: &str) -> Verdict {
    Verdict::needs_force(
        VerdictCode::NoRoute,
        format!("router `{name}` is not steered: {why}"),
    )
    .means("its requests go to Blue and Green alike while both run, and may fail when Blue stops")
    .remedy(remedy)
}

/// The path by which Teal itself finds the health out.
fn path_that_teal_asks(labels: &HashMap<String, String>) -> Option<String> {
    match HealthTest::from_label(labels.get(teal_docker::teal_label::HEALTH)?)? {
        HealthTest::Teal { path, .. } => path,
        HealthTest::Command { .. } => None,
    }
}

fn url(point: &EntryPoint, router: &Router, target: &Target) -> Option<String> {
    let port = point.address?.port();
    let scheme = if point.tls || router.tls {
        "https"
    } else {
        "http"
    };
    Some(format!("{scheme}://{}:{port}{}", target.host, target.path))
}
