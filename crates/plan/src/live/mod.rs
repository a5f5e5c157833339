//! Limits changed on the running containers by the engine (`docker update`): whether that does, and
//! doing it.

mod judge;
mod made;
mod runtime;
mod update;

use teal_model::{Limits, LiveUpdate, Replica, Verdict, VerdictCode};

pub use judge::{Facts, judge};
pub use made::{hash_before, limits_before};
pub use update::Live;

/// Of a rollout's verdicts keeps those that concern a live update too, and adds its own.
pub fn narrow(verdicts: &mut Vec<Verdict>, update: &LiveUpdate, service: &str) {
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
    let deploy = format!("roll it out with `teal deploy {service}`");
    let reason = &update.reason;
    let verdict = match update.possible {
        true => Verdict::needs_force(
            VerdictCode::NotLive,
            format!("a live update is not the best way: {reason}"),
        )
        .remedy(format!("{deploy}, or use `--force`")),
        false => Verdict::refused(
            VerdictCode::NotLive,
            format!("a live update is not possible: {reason}"),
        )
        .remedy(deploy),
    };
    Some(verdict.about_the_request())
}

/// The command that does the same.
pub fn command(before: Limits, after: Limits, replicas: &[Replica]) -> Vec<String> {
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
