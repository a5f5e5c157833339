//! The rollout: six phases forwards, and one way back to Blue.
//!
//! ```text
//! Preparation → Deploy Green → Health Check → Verify Traffic → Remove Blue → Verification → SUCCESS
//!                    │              │               │               │              │
//!                    └──────────────┴───────────────┴───────────────┴──────────────┴──→ roll back → RESTORED
//! ```
//!
//! `phase.rs` is the table of the phases, `drive.rs` walks it, `steps.rs` is what it does to the world.
//! Preparation ends with a trial that changes nothing: whether it can be proved where requests go.
//! Blue is only stopped in Remove Blue and removed at the very end of Verification, so every phase
//! before SUCCESS can be undone.

mod accepting;
mod as_planned;
mod blue;
mod books;
mod callers;
mod configured;
mod created;
mod drain;
mod drive;
mod evidence;
mod facts;
mod failure;
mod guard;
mod health;
mod hold;
mod limits;
pub mod lock;
mod phase;
mod phases;
mod proof;
mod reconnect;
mod record;
mod recorder;
mod recovery;
mod room;
mod split;
mod steps;
mod stopping;
mod surroundings;
#[cfg(test)]
mod tests;
mod undo;
mod volumes;

use std::time::Duration;

use bollard::Docker;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use crate::lock::Lock;
use teal_compose::{Compose, Hook};
use teal_history::History;
use teal_model::event::{EventKind, Failure, Outcome, Phase};
use teal_model::{EngineInfo, Origin, PhaseTiming, Plan};
use teal_plan::Basis;
use teal_traffic::Traffic;

pub use callers::Callers;
pub use evidence::Evidence;
pub use facts::Facts;
pub use failure::Trouble;
use failure::chain;
pub use guard::watch;
pub use recorder::millis;
pub use recorder::{Rollout, RolloutEvents};
pub use room::Room;

/// Everything one rollout works with.
pub struct Driver {
    pub docker: Docker,
    pub compose: Compose,
    pub info: EngineInfo,
    pub history: History,
    pub rollout: Rollout,
    pub plan: Plan,
    pub origin: Origin,
    pub traffic: Traffic,
    pub evidence: Evidence,
    pub callers: Callers,
    /// Whether Docker checks Green's health.
    pub has_health_check: bool,
    /// Run in containers before they are stopped.
    pub pre_stop: Vec<Hook>,
    /// What the plan was made from; not known of a rollout that was taken over.
    pub basis: Option<Basis>,
    /// Those of Blue that requests are steered to.
    pub serving_blue: Vec<String>,
    /// Whether Blue may have been sent a stop.
    pub blue_may_be_stopping: bool,
    /// Green's container ids, once they exist.
    pub green: Vec<String>,
    /// Green's share of new requests, as it was told last.
    pub green_percent: Option<u8>,
    /// Whether Green was ever sent traffic.
    pub green_served: bool,
    pub phases: Vec<PhaseTiming>,
    pub room: Room,
    /// Its place there, once it has one.
    pub place: Option<OwnedSemaphorePermit>,
    /// Held until the rollout has ended.
    pub lock: Option<Lock>,
    /// By the clock, for people; durations are measured on one that never jumps.
    pub started_at: Timestamp,
}

/// How a rollout ended.
struct End {
    outcome: Outcome,
    failure: Option<Failure>,
    left_behind: Vec<String>,
}

impl Driver {
    /// Carries the plan out in the background.
    pub fn spawn(mut self, preparation: Duration) {
        let span = tracing::info_span!(
            "rollout",
            id = self.rollout.id(),
            project = self.plan.project,
            service = self.plan.service
        );
        let work = async move {
            let surroundings = surroundings::watch(&self.docker, &self.rollout);
            let compared =
                surroundings::compare_use(&self.docker, &self.info, &self.plan, &self.rollout);
            self.books().begin_journal();
            let end = match Box::pin(self.prepare(preparation)).await {
                Some(refused) => refused,
                None => drive::drive(&mut self, Phase::DeployGreen).await,
            };
            drop((surroundings, compared));
            self.finish(end).await;
        };
        tokio::spawn(work.instrument(span));
    }

    /// Tells everybody how it ended. History first: who hears of the end can read it there.
    async fn finish(mut self, end: End) {
        let books = self.books();
        let image_after = self.image_after().await;
        let receipt = self.evidence.stop().await;
        if let Err(error) = self.traffic.hang_up().await {
            let error = chain(&error);
            self.rollout
                .warn(format!("helpers of Teal are left: {error}"));
        }
        tracing::info!(outcome = ?end.outcome, "rollout ended");
        let revisions = record::revisions(&record::Ended {
            plan: &self.plan,
            info: &self.info,
            rollout: &self.rollout,
            origin: self.origin,
            phases: &self.phases,
            outcome: end.outcome,
            failure: end.failure.as_ref(),
            receipt: &receipt,
            image_after,
        });
        books
            .close(&revisions, end.outcome != Outcome::NotRolledBack)
            .await;
        if let Some(lock) = self.lock.take() {
            lock.release().await;
        }
        self.rollout.emit(EventKind::Ended {
            outcome: end.outcome,
            failure: end.failure,
            receipt: Some(receipt),
            left_behind: end.left_behind,
        });
    }
}
