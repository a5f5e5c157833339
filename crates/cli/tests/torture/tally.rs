//! What all rounds came to.

use std::{collections::BTreeMap, fmt, time::Instant};

use teal_engine::event::Phase;

use crate::{
    app::App,
    blow::Blow,
    round::{Ended, Round, Way},
};

#[derive(Debug)]
pub(crate) struct Tally {
    /// How many rounds there are to be.
    of: usize,
    begin: Instant,
    rollouts: usize,
    requests: usize,
    failed: usize,
    at_transitions: usize,
    at_random: usize,
    /// Of these, those on an app that takes long to stop.
    in_stop: usize,
    recoveries_struck: usize,
    without_data: usize,
    finished: usize,
    taken_back: usize,
    to_green: usize,
    /// Kills by the phase that they came in.
    by_phase: BTreeMap<Phase, usize>,
    pub(crate) faults: Vec<String>,
}

impl Tally {
    pub(crate) fn of(rounds: usize) -> Self {
        Self {
            of: rounds,
            begin: Instant::now(),
            rollouts: 0,
            requests: 0,
            failed: 0,
            at_transitions: 0,
            at_random: 0,
            in_stop: 0,
            recoveries_struck: 0,
            without_data: 0,
            finished: 0,
            taken_back: 0,
            to_green: 0,
            by_phase: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, round: &Round, ended: &Ended) {
        self.rollouts += 1;
        self.requests += ended.requests;
        self.failed += ended.failed;
        if let Some(phase) = ended.struck_in {
            *self.by_phase.entry(phase).or_default() += 1;
            self.in_stop += usize::from(round.app != App::Prompt);
            self.without_data += usize::from(round.loses_data);
            match round.blow {
                Blow::At(_) => self.at_transitions += 1,
                Blow::After(_) | Blow::SoonAfter(..) => self.at_random += 1,
            }
            match round.way {
                Way::Finish => self.finished += 1,
                Way::RollBack => self.taken_back += 1,
            }
        }
        self.recoveries_struck += usize::from(ended.recovery_is_struck);
        self.to_green += usize::from(ended.is_green);
        let Round { number, blow, .. } = round;
        println!(
            "round {number} of {}: killed {blow}, in {:?}, {} requests, faults: {:?}",
            self.of, ended.struck_in, ended.requests, ended.faults
        );
        if !ended.faults.is_empty() {
            let faults = ended.faults.join("; ");
            self.faults.push(format!("{round:?}: {faults}"));
        }
    }
}

/// The report, as Markdown.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | count |\n| --- | ---: |")?;
        let rows = [
            ("rollouts", self.rollouts),
            ("killed at a transition", self.at_transitions),
            ("killed at a random moment", self.at_random),
            (
                "of these while a Blue that takes long to stop was being stopped",
                self.in_stop,
            ),
            (
                "ended before the kill, and were done again",
                self.rollouts - self.at_transitions - self.at_random,
            ),
            ("recoveries killed as well", self.recoveries_struck),
            ("recovered without Teal's data directory", self.without_data),
            ("recovered by `--finish`", self.finished),
            ("recovered by `--roll-back`", self.taken_back),
            ("left on Green with the new limits", self.to_green),
            (
                "left on Blue with the old limits and the override's old bytes",
                self.rollouts - self.to_green,
            ),
            ("requests", self.requests),
            ("failed requests", self.failed),
            (
                "rounds that ended with a fault or anything left over",
                self.faults.len(),
            ),
        ];
        for (what, count) in rows {
            writeln!(f, "| {what} | {count} |")?;
        }
        writeln!(f, "\n| killed in | count |\n| --- | ---: |")?;
        for (phase, count) in &self.by_phase {
            writeln!(f, "| {} | {count} |", phase.title())?;
        }
        for fault in &self.faults {
            writeln!(f, "\n- {fault}")?;
        }
        let minutes = self.begin.elapsed().as_secs() / 60;
        writeln!(f, "\nIt took {minutes} minutes.")
    }
}
