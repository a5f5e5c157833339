//! The handover of host ports from a service's own containers to the edge.
//!
//! A host port belongs to a container as long as that is in a network with a way out. So the edge
//! starts in a network without one and is made ready there; then who holds the ports leaves its
//! networks, and the edge joins its own. The time between is the gap: no start of a container is
//! in it.

use std::time::Duration;

use bollard::{Docker, models::ContainerInspectResponse};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep, timeout};

use super::{
    SERVICE,
    entry::{Entry, Protocol},
    fronting::{Fronting, entries_for, find_all, reached, survey_of},
    networks::{attachments, close_waiting_room, join, leave, open_waiting_room},
    splits::{Splits, ping, until},
};
use crate::{
    compose::{Compose, working_directory},
    docker::{EngineHost, compose_label, container_label},
    model::{Attachment, Handover, ProjectSource},
    traffic::{
        error::TrafficError,
        generations::Presence,
        http,
        pins::{Pin, probe_value},
        sidecars::Sidecars,
        split::Split,
        survey::{Steering, Survey},
    },
};

/// How long is waited for a moment in which nothing is in flight on Blue.
const QUIET_WITHIN: Duration = Duration::from_secs(5);
const COUNT_EVERY: Duration = Duration::from_millis(50);
const ONE_ANSWER: Duration = Duration::from_secs(5);

/// What it takes to hand ports over, and to give them back.
#[derive(Debug, Clone)]
pub(in crate::traffic) struct TakeOver {
    compose: Compose,
    source: ProjectSource,
    service: String,
    handover: Handover,
    pub(in crate::traffic) fronting: Fronting,
}

impl TakeOver {
    /// The survey of a service whose ports are to be handed over.
    pub(in crate::traffic) fn survey(
        compose: &Compose,
        host: EngineHost,
        source: &ProjectSource,
        handover: &Handover,
        first: &ContainerInspectResponse,
    ) -> Survey {
        let label = |key| container_label(first, key).unwrap_or_default();
        let (project, service) = (label(compose_label::PROJECT), label(compose_label::SERVICE));
        let entries: Vec<_> = handover
            .ports
            .iter()
            .map(|port| Entry {
                port: port.entry,
                protocol: if port.http {
                    Protocol::Http
                } else {
                    Protocol::Tcp
                },
                service: service.to_owned(),
                target: port.target,
            })
            .collect();
        let address = |port: &crate::model::HandoverPort| {
            reached(host, port.host_ip.as_deref(), port.published)
        };
        let addresses = handover.ports.iter().map(address).collect();
        let mut survey = survey_of(project, entries, addresses, first);
        if let Some(Steering::Edge(fronting)) = survey.steering.take() {
            survey.steering = Some(Steering::TakeOver(Box::new(Self {
                compose: compose.clone(),
                source: source.clone(),
                service: service.to_owned(),
                handover: handover.clone(),
                fronting,
            })));
        }
        survey
    }

    fn project(&self) -> &str {
        &self.fronting.project
    }
}

/// The ports of a service on their way to the edge.
#[derive(Debug)]
pub(in crate::traffic) struct Transfer {
    take_over: TakeOver,
    pub(in crate::traffic) splits: Splits,
    done: bool,
}

impl Transfer {
    pub(in crate::traffic) fn new(take_over: TakeOver) -> Self {
        Self {
            splits: Splits::new(take_over.fronting.clone()),
            take_over,
            done: false,
        }
    }

    /// Blue has all traffic by its own ports. Any share of Green's is all of it, and has the edge
    /// take the ports over first: Blue can't be behind them.
    pub(in crate::traffic) async fn shift(
        &mut self,
        sidecars: &mut Sidecars,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<(), TrafficError> {
        match split {
            Split::Blue => Ok(()),
            _ if self.done => {
                let (docker, wanted) = (&sidecars.docker, Presence::Wanted);
                self.splits
                    .shift(docker, wanted, Split::Green, &[], green)
                    .await
                    .map(drop)
            }
            Split::Green | Split::Both { .. } => {
                let taken = self.take(sidecars, blue, green).await;
                if let Err(error) = taken {
                    self.give_back(sidecars).await?;
                    return Err(error);
                }
                self.done = true;
                Ok(())
            }
        }
    }

    async fn take(
        &mut self,
        sidecars: &mut Sidecars,
        blue: &[String],
        green: &[String],
    ) -> Result<(), TrafficError> {
        let docker = sidecars.docker.clone();
        let edge = self.prepare(&docker, &sidecars.rollout).await?;
        let written = self.splits.write(&docker, Split::Green, &[], green).await?;
        until(|| ping(&docker, &edge.id, written.number))
            .await
            .map_err(not_served)?;
        quiet(sidecars, blue).await;
        let began = Instant::now();
        self.swap(&docker, &edge.places).await?;
        self.splits.until_served(&docker, &written).await?;
        tracing::info!(elapsed = ?began.elapsed(), "the edge has the ports");
        self.ask().await?;
        close_waiting_room(&docker, &sidecars.rollout)
            .await
            .map_err(TrafficError::engine("remove a network"))
    }

    /// Creates the edge and starts it in the waiting room.
    async fn prepare(&self, docker: &Docker, rollout: &str) -> Result<Prepared, TrafficError> {
        let before = self.edges(docker).await?;
        let scale = format!("{SERVICE}={}", before.len() + 1);
        let source = &self.take_over.source;
        let words = self.take_over.compose.command(
            source,
            &[],
            &[
                "up",
                "--no-start",
                "--no-deps",
                "--no-recreate",
                "--scale",
                &scale,
                "--",
                SERVICE,
            ],
        );
        let directory = working_directory(source);
        let created = self.take_over.compose.run(&words, &directory, |_| ()).await;
        let reason = match created {
            Ok(output) if output.success => None,
            Ok(output) => Some(output.message()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = reason {
            return Err(TrafficError::NotMade { reason });
        }
        let after = self.edges(docker).await?;
        let mut new = after.into_iter().filter(|id| !before.contains(id));
        let id = new.next().ok_or_else(|| TrafficError::NotMade {
            reason: "Compose made no container for it".into(),
        })?;
        let engine = || TrafficError::engine("start Teal's edge");
        let container = docker
            .inspect_container(&id, None)
            .await
            .map_err(engine())?;
        let places = attachments(&container);
        let room = open_waiting_room(docker, self.take_over.project(), rollout)
            .await
            .map_err(engine())?;
        let waiting = Attachment {
            container: id.clone(),
            network: room,
            aliases: Vec::new(),
            ipv4: None,
            ipv6: None,
        };
        join(docker, &waiting).await.map_err(engine())?;
        for place in &places {
            leave(docker, place).await.map_err(engine())?;
        }
        docker.start_container(&id, None).await.map_err(engine())?;
        until(|| ping(docker, &id, 0)).await.map_err(not_served)?;
        Ok(Prepared { id, places })
    }

    /// The gap.
    async fn swap(&self, docker: &Docker, places: &[Attachment]) -> Result<(), TrafficError> {
        let held = &self.take_over.handover.attachments;
        try_join_all(held.iter().map(|place| leave(docker, place)))
            .await
            .map_err(TrafficError::engine("free the ports"))?;
        for place in places {
            join(docker, place)
                .await
                .map_err(TrafficError::engine("give the ports to Teal's edge"))?;
        }
        Ok(())
    }

    /// Green answers at each port, through the edge.
    async fn ask(&self) -> Result<(), TrafficError> {
        let doors = self.splits.fronting.doors.iter().enumerate();
        for (index, door) in doors.filter_map(|(index, door)| Some((index, door.as_ref()?))) {
            for pin in self.splits.pins() {
                let secret = probe_value(&pin.secret, index);
                let answer =
                    http::get(&door.endpoint, &door.target, Some(&secret), ONE_ANSWER).await;
                let reason = match answer {
                    Ok(answer) if answer.status < 500 => continue,
                    Ok(answer) => format!("it answered {}", answer.status),
                    Err(problem) => problem.to_string(),
                };
                return Err(unanswered(pin, reason));
            }
        }
        Ok(())
    }

    /// The ports belong to who had them before: at once, whatever was done.
    pub(in crate::traffic) async fn give_back(
        &mut self,
        sidecars: &Sidecars,
    ) -> Result<(), TrafficError> {
        let docker = &sidecars.docker;
        let engine = || TrafficError::engine("give the ports back");
        let made = find_all(docker, self.take_over.project())
            .await
            .map_err(engine())?;
        let service = &self.take_over.service;
        let made: Vec<_> = made
            .iter()
            .filter(|edge| !entries_for(edge, service).is_empty())
            .filter_map(|edge| edge.id.as_deref())
            .collect();
        for id in &made {
            let container = docker.inspect_container(id, None).await.map_err(engine())?;
            for place in attachments(&container) {
                leave(docker, &place).await.map_err(engine())?;
            }
        }
        for place in &self.take_over.handover.attachments {
            join(docker, place).await.map_err(engine())?;
        }
        self.done = false;
        for id in made {
            crate::docker::remove(docker, id)
                .await
                .map_err(|error| TrafficError::NotMade {
                    reason: error.to_string(),
                })?;
        }
        super::remove_volume(docker, self.take_over.project())
            .await
            .map_err(engine())?;
        close_waiting_room(docker, &sidecars.rollout)
            .await
            .map_err(engine())
    }

    /// Takes away what was only needed on the way: the edge that this one replaces, and the splits.
    pub(in crate::traffic) async fn release(
        &mut self,
        sidecars: &Sidecars,
    ) -> Result<(), TrafficError> {
        let docker = &sidecars.docker;
        if !self.done {
            // There is one where a process died in the middle of the handover.
            return close_waiting_room(docker, &sidecars.rollout)
                .await
                .map_err(TrafficError::engine("remove a network"));
        }
        let engine = || TrafficError::engine("remove an edge that is replaced");
        let edges = find_all(docker, self.take_over.project())
            .await
            .map_err(engine())?;
        for edge in edges {
            let is_old = entries_for(&edge, &self.take_over.service).is_empty();
            if let Some(id) = edge.id.filter(|_| is_old) {
                let options = bollard::query_parameters::RemoveContainerOptions {
                    force: true,
                    ..Default::default()
                };
                docker
                    .remove_container(&id, Some(options))
                    .await
                    .map_err(engine())?;
            }
        }
        self.splits.release(docker).await
    }

    async fn edges(&self, docker: &Docker) -> Result<Vec<String>, TrafficError> {
        let found = find_all(docker, self.take_over.project())
            .await
            .map_err(TrafficError::engine("look for Teal's edge"))?;
        Ok(found.into_iter().filter_map(|edge| edge.id).collect())
    }
}

/// An edge that waits for its ports.
struct Prepared {
    id: String,
    /// Where it belongs.
    places: Vec<Attachment>,
}

/// Waits for a moment in which nothing is in flight on Blue: what is then is cut.
async fn quiet(sidecars: &mut Sidecars, blue: &[String]) {
    let wait = async {
        loop {
            let mut in_flight = Some(0);
            for container in blue {
                let report = sidecars.report(container, Instant::now()).await;
                in_flight = report.and_then(|report| Some(in_flight? + report.in_flight));
            }
            if in_flight.is_none_or(|count| count == 0) {
                return;
            }
            sleep(COUNT_EVERY).await;
        }
    };
    if timeout(QUIET_WITHIN, wait).await.is_err() {
        tracing::warn!("requests were in flight when the ports changed hands");
    }
}

fn not_served(seen: String) -> TrafficError {
    TrafficError::NotServed {
        waited: super::splits::SERVED_WITHIN,
        seen,
    }
}

fn unanswered(pin: &Pin, reason: String) -> TrafficError {
    TrafficError::Unanswered {
        container: crate::traffic::sidecar::short(&pin.container, 12),
        reason,
    }
}
