//! The look at a service's routes before anything is touched.

use std::collections::{BTreeMap, HashMap};

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{ContainerInspectResponse, ContainerSummary},
    query_parameters::ListContainersOptions,
};
use futures_util::future::join_all;

use super::{
    api,
    edge::{Fronting, TakeOver},
    gateway::{Gateway, exposed_ports, labels_of, network_ids},
    held::Held,
    http::Endpoint,
    look::Look,
    pins::{Limited, Pinned},
    proof::Proof,
    relay::Relay,
    rule::Target,
    told::Told,
    version::Version,
};
use teal_compose::Compose;
use teal_docker::EngineHost;
use teal_model::{
    Error, Handover, Level, ProjectSource, Result, Route, TraefikInfo, TrafficPlan, Verdict,
    VerdictCode,
};

/// What is known of a service's traffic.
#[derive(Debug, Clone)]
pub struct Survey {
    pub traefik: Option<TraefikInfo>,
    pub routes: Vec<Route>,
    pub plan: TrafficPlan,
    pub verdicts: Vec<Verdict>,
    /// Whether the service is a Traefik itself.
    pub is_traefik: bool,
    /// The ports that requests come in on.
    pub(super) ports: Vec<u16>,
    /// Whether what is in flight on them can be counted: not inside HTTP/2 connections.
    pub(super) is_countable: bool,
    /// What can't be known of its routes, as a sentence.
    pub(super) unknown: Option<String>,
    /// What holds requests back inside of Traefik.
    pub(super) held: Option<Held>,
    /// Whether Traefik calls the containers by itself, or by routes that are known to stay.
    pub(super) has_other_calls: bool,
    /// `None` if the traffic is not steered.
    pub(super) steering: Option<Steering>,
}

/// What it takes to steer, by the way that it is done.
#[derive(Debug, Clone)]
pub(super) enum Steering {
    /// By pins on the user's Traefik.
    Pins(Box<Pinning>),
    /// By the files of Teal's edge.
    Edge(Fronting),
    /// By ports that Teal's edge is to take over.
    TakeOver(Box<TakeOver>),
}

impl Steering {
    /// Whether it sees connections only, and no requests.
    pub(super) fn is_tcp(&self) -> bool {
        match self {
            Self::Pins(_) => false,
            Self::Edge(fronting) => fronting.is_tcp(),
            Self::TakeOver(take_over) => take_over.fronting.is_tcp(),
        }
    }

    /// How to ask through each route; `None` if it can't be reached from here.
    pub(super) fn doors(&self) -> &[Option<Door>] {
        match self {
            Self::Pins(pinning) => &pinning.doors,
            Self::Edge(fronting) => &fronting.doors,
            Self::TakeOver(take_over) => &take_over.fronting.doors,
        }
    }
}

/// What it takes to steer by pins.
#[derive(Debug, Clone)]
pub(super) struct Pinning {
    pub(super) gateway: Gateway,
    pub(super) routers: Vec<Pinned>,
    /// How to ask through each router; `None` if it can't be reached from here.
    pub(super) doors: Vec<Option<Door>>,
    /// The path that the service's health check asks for.
    pub(super) health: Option<String>,
    /// What each router's splits are proved by; empty as long as that was not tried.
    pub(super) proofs: Vec<Proof>,
    /// What asks in Traefik's own network.
    pub(super) relay: Option<Relay>,
    /// Why nothing can be asked, where that was tried.
    pub(super) unasked: Option<String>,
    /// Of probes' routers.
    pub(super) probe_priority: i64,
    /// Labels that sidecars get from the service's containers.
    pub(super) copied: HashMap<String, String>,
}

impl Pinning {
    /// Whether it is known how splits are proved.
    pub(super) fn is_tried(&self) -> bool {
        !self.proofs.is_empty()
    }

    /// Whether its Traefik knows weights, else why not.
    pub(super) fn can_weigh(&self) -> std::result::Result<(), String> {
        let name = &self.gateway.name;
        let version = self.gateway.version.as_deref();
        match version.and_then(Version::parse) {
            Some(version) if version >= Version::OLDEST => {}
            Some(version) => {
                return Err(format!(
                    "Traefik `{name}` is version {version}, and weights of servers need {} or newer",
                    Version::OLDEST
                ));
            }
            None => {
                return Err(format!(
                    "neither the image nor the API of Traefik `{name}` tells its version, so Teal can't tell whether it knows weights of servers"
                ));
            }
        }
        let strategy = |pinned: &Pinned| {
            let strategy = pinned.backend.options.get("loadbalancer.strategy")?;
            (strategy == "p2c").then(|| {
                format!(
                    "service `{}` is balanced by `{strategy}`, which knows no weights",
                    pinned.backend.name
                )
            })
        };
        match self.routers.iter().find_map(strategy) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }
}

/// A way in from here: an entry point, and a request that the router's rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) endpoint: Endpoint,
    pub(super) target: Target,
    /// What else may be asked for, where the target's path proves nothing.
    pub(super) other_paths: Vec<String>,
    /// Whether requests that come this way are counted, and the next ones refused.
    pub(super) limited: Limited,
}

/// The doors that can be reached, each with the number of its route. With a path of one's own, that
/// is asked for through the first.
pub(super) fn open_doors(doors: &[Option<Door>], path: Option<&str>) -> Vec<(usize, Door)> {
    let mut open: Vec<_> = doors
        .iter()
        .enumerate()
        .filter_map(|(number, door)| Some((number, door.clone()?)))
        .collect();
    if let Some(path) = path {
        open.truncate(1);
        for (_, door) in &mut open {
            path.clone_into(&mut door.target.path);
        }
    }
    open
}

impl Survey {
    /// The ways in from here, each with the number of its route. With a path of one's own, that is
    /// asked for through the first.
    pub(super) fn doors_to(&self, path: Option<&str>) -> Vec<(usize, Door)> {
        let doors = self.steering.as_ref().map_or(&[][..], Steering::doors);
        open_doors(doors, path)
    }

    /// Whether it is Teal's edge that requests come by.
    pub const fn is_by_edge(&self) -> bool {
        matches!(
            self.steering,
            Some(Steering::Edge(_) | Steering::TakeOver(_))
        )
    }

    pub(super) fn unsteered(reason: impl Into<String>) -> Self {
        Self {
            traefik: None,
            routes: Vec::new(),
            plan: TrafficPlan::Unsteered {
                reason: reason.into(),
            },
            verdicts: Vec::new(),
            is_traefik: false,
            ports: Vec::new(),
            is_countable: true,
            unknown: None,
            held: None,
            has_other_calls: false,
            steering: None,
        }
    }

    /// What is to be said where requests come by routes that nothing steers: all of them may be lost
    /// in the moment that Blue stops.
    fn lost(&self) -> Option<Verdict> {
        let TrafficPlan::Unsteered { reason } = &self.plan else {
            return None;
        };
        let is_told = |verdict: &Verdict| {
            (verdict.code, verdict.level) == (VerdictCode::NoRoute, Level::NeedsForce)
        };
        if self.routes.is_empty() || self.verdicts.iter().any(is_told) {
            return None;
        }
        Some(
            Verdict::needs_force(
                VerdictCode::NoRoute,
                format!("Traefik leads requests to it, and Teal can't steer them: {reason}"),
            )
            .means("Green gets requests before it is verified, and those to Blue may fail when it stops")
            .remedy("remove what keeps Teal from routing, or use `--force` in a maintenance window"),
        )
    }

    /// The ports of its containers that requests may come in on, as far as labels, files or image name
    /// any.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Whether traffic can be shared in other parts than by the number of containers, else why not.
    ///
    /// # Errors
    /// What is in the way, for people.
    pub fn can_weigh(&self) -> std::result::Result<(), String> {
        match (&self.steering, &self.plan) {
            (Some(Steering::Pins(pinning)), _) => pinning.can_weigh(),
            (Some(Steering::Edge(_) | Steering::TakeOver(_)), _) => Ok(()),
            (None, TrafficPlan::Unsteered { reason }) => Err(reason.clone()),
            (None, TrafficPlan::Steered { .. }) => Err("its traffic is not steered".into()),
        }
    }
}

/// Looks at Blue's labels and networks and at the Traefik beside it. Changes nothing.
///
/// `file_labels` are the labels that Green will get.
pub async fn survey(
    docker: &Docker,
    host: EngineHost,
    blue: &[ContainerInspectResponse],
    file_labels: Option<&BTreeMap<String, String>>,
) -> Result<Survey> {
    let surroundings = Surroundings::look(docker, host, blue).await?;
    Ok(surroundings.survey(blue, file_labels))
}

/// The survey of a service whose ports Teal's edge is to take over.
pub fn survey_handover(
    compose: &Compose,
    host: EngineHost,
    source: &ProjectSource,
    handover: &Handover,
    blue: &[ContainerInspectResponse],
) -> Survey {
    match blue.first() {
        Some(first) => TakeOver::survey(compose, host, source, handover, first),
        None => Survey::unsteered("no container of the service runs"),
    }
}

/// The Traefiks of an engine and what else Traefik looks at: enough to survey service after
/// service without asking again.
#[derive(Debug)]
pub struct Surroundings {
    gateways: Vec<Gateway>,
    /// By the id of the Traefik, what its API tells.
    told: HashMap<String, Told>,
    containers: Vec<ContainerSummary>,
    /// The engine's, by Docker's name of it.
    architecture: String,
    host: EngineHost,
}

impl Surroundings {
    /// Looks at what shares a network with these containers.
    pub async fn look(
        docker: &Docker,
        host: EngineHost,
        around: &[ContainerInspectResponse],
    ) -> Result<Self> {
        let containers = docker
            .list_containers(None::<ListContainersOptions>)
            .await
            .map_err(failed("list the containers"))?;
        let version = docker.version().await;
        let version = version.map_err(failed("ask for its version"))?;
        let networks = around.iter().flat_map(network_ids).collect();
        let mut gateways = Gateway::find(docker, host, &containers, &networks, around)
            .await
            .map_err(failed("look for Traefik"))?;
        let asked = gateways.iter_mut().map(|gateway| async {
            let told = Told::ask(gateway.api?).await?;
            if let Some(version) = api::version(gateway.api?).await {
                gateway.version = Some(version);
            }
            Some((gateway.id.clone(), told))
        });
        let told = join_all(asked).await.into_iter().flatten().collect();
        Ok(Self {
            gateways,
            told,
            containers,
            architecture: version.arch.unwrap_or_default(),
            host,
        })
    }

    /// What is known of one service's traffic.
    pub fn survey(
        &self,
        blue: &[ContainerInspectResponse],
        file_labels: Option<&BTreeMap<String, String>>,
    ) -> Survey {
        let Some(first) = blue.first() else {
            return Survey::unsteered("no container of the service runs");
        };
        let networks = blue.iter().flat_map(network_ids).collect();
        if let Some(survey) = Fronting::survey(&self.containers, self.host, first) {
            return survey;
        }
        let labels = labels_of(first);
        let reaching = self.gateways.iter().filter(|it| it.reaches(&networks));
        let (others, taking): (Vec<_>, Vec<_>) = reaching.partition(|it| it.leaves_out(&labels));
        // One that leaves the service out has no part in it, unless it alone is there.
        let mut taking = if taking.is_empty() { others } else { taking }.into_iter();
        let mut survey = match taking.next() {
            Some(gateway) => Look {
                gateway,
                others: taking.map(|other| other.name.as_str()).collect(),
                api: self.told.get(&gateway.id),
                blue,
                containers: &self.containers,
                file_labels,
            }
            .survey(first),
            None => Survey::unsteered("no running Traefik shares a network with the service"),
        };
        if survey.steering.is_some() && !teal_docker::runs_on(&self.architecture) {
            survey.steering = None;
            survey.plan = TrafficPlan::Unsteered {
                reason: format!(
                    "this Teal was built without a sidecar for the engine's architecture, `{}` (it has {})",
                    self.architecture,
                    architectures_carried()
                ),
            };
        }
        survey.verdicts.extend(survey.lost());
        survey.is_traefik = blue.iter().any(|container| {
            let mut gateways = self.gateways.iter();
            gateways.any(|gateway| Some(&gateway.id) == container.id.as_ref())
        });
        survey.ports.extend(exposed_ports(first));
        survey.ports.sort_unstable();
        survey.ports.dedup();
        survey
    }
}

fn architectures_carried() -> String {
    match teal_docker::sidecar_architectures().as_slice() {
        [] => "none".to_owned(),
        some => format!("`{}`", some.join("`, `")),
    }
}

fn failed(operation: &str) -> impl FnOnce(DockerError) -> Error {
    let operation = operation.to_owned();
    move |source| Error::Engine { operation, source }
}

#[cfg(test)]
mod tests;
