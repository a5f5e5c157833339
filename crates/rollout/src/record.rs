//! What history keeps of a rollout.

use jiff::Timestamp;

use super::Rollout;
use teal_model::event::{Failure, Outcome, Receipt};
use teal_model::{EngineInfo, Origin, PhaseTiming, Plan, Revision, RevisionKind};

/// A rollout that has ended.
pub(super) struct Ended<'a> {
    pub(super) plan: &'a Plan,
    pub(super) info: &'a EngineInfo,
    pub(super) rollout: &'a Rollout,
    pub(super) origin: Origin,
    pub(super) phases: &'a [PhaseTiming],
    pub(super) outcome: Outcome,
    pub(super) failure: Option<&'a Failure>,
    pub(super) receipt: &'a Receipt,
    pub(super) image_after: Option<String>,
}

/// The records to append: the rollout's, after that of the state that Teal found if this is the
/// service's first.
pub(super) fn revisions(ended: &Ended<'_>) -> Vec<Revision> {
    let plan = ended.plan;
    let ended_at = Timestamp::now();
    let started_at = ended_at
        .checked_sub(ended.rollout.elapsed())
        .unwrap_or(ended_at);
    let image_before = plan.blue.first().map(|replica| replica.image_id.clone());
    let rollout = Revision {
        revision: plan.revision,
        rollout: Some(ended.rollout.id().to_owned()),
        kind: RevisionKind::Rollout,
        engine: ended.info.id.clone(),
        project: plan.project.clone(),
        working_directory: plan.working_directory.clone(),
        service: plan.service.clone(),
        source: plan.source.clone(),
        started_at,
        ended_at,
        origin: Some(ended.origin),
        to_revision: plan.to_revision,
        limits_before: plan.limits_before,
        limits_after: plan.limits_after,
        file_limits: Some(plan.file_limits),
        image_before,
        image_after: ended.image_after.clone(),
        phases: ended.phases.to_vec(),
        outcome: Some(ended.outcome),
        failure: ended.failure.cloned(),
        receipt: Some(ended.receipt.clone()),
    };
    match plan.revision_before {
        Some(_) => vec![rollout],
        None => vec![rollout.found(started_at), rollout],
    }
}
