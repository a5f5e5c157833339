//! The edge that is to take ports over: made by Compose, and ready in a network without a way out
//! until they are free. One that a process left half way there is taken up as it is.

use bollard::Docker;

use super::{
    SERVICE,
    fronting::{entries_for, find_all},
    networks::{attachments, is_attached, join, leave, open_waiting_room, remembered_places},
    splits::{ping, until},
    take_over::{TakeOver, not_served},
};
use crate::error::TrafficError;
use teal_compose::working_directory;
use teal_docker::{look_at, patiently};
use teal_model::Attachment;

/// An edge for a service, before or after it has the ports.
pub(super) struct Edge {
    pub(super) id: String,
    /// The networks in which it has its ports.
    pub(super) places: Vec<Attachment>,
}

impl Edge {
    /// Whether it is in all of its networks, and so holds its ports.
    pub(super) async fn has_ports(&self, docker: &Docker) -> Result<bool, TrafficError> {
        for place in &self.places {
            let there = is_attached(docker, place).await;
            if !there.map_err(TrafficError::engine("look at Teal's edge"))? {
                return Ok(false);
            }
        }
        Ok(!self.places.is_empty())
    }
}

impl TakeOver {
    /// Makes the edge and starts it in the waiting room, unless it is there already.
    pub(super) async fn prepare(
        &self,
        docker: &Docker,
        rollout: &str,
    ) -> Result<Edge, TrafficError> {
        let edge = match self.find(docker, rollout).await? {
            Some(edge) => edge,
            None => self.make(docker).await?,
        };
        let engine = || TrafficError::engine("start Teal's edge");
        if !self.holds_ports(docker, &edge).await? {
            let room = open_waiting_room(docker, self.project(), rollout, &edge.places)
                .await
                .map_err(engine())?;
            let waiting = Attachment {
                container: edge.id.clone(),
                network: room,
                ..Attachment::default()
            };
            join(docker, &waiting).await.map_err(engine())?;
            for place in &edge.places {
                leave(docker, place).await.map_err(engine())?;
            }
        }
        patiently(|| docker.start_container(&edge.id, None))
            .await
            .map_err(engine())?;
        until(|| ping(docker, &edge.id, 0))
            .await
            .map_err(not_served)?;
        Ok(edge)
    }

    /// Whether this edge has the ports: it runs, and where it belongs. One that was only made is in
    /// its networks too.
    async fn holds_ports(&self, docker: &Docker, edge: &Edge) -> Result<bool, TrafficError> {
        let container = look_at(docker, &edge.id)
            .await
            .map_err(TrafficError::engine("look at Teal's edge"))?;
        let runs = container.and_then(|container| container.state?.running) == Some(true);
        Ok(runs && edge.has_ports(docker).await?)
    }

    /// The edge that was made for this service.
    pub(super) async fn find(
        &self,
        docker: &Docker,
        rollout: &str,
    ) -> Result<Option<Edge>, TrafficError> {
        let engine = || TrafficError::engine("look for Teal's edge");
        let all = find_all(docker, self.project()).await.map_err(engine())?;
        let its = |edge: &&bollard::models::ContainerSummary| {
            !entries_for(edge, &self.service).is_empty()
        };
        let Some(id) = all.iter().find(its).and_then(|edge| edge.id.clone()) else {
            return Ok(None);
        };
        let remembered = remembered_places(docker, rollout).await.map_err(engine())?;
        let places = match remembered {
            Some(places) if places.iter().all(|place| place.container == id) => places,
            _ => look_at(docker, &id)
                .await
                .map_err(engine())?
                .map_or_else(Vec::new, |container| attachments(&container)),
        };
        Ok(Some(Edge { id, places }))
    }

    async fn make(&self, docker: &Docker) -> Result<Edge, TrafficError> {
        let engine = || TrafficError::engine("look for Teal's edge");
        let before = find_all(docker, self.project()).await.map_err(engine())?;
        let scale = format!("{SERVICE}={}", before.len() + 1);
        let source = &self.source;
        let words = [
            "up",
            "--no-start",
            "--no-deps",
            "--no-recreate",
            "--scale",
            &scale,
            "--",
            SERVICE,
        ];
        let words = self.compose.command(source, &[], &words);
        let mut reason = String::new();
        // Compose gives up at once where the engine is away. Asked again it goes on from there.
        for _ in 0..2 {
            let made = self
                .compose
                .run(&words, &working_directory(source), |_| ())
                .await;
            reason = match made {
                Ok(output) if output.success => "Compose made no container for it".to_owned(),
                Ok(output) => output.message(),
                Err(error) => error.to_string(),
            };
            let after = find_all(docker, self.project()).await.map_err(engine())?;
            let new = after
                .into_iter()
                .filter_map(|edge| edge.id)
                .find(|id| before.iter().all(|edge| edge.id.as_ref() != Some(id)));
            let Some(id) = new else { continue };
            let container = look_at(docker, &id).await.map_err(engine())?;
            let places = container.map_or_else(Vec::new, |container| attachments(&container));
            return Ok(Edge { id, places });
        }
        Err(TrafficError::NotMade { reason })
    }
}
