//! The specification's diagram: each phase in turn; the first that fails leads back to Blue.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{
    End,
    failure::{FailureKind, Trouble, chain},
    phase::{self, Row, Undo},
    recorder::millis,
    steps::Steps,
    undo::WithoutBlue,
};
use teal_model::event::{EventKind, Failure, Outcome, Phase};
use teal_model::{Error, PhaseTiming};

const TAKEN_OVER: &str =
    "another Teal has taken this rollout over while the engine, or this machine, was away";

/// Carries out all phases from this one on.
pub(super) async fn drive(steps: &mut impl Steps, from: Phase) -> End {
    for phase in Phase::ALL.into_iter().filter(|phase| *phase >= from) {
        if let Err(trouble) = run(steps, phase).await {
            return give_up(steps, phase, trouble).await;
        }
    }
    End {
        outcome: Outcome::Success,
        failure: None,
        left_behind: Vec::new(),
    }
}

/// One phase, until it is done, has failed or is aborted.
async fn run(steps: &mut impl Steps, phase: Phase) -> Result<(), Trouble> {
    let began = Instant::now();
    let deadline = phase::rows(phase).find_map(|row| (row.deadline)(steps.plan()));
    steps.rollout().emit(EventKind::PhaseStarted {
        phase,
        deadline_ms: deadline.map(millis),
    });
    tracing::info!(?phase, "phase started");
    let mut done = Ok(());
    for row in phase::rows(phase) {
        if done.is_ok() {
            done = carry_out(steps, row).await;
        }
    }
    let elapsed_ms = millis(began.elapsed());
    steps.phases().push(PhaseTiming {
        phase,
        elapsed_ms,
        done: done.is_ok(),
    });
    if done.is_ok() {
        tracing::info!(?phase, elapsed_ms, "phase done");
        let done = EventKind::PhaseDone { phase, elapsed_ms };
        steps.rollout().emit(done);
    }
    done
}

/// One row of the table. Where there is no way back, an abort comes too late.
async fn carry_out(steps: &mut impl Steps, row: &Row) -> Result<(), Trouble> {
    let counted = |trouble: Trouble| trouble.or_of_kind(row.engine_error);
    if row.undo == Undo::Nothing {
        return steps.perform(row.act).await.map_err(counted);
    }
    let aborted = steps.rollout().aborted().clone();
    let lost = steps.lost();
    let guard = steps.guard(row.guarded);
    let work = async {
        tokio::select! {
            biased;
            trouble = guard => Err(trouble),
            done = Box::pin(steps.perform(row.act)) => done.map_err(counted),
        }
    };
    unless_stopped(aborted, lost, work).await
}

/// Cut short by an abort, or when others take the rollout over.
pub(super) async fn unless_stopped(
    aborted: CancellationToken,
    lost: CancellationToken,
    work: impl Future<Output = Result<(), Trouble>>,
) -> Result<(), Trouble> {
    tokio::select! {
        biased;
        () = lost.cancelled() => Err(Trouble::new(FailureKind::TakenOver, TAKEN_OVER)),
        () = aborted.cancelled() => Err(Trouble::new(FailureKind::Aborted, "aborted by the user")),
        done = work => done,
    }
}

/// Rolls back, or leaves things as they are where that was asked for.
pub(super) async fn give_up(steps: &mut impl Steps, phase: Phase, trouble: Trouble) -> End {
    let outcome = trouble.outcome();
    let failure = steps.evidence(trouble).await;
    tracing::warn!(?phase, message = failure.message, "phase failed");
    let elapsed_ms = steps.phases().last().map_or(0, |timing| timing.elapsed_ms);
    steps.rollout().emit(EventKind::PhaseFailed {
        phase,
        elapsed_ms,
        failure: failure.clone(),
    });
    let is_left = steps.plan().options.no_rollback && outcome != Outcome::Aborted;
    if is_left || outcome == Outcome::NotRolledBack {
        return not_settled(steps, failure).await;
    }
    steps.rollout().emit(EventKind::RollingBack {
        reason: failure.message.clone(),
    });
    let lost = steps.lost();
    let restored = tokio::select! {
        biased;
        () = lost.cancelled() => Err(Error::Unexpected("another Teal has taken it over".to_owned())),
        restored = steps.roll_back() => restored,
    };
    match restored {
        Ok(()) => End {
            outcome,
            failure: Some(failure),
            left_behind: Vec::new(),
        },
        Err(undo) => not_rolled_back(steps, failure, outcome, &undo).await,
    }
}

/// There is no way back. What can still be done for the service is.
async fn not_rolled_back(
    steps: &mut impl Steps,
    failure: Failure,
    outcome: Outcome,
    undo: &Error,
) -> End {
    let message = format!(
        "{}; then the rollback failed: {}",
        failure.message,
        chain(undo)
    );
    tracing::error!(message, "rollback failed");
    let left = match steps.lost().is_cancelled() {
        true => None,
        false => steps.without_blue().await,
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
        Some(WithoutBlue::GreenServes) => {
            let plan = steps.plan();
            let hint = format!(
                "Green gets all requests, since Blue is gone; finish it with `teal recover {} --finish -p {}`",
                plan.service, plan.project
            );
            not_settled(steps, Failure { hint, ..failure }).await
        }
        None => not_settled(steps, failure).await,
    }
}

async fn not_settled(steps: &impl Steps, failure: Failure) -> End {
    End {
        outcome: Outcome::NotRolledBack,
        failure: Some(failure),
        left_behind: steps.left_behind().await,
    }
}
