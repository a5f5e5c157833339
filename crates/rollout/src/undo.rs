//! The way back: from any phase to Blue as it was.

use futures_util::future::try_join_all;

use super::{Driver, volumes::remove_but_data};
use teal_compose::part;
use teal_docker as docker;
use teal_model::event::{Color, EventKind, Phase};
use teal_model::{ContainerState, Error, Result};

/// What there is where Blue is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutBlue {
    GreenServes,
    NothingLeft,
}

impl Driver {
    /// Blue serves everything again, Green and all helpers go, the override is what it was.
    ///
    /// Green is only touched once Blue is up: a failure before leaves Green serving.
    pub(super) async fn roll_back(&mut self) -> Result<()> {
        let phase = self.last_phase();
        let blue = self.live_blue();
        self.end_stops().await?;
        self.step(phase, "Making sure that Blue runs");
        self.traffic
            .reinstate_blue()
            .await
            .map_err(|error| Error::Unexpected(super::chain(&error)))?;
        self.reconnect_blue().await?;
        try_join_all(blue.iter().map(|id| self.revive(id))).await?;
        self.lay_dead_blue_down().await?;
        self.until_blue_is_back().await?;
        self.serving_blue = self.serving_of(&blue).await?;
        self.return_to_blue()
            .await
            .map_err(|error| Error::Unexpected(super::chain(&error)))?;
        self.show(Color::Blue).await?;
        self.remove_green(phase).await?;
        self.step(phase, "Restoring the override");
        self.restore_override().await?;
        self.step(phase, "Checking that Blue is healthy");
        self.until_blue_is_back().await?;
        self.release_traffic().await
    }

    /// Takes the rollout's part out of it: what others have written into it since stays.
    async fn restore_override(&self) -> Result<()> {
        match part::take_out(&self.plan).await {
            Err(error @ Error::Override { .. }) => {
                self.rollout.warn(format!(
                    "{}; it may still have the new limits of `{}`",
                    super::chain(&error),
                    self.plan.service
                ));
                Ok(())
            }
            taken_out => taken_out,
        }
    }

    /// Removes what is left where there is neither Blue nor Green any more.
    pub(super) async fn clear_up(&mut self) -> Result<()> {
        self.restore_override().await?;
        self.release_traffic().await
    }

    async fn release_traffic(&mut self) -> Result<()> {
        self.traffic
            .release()
            .await
            .map_err(|error| Error::Unexpected(super::chain(&error)))?;
        self.evidence.released();
        Ok(())
    }

    /// Where there is no way back, since Blue or some of it is gone: what is left to serve is Green,
    /// or there is nothing left to settle. Says how it is now; nothing where neither is so, or where
    /// it can't be told.
    pub(super) async fn without_blue(&mut self) -> Option<WithoutBlue> {
        let unsettled = |error: &Error| tracing::error!(%error, "it can't be settled without Blue");
        let facts = self.facts().await.inspect_err(unsettled).ok()?;
        if facts.is_all_gone(self.rollout.id()) {
            self.clear_up().await.inspect_err(unsettled).ok()?;
            return Some(WithoutBlue::NothingLeft);
        }
        if facts.blue_is_whole() || facts.green.is_empty() {
            return None;
        }
        self.step(
            self.last_phase(),
            "Sending all traffic to Green: Blue is gone",
        );
        self.green = facts.green.iter().filter_map(|it| it.id.clone()).collect();
        let shifted = self.cut_over().await;
        if let Err(error) = shifted {
            tracing::warn!(%error, "Green does not serve either");
            return None;
        }
        Some(WithoutBlue::GreenServes)
    }

    /// The phase that is undone.
    pub(super) fn last_phase(&self) -> Phase {
        let last = self.phases.last();
        last.map_or(Phase::Preparation, |timing| timing.phase)
    }

    /// What a rollout that was not rolled back leaves, and how to clean it up: one line each.
    pub(super) async fn left_behind(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut way = ("to return to Blue", "--roll-back");
        for id in self.blue().iter().chain(&self.green) {
            match docker::inspect(&self.docker, id).await {
                Ok(Some(container)) => {
                    let replica = docker::replica(&container);
                    let color = if self.green.contains(id) {
                        "Green"
                    } else {
                        "Blue"
                    };
                    names.push(format!("{color}: {} ({:?})", replica.name, replica.state));
                }
                Ok(None) if !self.green.contains(id) => way = ("to go on to Green", "--finish"),
                Ok(None) => {}
                Err(error) => names.push(format!("container {id}: {}", super::chain(&error))),
            }
        }
        names.push(format!("override: {}", self.plan.override_file.display()));
        let (what_for, option) = way;
        names.push(format!(
            "{what_for}: teal recover {} {option} --project-name {}",
            self.plan.service, self.plan.project
        ));
        names
    }

    /// Blue may have been stopped by Remove Blue, or paused by somebody.
    async fn revive(&self, id: &str) -> Result<()> {
        let container = docker::inspect(&self.docker, id)
            .await?
            .ok_or_else(|| Error::Unexpected(format!("Blue's container `{id}` is gone")))?;
        match docker::replica(&container).state {
            ContainerState::Running | ContainerState::Restarting => Ok(()),
            ContainerState::Paused => self
                .docker
                .unpause_container(id)
                .await
                .map_err(docker::failed(format!("unpause container `{id}`"))),
            ContainerState::Created | ContainerState::Exited => {
                docker::start(&self.docker, id).await
            }
            ContainerState::Removing | ContainerState::Dead => Err(Error::Unexpected(format!(
                "Blue's container `{id}` is being removed"
            ))),
        }
    }

    /// Compose starts what has ended as it starts Green, and Remove Blue stops what kept restarting:
    /// both are undone.
    async fn lay_dead_blue_down(&self) -> Result<()> {
        for replica in &self.plan.blue {
            let id = &replica.id;
            let now = match docker::inspect(&self.docker, id).await? {
                Some(container) => docker::replica(&container).state,
                None => continue,
            };
            match (replica.state, now) {
                (ContainerState::Exited | ContainerState::Created, ContainerState::Running) => {
                    docker::stop_in_time(&self.docker, id).await?;
                }
                (ContainerState::Restarting, ContainerState::Exited) => {
                    docker::start(&self.docker, id).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Green may still be growing where Compose was cut short, so it is looked for until none is
    /// left.
    async fn remove_green(&mut self, phase: Phase) -> Result<()> {
        loop {
            self.green = self.find_green().await?;
            if self.green.is_empty() {
                break;
            }
            let green = self.green.clone();
            if self.green_served {
                self.drain_green(phase, &green).await;
            }
            self.step(phase, "Removing Green");
            // Nobody calls it any more, so that nobody is served by waiting for ever.
            let stops = green
                .iter()
                .map(|id| docker::stop_in_time(&self.docker, id));
            try_join_all(stops).await?;
            // People may have written into a Green that got requests.
            if self.green_served {
                self.tell_kept_volumes(Color::Green, &green).await;
            }
            for id in &green {
                match self.green_served {
                    true => remove_but_data(&self.docker, id).await?,
                    false => docker::remove(&self.docker, id).await?,
                }
            }
        }
        self.rollout.emit(EventKind::Containers {
            color: Color::Green,
            replicas: Vec::new(),
        });
        Ok(())
    }
}
