//! Limits changed on the running containers by the engine (`docker update`): whether that does, and
//! doing it.

mod judge;
mod made;
mod runtime;
mod update;

use crate::model::{Level, Limits, LiveUpdate, Readiness, Replica, Verdict, VerdictCode};

pub(crate) use judge::{Facts, judge};
pub(crate) use made::{hash_before, limits_before};
pub(crate) use update::Live;

/// Of a rollout's verdicts keeps those that concern a live update too, and adds its own.
pub(crate) fn narrow(verdicts: &mut Vec<Verdict>, update: &LiveUpdate, service: &str) {
    verdicts.retain(|verdict| {
        matches!(
            verdict.code,
            VerdictCode::NotRunning
                | VerdictCode::BadLimit
                | VerdictCode::LimitAboveEngine
                | VerdictCode::EngineCannotLimit
                | VerdictCode::LimitBelowReservation
        )
    });
    verdicts.extend(verdict(update, service));
}

/// What stands in the way of the update.
fn verdict(update: &LiveUpdate, service: &str) -> Option<Verdict> {
    if update.recommended {
        return None;
    }
    let (level, remedy) = match update.possible {
        true => (
            Level::NeedsForce,
            format!("roll it out with `teal deploy {service}`, or use `--force`"),
        ),
        false => (
            Level::Refused,
            format!("roll it out with `teal deploy {service}`"),
        ),
    };
    Some(Verdict {
        level,
        code: VerdictCode::NotLive,
        readiness: Readiness::Ready,
        reason: format!(
            "a live update is {} way: {}",
            if update.possible {
                "not the best"
            } else {
                "no"
            },
            update.reason
        ),
        meaning: String::new(),
        remedy,
        fix: None,
    })
}

/// The command that does the same.
pub(crate) fn command(before: Limits, after: Limits, replicas: &[Replica]) -> Vec<String> {
    let mut words = vec!["docker".to_owned(), "update".to_owned()];
    if let Some(cpus) = after.cpus.filter(|_| before.cpus != after.cpus) {
        words.extend(["--cpus".to_owned(), cpus.to_string()]);
    }
    if let Some(memory) = after.memory.filter(|_| before.memory != after.memory) {
        words.extend(["--memory".to_owned(), memory.bytes().to_string()]);
    }
    words.extend(replicas.iter().map(|replica| replica.id.clone()));
    words
}
