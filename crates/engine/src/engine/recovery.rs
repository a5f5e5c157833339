//! Rollouts that were interrupted: found, and settled.

use std::time::Instant;

use super::Engine;
use teal_compose::{Files, Hook};
use teal_docker as docker;
use teal_history::record::RolloutRecord;
use teal_model::event::EventKind;
use teal_model::{
    ContainerState, Error, Interrupted, Origin, Plan, ProjectSource, Recovery, Result,
};
use teal_plan::Planned;
use teal_rollout::{Facts, Rollout};
use teal_traffic as traffic;

/// A rollout that is about to be settled.
struct TakenOver {
    planned: Planned,
    unsettled: RolloutRecord,
    facts: Facts,
    way: Recovery,
}

impl Engine {
    /// The rollouts on this engine that ended before they were done, and that nobody works on.
    pub async fn interrupted(&self) -> Result<Vec<Interrupted>> {
        let inner = &self.inner;
        let mut found = Vec::new();
        for unsettled in self.all_unsettled().await? {
            let plan = &unsettled.plan;
            if inner.locks.is_held(&plan.project, &plan.service).await? {
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
        let lock = inner.locks.take(&project, service).await?;
        let taken_over = match self.take_over(&project, service, way).await {
            Ok(taken_over) => taken_over,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let TakenOver {
            planned,
            unsettled,
            facts,
            way,
        } = taken_over;
        lock.is_for(&unsettled.rollout);
        let rollout = Rollout::new(
            unsettled.rollout,
            project.clone(),
            service.to_owned(),
            Instant::now(),
        );
        rollout.emit(EventKind::Started {
            project,
            service: service.to_owned(),
        });
        let driver = self.driver(&rollout, planned, origin, unsettled.started_at, lock);
        driver.spawn_recovery(facts, way);
        Ok(rollout)
    }

    /// Looks what there is to settle, and whether the way is open.
    async fn take_over(
        &self,
        project: &str,
        service: &str,
        way: Option<Recovery>,
    ) -> Result<TakenOver> {
        let inner = &self.inner;
        let unsettled = self.unsettled(project, service).await?;
        let unsettled = unsettled.ok_or_else(|| Error::NothingToRecover {
            service: service.to_owned(),
        })?;
        let facts = Facts::look(&inner.docker, &unsettled).await?;
        let way = match (way, facts.blue_is_whole()) {
            // There is but one way to settle it.
            _ if facts.is_all_gone(&unsettled.rollout) => Recovery::RollBack,
            (Some(Recovery::RollBack), false) => {
                return Err(Error::BlueIsGone {
                    service: service.to_owned(),
                    project: project.to_owned(),
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
            Some(handover) => traffic::survey_handover(
                &inner.compose,
                inner.host,
                &plan.source,
                handover,
                looked_at,
            ),
            None => traffic::survey(&inner.docker, inner.host, looked_at, None).await?,
        };
        let planned = Planned {
            pre_stop: self.pre_stop(plan).await,
            plan: plan.clone(),
            survey,
            // Not known any more, so nothing is built on it.
            has_health_check: false,
            basis: None,
            bring: None,
        };
        Ok(TakenOver {
            planned,
            unsettled,
            facts,
            way,
        })
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

    /// The rollout of a service that is not settled.
    pub(super) async fn unsettled(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Option<RolloutRecord>> {
        let docker = &self.inner.docker;
        if let Some(found) = RolloutRecord::find(docker, project, service).await? {
            return self.unless_settled(found).await;
        }
        let is_its = |unsettled: &RolloutRecord| {
            unsettled.plan.project == project && unsettled.plan.service == service
        };
        for unsettled in self.in_journals().into_iter().filter(is_its) {
            if Facts::look(docker, &unsettled).await?.is_begun() {
                return Ok(Some(unsettled));
            }
        }
        Ok(None)
    }

    async fn all_unsettled(&self) -> Result<Vec<RolloutRecord>> {
        let docker = &self.inner.docker;
        let mut found = Vec::new();
        for unsettled in RolloutRecord::list(docker).await? {
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
    async fn unless_settled(&self, unsettled: RolloutRecord) -> Result<Option<RolloutRecord>> {
        let inner = &self.inner;
        let known = inner
            .history
            .is_settled(&inner.info.id, &unsettled)
            .inspect_err(
                |error| tracing::warn!(%error, "the journal can't be read: it may be settled"),
            );
        if known.unwrap_or(false) {
            unsettled.settle(&inner.docker).await?;
            return Ok(None);
        }
        Ok(Some(unsettled))
    }

    /// What this user's journals tell; nothing where they can't be read, since the engine knows.
    fn in_journals(&self) -> Vec<RolloutRecord> {
        let inner = &self.inner;
        inner
            .history
            .unsettled(&inner.info.id)
            .inspect_err(|error| tracing::warn!(%error, "the journals can't be read"))
            .unwrap_or_default()
    }
}
