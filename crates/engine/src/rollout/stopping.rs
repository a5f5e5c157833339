//! Blue on its way down: the engine goes on stopping a container whatever becomes of Teal, and then
//! kills it, so that a Blue that still runs and is healthy may end at any moment. Nothing is given back
//! to it before it has stopped and was started again.
//!
//! That a stop may have been sent is kept on the engine, in a volume that nothing uses: whoever settles
//! the rollout has to know it, whatever became of the process that sent it.

use std::collections::HashMap;

use bollard::{
    Docker, errors::Error as BollardError, models::VolumeCreateRequest,
    query_parameters::RemoveVolumeOptions,
};
use futures_util::future::{join_all, try_join_all};

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};
use crate::{
    Result,
    docker::{self, Missing, failed, patiently, teal_label},
    event::Phase,
};

/// The role of the volume.
const STOPPING: &str = "stopping";

/// That the containers of Blue may have been sent a stop by a rollout.
pub(super) struct Mark<'a> {
    docker: &'a Docker,
    rollout: &'a str,
    project: &'a str,
    service: &'a str,
    name: String,
}

impl<'a> Mark<'a> {
    pub(super) fn of(
        docker: &'a Docker,
        rollout: &'a str,
        project: &'a str,
        service: &'a str,
    ) -> Self {
        Self {
            docker,
            rollout,
            project,
            service,
            name: format!("teal-stopping-{project}.{service}"),
        }
    }

    /// Sets it; one that a rollout before has left makes way.
    async fn set(&self) -> Result<()> {
        self.remove().await?;
        let labels = [
            (teal_label::ROLE, STOPPING),
            (teal_label::ROLLOUT, self.rollout),
            (teal_label::PROJECT, self.project),
            (teal_label::SERVICE, self.service),
        ];
        let labels = labels.map(|(label, value)| (label.to_owned(), value.to_owned()));
        let request = VolumeCreateRequest {
            name: Some(self.name.clone()),
            labels: Some(HashMap::from(labels)),
            ..VolumeCreateRequest::default()
        };
        patiently(|| self.docker.create_volume(request.clone()))
            .await
            .map_err(failed(format!("create volume `{}`", self.name)))
            .map(drop)
    }

    pub(super) async fn is_set(&self) -> Result<bool> {
        let volume = patiently(|| self.docker.inspect_volume(&self.name))
            .await
            .missing()
            .map_err(failed(format!("inspect volume `{}`", self.name)))?;
        let of = volume.and_then(|mut volume| volume.labels.remove(teal_label::ROLLOUT));
        Ok(of.as_deref() == Some(self.rollout))
    }

    pub(super) async fn remove(&self) -> Result<()> {
        patiently(|| {
            self.docker
                .remove_volume(&self.name, None::<RemoveVolumeOptions>)
        })
        .await
        .missing()
        .map_err(failed(format!("remove volume `{}`", self.name)))
        .map(drop)
    }
}

impl Driver {
    fn mark(&self) -> Mark<'_> {
        let plan = &self.plan;
        Mark::of(
            &self.docker,
            self.rollout.id(),
            &plan.project,
            &plan.service,
        )
    }

    /// Stops all of Blue, each container in its own time.
    pub(super) async fn stop_blue(&mut self) -> std::result::Result<(), Trouble> {
        self.step(Phase::RemoveBlue, "Stopping Blue");
        self.blue_may_be_stopping = true;
        self.mark().set().await?;
        let blue = self.blue();
        let stops = join_all(blue.iter().map(|id| docker::stop(&self.docker, id))).await;
        for (id, stopped) in blue.iter().zip(stops) {
            stopped.map_err(|error| {
                let cause = super::chain(&error);
                Trouble::new(
                    FailureKind::ScaleDown,
                    format!("Blue can't be stopped: {cause}"),
                )
                .of_container(id)
            })?;
        }
        Ok(())
    }

    /// On the way back: where a stop may have been sent, it ends before Blue is started again. Green
    /// serves meanwhile.
    ///
    /// # Errors
    /// A container does not stop. It must not get any request then.
    pub(super) async fn end_stops(&mut self) -> Result<()> {
        if !self.blue_may_be_stopping {
            return Ok(());
        }
        self.step(
            self.last_phase(),
            "Waiting until Blue has stopped, to start it again",
        );
        let blue = self.blue();
        let green_serves = !self.serving_of(&self.green).await?.is_empty();
        try_join_all(blue.iter().map(|id| self.end_stop(id, green_serves))).await?;
        self.mark().remove().await?;
        self.blue_may_be_stopping = false;
        Ok(())
    }

    /// Where nobody serves meanwhile, or the stop might never end, the container is killed. An engine
    /// that answers that it can't stop it has given up: nothing ends such a container any more.
    async fn end_stop(&self, id: &str, green_serves: bool) -> Result<()> {
        let container = docker::inspect(&self.docker, id).await?;
        let may_wait = green_serves && !container.as_ref().is_some_and(docker::is_endless);
        let seconds = (!may_wait).then_some(1);
        match docker::stop_within(&self.docker, id, seconds).await {
            Err(error @ BollardError::DockerResponseServerError { .. }) => {
                self.rollout.warn(format!(
                    "Blue's container `{id}` can't be stopped, so it goes on as it is: {error}"
                ));
                Ok(())
            }
            stopped => stopped.map_err(failed(format!("stop container `{id}`"))),
        }
    }
}
