//! The phases in one table: what each does, how long it may take, whom it watches over, what an error of
//! the engine in it counts as, from where an interrupted one goes on, and what undoing it means.
//!
//! Titles are in [`Phase::title`], what a row does in `phases.rs`. A phase more is a row here, its
//! [`Act`] there, and its texts.

use std::time::Duration;

use super::failure::FailureKind;
use teal_model::Plan;
use teal_model::event::{Color, Phase};

/// What the driver carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    DeployGreen,
    CheckHealth,
    VerifyTraffic,
    RemoveBlue,
    Verify,
    Commit,
}

pub(super) struct Row {
    /// As people see it.
    pub(super) phase: Phase,
    pub(super) act: Act,
    /// `None` for what ends by itself.
    pub(super) deadline: fn(&Plan) -> Option<Duration>,
    /// The sets that get requests: the row fails at once when a container of them ends or turns unhealthy.
    pub(super) guarded: &'static [Color],
    /// What an error of the engine counts as.
    pub(super) engine_error: FailureKind,
    /// Where an interrupted rollout goes on. After the cutover all traffic is sent to Green once more,
    /// by the process that goes on.
    pub(super) resumed_at: Phase,
    pub(super) undo: Undo,
}

/// What the way back has to do besides removing Green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undo {
    /// Blue gets all requests, as it did.
    Keep,
    /// Blue gets back the share that Green has.
    Shift,
    /// Blue is started again before it gets anything.
    Restart,
    /// Blue goes: nothing brings it back, so neither an abort nor a guard cuts this short.
    Nothing,
}

/// Preparation changes nothing, so it has no row: what it finds is the plan.
pub(super) const TABLE: [Row; 6] = [
    Row {
        phase: Phase::DeployGreen,
        act: Act::DeployGreen,
        deadline: |_| None,
        guarded: &[],
        engine_error: FailureKind::ScaleUp,
        resumed_at: Phase::DeployGreen,
        undo: Undo::Keep,
    },
    Row {
        phase: Phase::HealthCheck,
        act: Act::CheckHealth,
        deadline: |plan| Some(plan.options.health_timeout()),
        guarded: &[],
        engine_error: FailureKind::Engine,
        resumed_at: Phase::HealthCheck,
        undo: Undo::Keep,
    },
    Row {
        phase: Phase::VerifyTraffic,
        act: Act::VerifyTraffic,
        deadline: |plan| Some(super::split::STEP_TIMEOUT * shares(plan)),
        guarded: &[Color::Blue, Color::Green],
        engine_error: FailureKind::Traffic,
        resumed_at: Phase::VerifyTraffic,
        undo: Undo::Shift,
    },
    Row {
        phase: Phase::RemoveBlue,
        act: Act::RemoveBlue,
        deadline: |plan| Some(Duration::from_millis(plan.options.drain_timeout_ms)),
        guarded: &[Color::Green],
        engine_error: FailureKind::ScaleDown,
        resumed_at: Phase::RemoveBlue,
        undo: Undo::Restart,
    },
    Row {
        phase: Phase::Verification,
        act: Act::Verify,
        deadline: |_| None,
        guarded: &[Color::Green],
        engine_error: FailureKind::Verification,
        resumed_at: Phase::RemoveBlue,
        undo: Undo::Restart,
    },
    // The point of no return.
    Row {
        phase: Phase::Verification,
        act: Act::Commit,
        deadline: |_| None,
        guarded: &[],
        engine_error: FailureKind::Engine,
        resumed_at: Phase::RemoveBlue,
        undo: Undo::Nothing,
    },
];

/// How many times both sets are verified side by side.
pub(super) fn shares(plan: &Plan) -> u32 {
    let below = plan.options.steps.iter().filter(|step| **step < 100);
    u32::try_from(below.count()).unwrap_or(u32::MAX)
}

/// What a phase consists of.
pub(super) fn rows(phase: Phase) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.phase == phase)
}

/// Where a rollout that was interrupted in this phase goes on.
pub(super) fn resumed_at(phase: Phase) -> Phase {
    rows(phase).next().map_or(phase, |row| row.resumed_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_but_the_first_has_a_row_in_the_order_of_the_specification() {
        let mut phases: Vec<_> = TABLE.iter().map(|row| row.phase).collect();
        phases.dedup();
        assert_eq!(phases, Phase::ALL[1..]);
    }

    #[test]
    fn only_the_last_row_can_not_be_undone() {
        let last = TABLE.len() - 1;
        for (number, row) in TABLE.iter().enumerate() {
            assert_eq!(row.undo == Undo::Nothing, number == last, "{:?}", row.act);
        }
    }
}
