//! The handover of host ports from a service's own containers to the edge.
//!
//! A host port belongs to a container as long as that is in a network with a way out. So the edge
//! starts in a network without one and is made ready there; then who holds the ports leaves its
//! networks, and the edge joins its own. The time between is the gap: no start of a container is
//! in it.

use std::time::Duration;

use bollard::{Docker, models::ContainerInspectResponse};
use futures_util::future::try_join_all;
use tokio::time::{Instant, sleep};

use super::{
    entry::{Entry, Protocol},
    fronting::{Fronting, entries_for, find_all, reached, survey_of},
    networks::{attachments, close_waiting_room, is_attached, join, leave},
    splits::{Splits, ping, until},
};
use crate::{
    error::TrafficError,
    gap::Gap,
    generations::Presence,
    http,
    pins::{Pin, probe_value},
    sidecars::Sidecars,
    split::Split,
    survey::{Steering, Survey},
};
use teal_compose::Compose;
use teal_docker::{EngineHost, compose_label, container_label, look_at};
use teal_model::{Attachment, Handover, ProjectSource};

/// How long is waited for a moment in which nothing is in flight on Blue.
const QUIET_WITHIN: Duration = Duration::from_secs(5);
const COUNT_EVERY: Duration = Duration::from_millis(50);
const ONE_ANSWER: Duration = Duration::from_secs(5);

/// What it takes to hand ports over, and to give them back.
#[derive(Debug, Clone)]
pub(crate) struct TakeOver {
    pub(super) compose: Compose,
    pub(super) source: ProjectSource,
    pub(super) service: String,
    handover: Handover,
    pub(crate) gap: Gap,
    pub(crate) fronting: Fronting,
}

impl TakeOver {
    /// The survey of a service whose ports are to be handed over.
    pub(crate) fn survey(
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
                protocol: Protocol::of(port),
                service: service.to_owned(),
                target: port.target,
            })
            .collect();
        let address = |port: &teal_model::HandoverPort| {
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
                gap: Gap::default(),
                fronting,
            })));
        }
        survey
    }

    pub(super) fn project(&self) -> &str {
        &self.fronting.project
    }
}

/// The ports of a service on their way to the edge.
#[derive(Debug)]
pub(crate) struct Transfer {
    take_over: TakeOver,
    pub(crate) splits: Splits,
    done: bool,
}

impl Transfer {
    pub(crate) fn new(take_over: TakeOver) -> Self {
        Self {
            splits: Splits::new(take_over.fronting.clone()),
            take_over,
            done: false,
        }
    }

    /// The gap that the handover makes.
    pub(crate) fn gap(&self) -> Gap {
        self.take_over.gap.clone()
    }

    /// Blue has all traffic by its own ports. Any share of Green's is all of it, and has the edge
    /// take the ports over first: Blue can't be behind them.
    pub(crate) async fn shift(
        &mut self,
        sidecars: &mut Sidecars,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<(), TrafficError> {
        match split {
            // The edge has kept the ports, or handed them over: it decides.
            _ if self.done => {
                let presence = match split {
                    Split::Blue => Presence::Optional,
                    Split::Green | Split::Both { .. } => Presence::Wanted,
                };
                let docker = &sidecars.docker;
                self.splits
                    .shift(docker, presence, split, blue, green)
                    .await
                    .map(drop)
            }
            Split::Blue => Ok(()),
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
        let edge = self.take_over.prepare(&docker, &sidecars.rollout).await?;
        let written = self.splits.write(&docker, Split::Green, &[], green).await?;
        until(|| ping(&docker, &edge.id, written.number))
            .await
            .map_err(not_served)?;
        let in_flight = quiet(sidecars, blue).await;
        let began = Instant::now();
        let gap = self.gap();
        let open = gap.open(in_flight);
        self.swap(&docker, &edge.places).await?;
        self.splits.until_served(&docker, &written).await?;
        tracing::info!(elapsed = ?began.elapsed(), "the edge has the ports");
        self.ask().await?;
        drop(open);
        close_waiting_room(&docker, &sidecars.rollout)
            .await
            .map_err(TrafficError::engine("remove a network"))
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

    /// The ports belong to who had them before: at once, whatever was done. Ports that the engine
    /// would not give back to Blue stay the edge's, which then leads to Blue.
    pub(crate) async fn give_back(&mut self, sidecars: &Sidecars) -> Result<(), TrafficError> {
        let docker = &sidecars.docker;
        let gap = self.gap();
        let _open = gap.open(0);
        if self.keep_moving_ports(docker, &sidecars.rollout).await? {
            return Ok(());
        }
        let engine = || TrafficError::engine("give the ports back");
        let project = self.take_over.project();
        let made = find_all(docker, project).await.map_err(engine())?;
        let service = &self.take_over.service;
        let made: Vec<_> = made
            .iter()
            .filter(|edge| !entries_for(edge, service).is_empty())
            .filter_map(|edge| edge.id.as_deref())
            .collect();
        for id in &made {
            let container = look_at(docker, id).await.map_err(engine())?;
            for place in container.iter().flat_map(attachments) {
                leave(docker, &place).await.map_err(engine())?;
            }
        }
        for place in &self.take_over.handover.attachments {
            join(docker, place).await.map_err(engine())?;
        }
        self.done = false;
        for id in made {
            super::remove_container(docker, id)
                .await
                .map_err(engine())?;
        }
        super::remove_volume(docker, project)
            .await
            .map_err(engine())?;
        close_waiting_room(docker, &sidecars.rollout)
            .await
            .map_err(engine())
    }

    /// Whether the edge has ports that Blue would not get back. Where Blue has let go of them the
    /// edge takes them now, if it has not yet.
    async fn keep_moving_ports(
        &mut self,
        docker: &Docker,
        rollout: &str,
    ) -> Result<bool, TrafficError> {
        let handover = &self.take_over.handover;
        if !handover.ports.iter().any(|port| port.moves) {
            return Ok(false);
        }
        let Some(edge) = self.take_over.find(docker, rollout).await? else {
            return Ok(false);
        };
        let engine = || TrafficError::engine("give Blue its networks back");
        let own = |place: &&Attachment| handover.blue.contains(&place.container);
        let mut has_left = false;
        for place in handover.attachments.iter().filter(own) {
            has_left |= !is_attached(docker, place).await.map_err(engine())?;
        }
        if !has_left && !self.done {
            return Ok(false);
        }
        for place in &edge.places {
            if let Err(error) = join(docker, place).await {
                tracing::warn!(%error, "the edge can't have the ports");
                return Ok(false);
            }
        }
        for place in handover.attachments.iter().filter(own) {
            join(docker, place).await.map_err(engine())?;
        }
        self.done = true;
        close_waiting_room(docker, rollout)
            .await
            .map_err(engine())?;
        Ok(true)
    }

    /// Takes away what was only needed on the way: the edge that this one replaces, and the splits.
    pub(crate) async fn release(&mut self, sidecars: &Sidecars) -> Result<(), TrafficError> {
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
                super::remove_container(docker, &id)
                    .await
                    .map_err(engine())?;
            }
        }
        self.splits.release(docker).await
    }
}

/// Waits for a moment in which nothing is in flight on Blue. What is then will be cut: its number.
async fn quiet(sidecars: &mut Sidecars, blue: &[String]) -> u32 {
    let deadline = Instant::now() + QUIET_WITHIN;
    loop {
        let mut in_flight = Some(0);
        for container in blue {
            let report = sidecars.report(container, Instant::now()).await;
            in_flight = report.and_then(|report| Some(in_flight? + report.in_flight));
        }
        match in_flight {
            None | Some(0) => return 0,
            Some(cut) if Instant::now() >= deadline => {
                tracing::warn!(cut, "requests were in flight when the ports changed hands");
                return cut;
            }
            Some(_) => sleep(COUNT_EVERY).await,
        }
    }
}

pub(super) fn not_served(seen: String) -> TrafficError {
    TrafficError::NotServed {
        waited: super::splits::SERVED_WITHIN,
        seen,
    }
}

fn unanswered(pin: &Pin, reason: String) -> TrafficError {
    TrafficError::Unanswered {
        container: teal_docker::short(&pin.container, 12),
        reason,
    }
}
