//! The rollout: six phases forwards, and one way back to Blue.
//!
//! ```text
//! Preparation → Deploy Green → Health Check → Verify Traffic → Remove Blue → Verification → SUCCESS
//!                    │              │               │               │              │
//!                    └──────────────┴───────────────┴───────────────┴──────────────┴──→ roll back → RESTORED
//! ```
//!
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
mod evidence;
mod facts;
mod failure;
mod guard;
mod health;
mod hold;
mod limits;
pub mod lock;
mod phases;
mod proof;
mod reconnect;
mod record;
mod recorder;
mod recovery;
mod room;
mod split;
mod stopping;
mod surroundings;
mod undo;
mod volumes;

use std::time::{Duration, Instant};

use bollard::Docker;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::lock::Lock;
use teal_compose::{Compose, Hook};
use teal_history::History;
use teal_model::Error;
use teal_model::event::{EventKind, Failure, Outcome, Phase};
use teal_model::{EngineInfo, Origin, PhaseTiming, Plan};
use teal_plan::Basis;
use teal_traffic::Traffic;

pub use callers::Callers;
pub use evidence::Evidence;
pub use facts::Facts;
pub use failure::Trouble;
use failure::{FailureKind, chain};
pub use guard::watch;
pub use recorder::millis;
pub use recorder::{Rollout, RolloutEvents};
pub use room::Room;
use undo::WithoutBlue;

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
                None => self.drive(Phase::DeployGreen).await,
            };
            drop((surroundings, compared));
            self.finish(end).await;
        };
        tokio::spawn(work.instrument(span));
    }

    /// The specification's diagram: each phase in turn; the first that fails leads back to Blue.
    async fn drive(&mut self, from: Phase) -> End {
        for phase in Phase::ALL.into_iter().filter(|phase| *phase >= from) {
            if let Err(trouble) = self.run(phase).await {
                return self.give_up(phase, trouble).await;
            }
        }
        End {
            outcome: Outcome::Success,
            failure: None,
            left_behind: Vec::new(),
        }
    }

    /// One phase, until it is done, has failed or is aborted.
    async fn run(&mut self, phase: Phase) -> Result<(), Trouble> {
        let began = Instant::now();
        self.rollout.emit(EventKind::PhaseStarted {
            phase,
            deadline_ms: self.deadline(phase).map(millis),
        });
        tracing::info!(?phase, "phase started");
        let aborted = self.rollout.aborted().clone();
        let lost = self.lost();
        let done = tokio::select! {
            biased;
            () = lost.cancelled() => Err(Trouble::new(FailureKind::TakenOver, "another Teal has taken this rollout over while the engine, or this machine, was away")),
            () = aborted.cancelled() => Err(Trouble::new(FailureKind::Aborted, "aborted by the user")),
            trouble = self.guard(phase) => Err(trouble),
            done = Box::pin(self.perform(phase)) => done.map_err(|trouble| trouble.in_phase(phase)),
        };
        // From here on there is no way back, so an abort that comes now comes too late.
        let done = match (phase, done) {
            (Phase::Verification, Ok(())) => self.commit().await,
            (_, done) => done,
        };
        let elapsed_ms = millis(began.elapsed());
        self.phases.push(PhaseTiming {
            phase,
            elapsed_ms,
            done: done.is_ok(),
        });
        if done.is_ok() {
            tracing::info!(?phase, elapsed_ms, "phase done");
            self.rollout
                .emit(EventKind::PhaseDone { phase, elapsed_ms });
        }
        done
    }

    async fn perform(&mut self, phase: Phase) -> Result<(), Trouble> {
        match phase {
            Phase::Preparation => Ok(()),
            Phase::DeployGreen => self.deploy_green().await,
            Phase::HealthCheck => Box::pin(self.check_health()).await,
            Phase::VerifyTraffic => self.verify_traffic().await,
            Phase::RemoveBlue => self.remove_blue().await,
            Phase::Verification => self.verify().await,
        }
    }

    fn deadline(&self, phase: Phase) -> Option<Duration> {
        let options = &self.plan.options;
        match phase {
            Phase::HealthCheck => Some(options.health_timeout()),
            Phase::RemoveBlue => Some(Duration::from_millis(options.drain_timeout_ms)),
            Phase::VerifyTraffic => Some(split::STEP_TIMEOUT * self.shares()),
            Phase::Preparation | Phase::DeployGreen | Phase::Verification => None,
        }
    }

    /// Rolls back, or leaves things as they are where that was asked for.
    async fn give_up(&mut self, phase: Phase, trouble: Trouble) -> End {
        let outcome = trouble.outcome();
        let failure = trouble.with_evidence(&self.docker).await;
        tracing::warn!(?phase, message = failure.message, "phase failed");
        self.rollout.emit(EventKind::PhaseFailed {
            phase,
            elapsed_ms: self.phases.last().map_or(0, |timing| timing.elapsed_ms),
            failure: failure.clone(),
        });
        let is_left = self.plan.options.no_rollback && outcome != Outcome::Aborted;
        if is_left || outcome == Outcome::NotRolledBack {
            return End {
                outcome: Outcome::NotRolledBack,
                failure: Some(failure),
                left_behind: self.left_behind().await,
            };
        }
        self.rollout.emit(EventKind::RollingBack {
            reason: failure.message.clone(),
        });
        let lost = self.lost();
        let restored = tokio::select! {
            biased;
            () = lost.cancelled() => Err(Error::Unexpected("another Teal has taken it over".to_owned())),
            restored = self.roll_back() => restored,
        };
        match restored {
            Ok(()) => End {
                outcome,
                failure: Some(failure),
                left_behind: Vec::new(),
            },
            Err(undo) => self.not_rolled_back(failure, outcome, &undo).await,
        }
    }

    /// There is no way back. What can still be done for the service is.
    async fn not_rolled_back(&mut self, failure: Failure, outcome: Outcome, undo: &Error) -> End {
        let message = format!(
            "{}; then the rollback failed: {}",
            failure.message,
            chain(undo)
        );
        tracing::error!(message, "rollback failed");
        let left = match self.lost().is_cancelled() {
            true => None,
            false => self.without_blue().await,
        };
        let failure = Failure { message, ..failure };
        match left {
            Some(WithoutBlue::NothingLeft) => End {
                outcome,
                failure: Some(Failure {
                    hint: "somebody has removed Blue and Green, and nothing of the rollout is left; start the service, then deploy again".to_owned(),
                    ..failure
                }),
                left_behind: Vec::new(),
            },
            Some(WithoutBlue::GreenServes) => End {
                outcome: Outcome::NotRolledBack,
                failure: Some(Failure {
                    hint: format!(
                        "Green gets all requests, since Blue is gone; finish it with `teal recover {} --finish -p {}`",
                        self.plan.service, self.plan.project
                    ),
                    ..failure
                }),
                left_behind: self.left_behind().await,
            },
            None => End {
                outcome: Outcome::NotRolledBack,
                failure: Some(failure),
                left_behind: self.left_behind().await,
            },
        }
    }

    /// Cancelled when others may work on the service.
    fn lost(&self) -> CancellationToken {
        self.lock.as_ref().map(Lock::lost).unwrap_or_default()
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
