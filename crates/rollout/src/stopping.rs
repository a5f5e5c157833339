//! Blue on its way down: the engine goes on stopping a container whatever becomes of Teal, and then
//! kills it, so that a Blue that still runs and is healthy may end at any moment. Nothing is given back
//! to it before it has stopped and was started again.
//!
//! That a stop may have been sent is kept on the engine, in a volume that nothing uses: whoever settles
//! the rollout has to know it, whatever became of the process that sent it.

use bollard::errors::Error as BollardError;
use futures_util::future::{join_all, try_join_all};

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};
use teal_docker::{self as docker, failed};
use teal_history::record::StopMark;
use teal_model::Result;
use teal_model::event::Phase;

impl Driver {
    fn mark(&self) -> StopMark<'_> {
        let plan = &self.plan;
        StopMark::of(
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
