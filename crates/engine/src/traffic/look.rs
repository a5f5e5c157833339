//! One service seen through one Traefik: its routers, and what can be done with them.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerInspectResponse, ContainerSummary};

use super::{
    api::{ApiMiddleware, ApiRouter},
    clashes::clashes,
    constraints,
    doors::doors,
    gateway::{EntryPoint, Gateway, exposed_ports, labels_of, plain_name},
    labels::{Backend, Configured, Router, Subject},
    pins::{Pinned, has_room_above, probe_priority},
    rule::{Target, health_path},
    survey::{Pinning, Steering, Survey},
    version::Version,
};
use crate::model::{Level, Readiness, Route, TraefikInfo, TrafficPlan, Verdict, VerdictCode};

/// Middlewares that shape the path of a request and refuse none.
const PATH_SHAPERS: [&str; 5] = [
    "addprefix",
    "replacepath",
    "replacepathregex",
    "stripprefix",
    "stripprefixregex",
];

/// Everything that a survey judges from.
pub(super) struct Look<'a> {
    pub(super) gateway: &'a Gateway,
    /// Names of further Traefiks that share a network with the service.
    pub(super) others: Vec<&'a str>,
    pub(super) api: Option<&'a [ApiRouter]>,
    pub(super) middlewares: Option<&'a [ApiMiddleware]>,
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

        let mut survey = match self.unsteerable(&configured, &labels) {
            Some(reason) => Survey::unsteered(reason),
            None => self.steer(first, &subject, &configured),
        };
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

    /// Why Traefik does not, or not in a way that pins can follow, lead to the service.
    fn unsteerable(
        &self,
        configured: &Configured,
        labels: &HashMap<String, String>,
    ) -> Option<String> {
        let traefik = &self.gateway.name;
        let version = self.gateway.version.as_deref().and_then(Version::parse);
        if let Some(version) = version.filter(|version| *version < Version::OLDEST) {
            return Some(format!(
                "Traefik `{traefik}` is version {version}, and Teal steers {} and newer",
                Version::OLDEST
            ));
        }
        if !configured.enable.unwrap_or(self.gateway.exposed_by_default) {
            return Some(format!("Traefik `{traefik}` does not expose the service"));
        }
        if constraints::matches(&self.gateway.constraints, labels) == Some(false) {
            return Some(format!(
                "the constraints of Traefik `{traefik}` leave the service out"
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
        let mut verdicts = Vec::new();
        let mut own = Vec::new();
        for router in subject.routers(configured, &self.gateway.default_rule) {
            match router.or_else(|problem| self.router_from_api(subject, configured, problem)) {
                Ok(router) => own.push(router),
                Err(problem) => return Survey::unsteered(problem),
            }
        }
        let backends = subject.backends(configured);
        own.extend(self.routers_of_other_providers(&backends));
        let others = self.other_routers(subject, &own);
        let priorities = own.iter().chain(&others).map(|router| router.priority);
        let probe_priority = probe_priority(priorities);
        let mut routers = Vec::new();
        let mut any_broken = false;
        for router in &own {
            if let Some(problem) = self.broken(router, subject) {
                any_broken = true;
                verdicts.push(warning(
                    format!("Traefik does not serve {problem}"),
                    "mend the router, or expect nothing of it",
                ));
                continue;
            }
            match self.pin(router, &backends, configured, &own, &others) {
                Ok(pinned) => routers.push(pinned),
                Err(reason) => verdicts.push(warning(
                    format!("router `{}` is not steered: {reason}", router.name),
                    "let the router lead to a service in this service's own labels",
                )),
            }
        }
        let health = health_path(first);
        let doors = doors(self.gateway, &routers, health.as_deref());
        let public = routers
            .iter()
            .map(|pinned| self.route(&pinned.router))
            .collect::<Vec<_>>();
        let mut survey = if routers.is_empty() {
            Survey::unsteered(if any_broken {
                "Traefik does not serve the service's routers"
            } else if !configured.has_streams {
                "no HTTP router leads to the service"
            } else {
                "only TCP or UDP routers lead to the service"
            })
        } else {
            Survey {
                plan: TrafficPlan::Steered {
                    traefik: self.gateway.name.clone(),
                    routes: public.clone(),
                },
                ..Survey::unsteered("")
            }
        };
        survey.ports = routers.iter().map(|pinned| pinned.port).collect();
        survey.is_countable = routers.iter().all(|pinned| {
            matches!(
                pinned.backend.options.get("loadbalancer.server.scheme"),
                None | Some("http")
            )
        });
        survey.routes = public;
        survey.verdicts = verdicts;
        survey.held = self.held(&routers, subject);
        // Its health checks go to Blue as long as that runs, and streams are not steered.
        survey.has_other_calls = configured.has_streams
            || routers
                .iter()
                .any(|pinned| pinned.backend.options.has_any("loadbalancer.healthcheck"));
        if matches!(survey.plan, TrafficPlan::Steered { .. }) {
            survey.steering = Some(Steering::Pins(Box::new(Pinning {
                gateway: self.gateway.clone(),
                routers,
                doors,
                health,
                proofs: Vec::new(),
                relay: None,
                unasked: None,
                probe_priority,
                copied: self.copied_labels(subject.labels, configured),
            })));
        }
        survey
    }

    /// A router whose rule Teal can't make out itself, as Traefik made it.
    fn router_from_api(
        &self,
        subject: &Subject<'_>,
        configured: &Configured,
        problem: String,
    ) -> Result<Router, String> {
        let written: Vec<_> = configured.routers.keys().cloned().collect();
        let names = if written.is_empty() {
            vec![subject.default_name()]
        } else {
            written
        };
        let routers = self.api.ok_or_else(|| problem.clone())?;
        names
            .iter()
            .find_map(|name| {
                let found = routers
                    .iter()
                    .find(|router| router.name == format!("{name}@docker"))?;
                let options = configured.routers.get(name).cloned().unwrap_or_default();
                options
                    .get("rule")
                    .is_none()
                    .then(|| found.to_router(name, options))
            })
            .ok_or(problem)
    }

    /// Routers that lead to the service from elsewhere, such as a file.
    fn routers_of_other_providers(&self, backends: &[Backend]) -> Vec<Router> {
        self.api
            .into_iter()
            .flatten()
            .filter_map(ApiRouter::of_another_provider)
            .filter(|router| {
                backends
                    .iter()
                    .any(|backend| backend.name == router.service)
            })
            .collect()
    }

    fn pin(
        &self,
        router: &Router,
        backends: &[Backend],
        configured: &Configured,
        own: &[Router],
        others: &[Router],
    ) -> Result<Pinned, String> {
        let backend = backends
            .iter()
            .find(|backend| backend.name == router.service)
            .ok_or_else(|| format!("it leads to `{}`", router.service))?;
        if backend.options.has_any("loadbalancer.server.url") {
            return Err(format!("service `{}` has a fixed address", backend.name));
        }
        let port = backend
            .port
            .ok_or_else(|| format!("service `{}` has no port", backend.name))?;
        if !has_room_above(router.priority) {
            return Err(format!(
                "its priority, {}, leaves no room for Teal's routers above it",
                router.priority
            ));
        }
        let mut shadows: Vec<_> = own
            .iter()
            .chain(others)
            .filter(|other| self.shadows(other, router))
            .map(|other| other.rule.clone())
            .collect();
        shadows.sort();
        shadows.dedup();
        Ok(Pinned {
            router: router.clone(),
            backend: backend.clone(),
            port,
            shadows,
            strips_prefix: router.middlewares.iter().any(|name| {
                configured
                    .middlewares
                    .get(name.trim_end_matches("@docker"))
                    .is_some_and(|options| {
                        options.kinds().any(|kind| kind.starts_with("stripprefix"))
                    })
            }),
            probe_middlewares: router
                .middlewares
                .iter()
                .filter(|name| shapes_path(name, configured))
                .cloned()
                .collect(),
        })
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

    fn copied_labels(
        &self,
        labels: &HashMap<String, String>,
        configured: &Configured,
    ) -> HashMap<String, String> {
        let mut copied: HashMap<_, _> = constraints::labels_in(&self.gateway.constraints)
            .into_iter()
            .filter_map(|key| labels.get(&key).map(|value| (key, value.clone())))
            .collect();
        if let Some(network) = &configured.network {
            copied.insert("traefik.docker.network".into(), network.clone());
        }
        copied
    }

    fn warnings(&self, configured: &Configured) -> Vec<Verdict> {
        let stream = |router: &String| {
            Verdict {
            meaning: "connections through it go to Blue and Green alike while both run, and those to Blue are cut when it stops".into(),
            ..warning(
                format!("{router} is not steered"),
                "roll out while few are connected that way; clients have to connect again",
            )
        }
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

fn warning(reason: String, remedy: &str) -> Verdict {
    Verdict {
        level: Level::Warning,
        code: VerdictCode::NoRoute,
        readiness: Readiness::Ready,
        reason,
        meaning: "requests on this way may meet a container that is just stopping".into(),
        remedy: remedy.into(),
        fix: None,
    }
}

fn shapes_path(middleware: &str, configured: &Configured) -> bool {
    let name = middleware.strip_suffix("@docker").unwrap_or(middleware);
    configured.middlewares.get(name).is_some_and(|options| {
        options
            .kinds()
            .all(|kind| PATH_SHAPERS.contains(&kind.as_str()))
    })
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
