//! The project's own files: made ready for rollouts, limits kept, and put back.

use std::path::PathBuf;

use super::Engine;
use crate::applied::Applied;
use crate::keep;
use crate::ready;
use teal_docker as docker;
use teal_model::{
    ChangeKind, Error, FileChange, KeepPlan, KeepRequest, ProjectSource, ReadyPlan, ReadyRequest,
    Result,
};

impl Engine {
    /// What would be changed to make a service ready for rollouts, and what is still in the way
    /// then. Changes nothing, though a health check is tried on a container that runs.
    pub async fn make_ready(&self, request: &ReadyRequest) -> Result<ReadyPlan> {
        ready::plan(&self.planner(), request).await
    }

    /// Makes the changes that [`make_ready`](Self::make_ready) showed; `id` is that plan's.
    ///
    /// # Errors
    /// As for [`apply_keep`](Self::apply_keep); [`Error::CannotChange`] where the health check that
    /// somebody asked for fails, or where the edge's image is not on the engine
    /// and can't be pulled: nothing is written then.
    pub async fn apply_ready(&self, request: &ReadyRequest, id: &str) -> Result<ReadyPlan> {
        let mut plan = self.make_ready(request).await?;
        if let (Some(_), Some(health)) = (&request.health, &plan.health)
            && !health.passed
        {
            return Err(Error::CannotChange {
                reason: format!(
                    "the health check fails on `{}`: {}",
                    health.container, health.output
                ),
                remedy: "name one that passes while the service is well".to_owned(),
            });
        }
        if let Some(image) = plan.pulls.clone().filter(|_| plan.id == id) {
            docker::pull(&self.inner.docker, &image).await?;
            // What it is decides what is written.
            plan = self.make_ready(request).await?;
        }
        let (project, service) = (&plan.project, &plan.service);
        self.write(
            ChangeKind::Ready,
            &plan.source,
            (project, service),
            &plan.files,
            (&plan.id, id),
        )
        .await?;
        Ok(plan)
    }

    /// What would be written so that plain `docker compose up -d` leaves a service's limits as they
    /// are in force now. Changes nothing.
    pub async fn keep(&self, request: &KeepRequest) -> Result<KeepPlan> {
        keep::plan(&self.planner(), request).await
    }

    /// Writes what [`keep`](Self::keep) showed; `id` is that plan's.
    ///
    /// # Errors
    /// [`Error::PlanOutdated`] where something else would be written by now, [`Error::Busy`] while
    /// a rollout of the service runs.
    pub async fn apply_keep(&self, request: &KeepRequest, id: &str) -> Result<KeepPlan> {
        let plan = self.keep(request).await?;
        let (project, service) = (&plan.project, &plan.service);
        self.write(
            ChangeKind::Keep,
            &plan.source,
            (project, service),
            &plan.files,
            (&plan.id, id),
        )
        .await?;
        Ok(plan)
    }

    /// Puts the files of a service's project back to what they were before changes of this kind,
    /// byte for byte. The paths of those files come back. Ports that Teal's edge has are given back
    /// as well, as [`give_back`](Self::give_back) does.
    ///
    /// # Errors
    /// [`Error::FileChanged`] where others have changed a file since, [`Error::NothingToUndo`].
    pub async fn undo_files(
        &self,
        source: &ProjectSource,
        service: &str,
        kind: ChangeKind,
    ) -> Result<Vec<PathBuf>> {
        let files = self.inner.compose.read(source).await?;
        let project = files.model.name;
        if kind == ChangeKind::Ready && self.edge_has_ports_of(&project, service).await? {
            return Ok(self.give_back(source, service).await?.files);
        }
        let _lock = self.inner.locks.take_here(&project, service)?;
        self.applied(&files.source, &project, service).undo(kind)
    }

    /// What Teal changed in a project's files for a service.
    pub(super) fn applied(&self, source: &ProjectSource, project: &str, service: &str) -> Applied {
        let inner = &self.inner;
        Applied::of(&inner.data, &inner.info.id, project, service, source)
    }

    async fn write(
        &self,
        kind: ChangeKind,
        source: &ProjectSource,
        (project, service): (&str, &str),
        files: &[FileChange],
        (planned, reviewed): (&str, &str),
    ) -> Result<()> {
        if planned != reviewed {
            return Err(Error::PlanOutdated);
        }
        let inner = &self.inner;
        let _lock = inner.locks.take_here(project, service)?;
        if self.unsettled(project, service).await?.is_some() {
            return Err(Error::Interrupted {
                service: service.to_owned(),
                project: project.to_owned(),
            });
        }
        self.applied(source, project, service).apply(kind, files)
    }
}
