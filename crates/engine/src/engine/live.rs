//! Limits changed on the running containers.

use super::Engine;
use teal_compose::Files;
use teal_model::{LiveRequest, Plan, Result};
use teal_plan::live::Live;
use teal_plan::{Planned, Way};

impl Engine {
    /// What a live update would do. Changes nothing.
    pub async fn plan_live(&self, request: &LiveRequest) -> Result<Plan> {
        let planner = self.planner();
        let files = planner.read(&request.source).await?;
        let Planned { plan, .. } = planner.plan(files, &request.rollout(), Way::Live).await?;
        Ok(plan)
    }

    /// Changes the limits on the running containers, in the override and in history. Where one
    /// container fails, all are taken back. A history that can't be written is a warning among the
    /// plan's verdicts.
    ///
    /// # Errors
    /// As [`roll_out`](Self::roll_out), and [`Error::LiveUpdate`] where the engine fails on the way.
    pub async fn update_live(&self, request: &LiveRequest) -> Result<Plan> {
        self.update(request, None).await
    }

    /// Makes the update that [`plan_live`](Self::plan_live) showed; `id` is that plan's.
    ///
    /// # Errors
    /// [`Error::PlanChanged`] with the new plan where something else would be done by now, and as
    /// [`update_live`](Self::update_live).
    pub async fn update_live_reviewed(&self, request: &LiveRequest, id: &str) -> Result<Plan> {
        self.update(request, Some(id)).await
    }

    async fn update(&self, request: &LiveRequest, reviewed: Option<&str>) -> Result<Plan> {
        let inner = &self.inner;
        let files = self.planner().read(&request.source).await?;
        let project = files.model.name.clone();
        let service = &request.service;
        let lock = inner.locks.take(&project, service).await?;
        let updated = Box::pin(self.update_alone(files, request, reviewed)).await;
        lock.release().await;
        updated
    }

    async fn update_alone(
        &self,
        files: Files,
        request: &LiveRequest,
        reviewed: Option<&str>,
    ) -> Result<Plan> {
        let inner = &self.inner;
        let (project, service) = (&files.model.name, &request.service);
        self.none_interrupted(project, service).await?;
        let swap = teal_plan::find_service(&files.model, service)?.memswap_limit;
        let planner = self.planner();
        let made = planner
            .plan_for_good(files, &request.rollout(), Way::Live)
            .await?;
        let Planned { mut plan, .. } = made.reviewed_as(reviewed)?.accepted()?;
        let live = Live {
            docker: &inner.docker,
            info: &inner.info,
            history: &inner.history,
            plan: &plan,
            swap,
            origin: request.origin,
        };
        let warning = live.carry_out().await?;
        plan.verdicts.extend(warning);
        Ok(plan)
    }
}
