//! Rollouts that were interrupted: found, and settled.

use std::time::Instant;

use super::Engine;
use crate::{
    Error, Result,
    compose::{Files, Hook},
    docker,
    event::EventKind,
    holder::Holder,
    lock::Lock,
    model::{ContainerState, Interrupted, Origin, Plan, ProjectSource, Recovery},
    plan::Planned,
    rollout::{Facts, Rollout, Unsettled},
    traffic,
};

impl Engine {
    /// The rollouts on this engine that ended before they were done, and that nobody works on.
    pub async fn interrupted(&self) -> Result<Vec<Interrupted>> {
        let inner = &self.inner;
        let mut found = Vec::new();
        for unsettled in self.all_unsettled().await? {
            let plan = &unsettled.plan;
            let service = (plan.project.as_str(), plan.service.as_str());
            let own = Holder::here(&inner.data);
            if unsettled.holder.is_at_work(&own, &inner.info.id, service) {
                continue;
            }
            if Lock::is_held(&inner.data, &inner.info.id, &plan.project, &plan.service)? {
                continue;
            }
            let facts = Facts::look(&inner.docker, &unsettled).await?;
            found.push(facts.interrupted(unsettled));
        }
        Ok(found)
    }

    /// Settles a rollout whose process died, or that was left as it was. Without a way it is the
    /// one back to Blue, and on to Green where Blue is not there any more.
    ///
    /// # Errors
    /// [`Error::NothingToRecover`], [`Error::Busy`] where it still runs, and [`Error::BlueIsGone`]
    /// where there is no Blue to return to.
    pub async fn recover(
        &self,
        source: &ProjectSource,
        service: &str,
        way: Option<Recovery>,
        origin: Origin,
    ) -> Result<Rollout> {
        let inner = &self.inner;
        let project = match &source.project_name {
            Some(name) => name.clone(),
            None => inner.compose.read(source).await?.model.name,
        };
        let lock = Lock::take(&inner.data, &inner.info.id, &project, service)?;
        self.refuse_while_at_work(&project, service).await?;
        let unsettled = self.unsettled(&project, service).await?;
        let unsettled = unsettled.ok_or_else(|| Error::NothingToRecover {
            service: service.to_owned(),
        })?;
        let facts = Facts::look(&inner.docker, &unsettled).await?;
        let way = match (way, facts.blue_is_whole()) {
            (Some(Recovery::RollBack), false) => {
                return Err(Error::BlueIsGone {
                    service: service.to_owned(),
                    project,
                });
            }
            (Some(way), _) => way,
            (None, true) => Recovery::RollBack,
            (None, false) => Recovery::Finish,
        };
        // Routes are read from containers that run: Traefik knows of no others.
        let blue_runs = docker::replicas(&facts.blue)
            .iter()
            .all(|replica| replica.state == ContainerState::Running);
        let looked_at = match (blue_runs && facts.blue_is_whole(), facts.green.is_empty()) {
            (false, false) => &facts.green,
            _ => &facts.blue,
        };
        let plan = &unsettled.plan;
        let survey = match &plan.handover {
            Some(handover) => {
                traffic::survey_handover(&inner.compose, &plan.source, handover, looked_at)
            }
            None => traffic::survey(&inner.docker, looked_at, None).await?,
        };
        let rollout = Rollout::new(
            unsettled.rollout.clone(),
            project.clone(),
            service.to_owned(),
            Instant::now(),
        );
        rollout.emit(EventKind::Started {
            project,
            service: service.to_owned(),
        });
        let planned = Planned {
            pre_stop: self.pre_stop(&unsettled.plan).await,
            plan: unsettled.plan,
            survey,
        };
        let driver = self
            .driver(&rollout, planned, origin, unsettled.started_at, lock)
            .await;
        driver.spawn_recovery(facts, way);
        Ok(rollout)
    }

    /// The hooks of a service in its files as they are now. Nothing stays up for want of them.
    async fn pre_stop(&self, plan: &Plan) -> Vec<Hook> {
        match self.inner.compose.read(&plan.source).await {
            Ok(Files { mut model, .. }) => model
                .services
                .remove(&plan.service)
                .map(|service| service.pre_stop)
                .unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "no `pre_stop` hooks are known");
                Vec::new()
            }
        }
    }

    /// # Errors
    /// [`Error::Busy`] where somebody with other data on this machine works on the service: the
    /// lock in this data directory says nothing of them.
    pub(super) async fn refuse_while_at_work(&self, project: &str, service: &str) -> Result<()> {
        let inner = &self.inner;
        let Some(unsettled) = Unsettled::find(&inner.docker, project, service).await? else {
            return Ok(());
        };
        let own = Holder::here(&inner.data);
        if !(unsettled.holder).is_at_work(&own, &inner.info.id, (project, service)) {
            return Ok(());
        }
        Err(Error::Busy {
            service: service.to_owned(),
            holder: unsettled.holder.to_string(),
        })
    }

    /// The rollout of a service that is not settled.
    pub(super) async fn unsettled(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Option<Unsettled>> {
        let docker = &self.inner.docker;
        if let Some(found) = Unsettled::find(docker, project, service).await? {
            return self.unless_settled(found).await;
        }
        let is_its = |unsettled: &Unsettled| {
            unsettled.plan.project == project && unsettled.plan.service == service
        };
        for unsettled in self.in_journals().into_iter().filter(is_its) {
            if Facts::look(docker, &unsettled).await?.is_begun() {
                return Ok(Some(unsettled));
            }
        }
        Ok(None)
    }

    async fn all_unsettled(&self) -> Result<Vec<Unsettled>> {
        let docker = &self.inner.docker;
        let mut found = Vec::new();
        for unsettled in Unsettled::list(docker).await? {
            found.extend(self.unless_settled(unsettled).await?);
        }
        // Somebody may have pruned the engine's volumes.
        for unsettled in self.in_journals() {
            let is_found = found.iter().any(|one| one.rollout == unsettled.rollout);
            if !is_found && Facts::look(docker, &unsettled).await?.is_begun() {
                found.push(unsettled);
            }
        }
        Ok(found)
    }

    /// A rollout that was cut off between its last line in the journal and the removal of its record
    /// is settled.
    async fn unless_settled(&self, unsettled: Unsettled) -> Result<Option<Unsettled>> {
        let inner = &self.inner;
        let known = inner.history.is_settled(&inner.info.id, &unsettled);
        if known.unwrap_or(false) {
            unsettled.settle(&inner.docker).await?;
            return Ok(None);
        }
        Ok(Some(unsettled))
    }

    /// What this user's journals tell; nothing where they can't be read, since the engine knows.
    fn in_journals(&self) -> Vec<Unsettled> {
        let inner = &self.inner;
        inner
            .history
            .unsettled(&inner.info.id)
            .inspect_err(|error| tracing::warn!(%error, "the journals can't be read"))
            .unwrap_or_default()
    }
}
