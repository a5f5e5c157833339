//! What all rounds came to.

use std::fmt::Write;

use crate::{
    blow::Blow,
    round::{Ended, Round, Way},
};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    rounds: usize,
    requests: usize,
    at_transitions: usize,
    at_random: usize,
    ended_before: usize,
    recoveries_struck: usize,
    without_data: usize,
    finished: usize,
    taken_back: usize,
    to_green: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, round: &Round<'_>, ended: Ended) {
        self.rounds += 1;
        self.requests += ended.requests;
        match (ended.is_struck, round.blow) {
            (false, _) => self.ended_before += 1,
            (true, Blow::At(_)) => self.at_transitions += 1,
            (true, Blow::After(_)) => self.at_random += 1,
        }
        self.recoveries_struck += usize::from(ended.recovery_is_struck);
        self.without_data += usize::from(round.loses_data);
        match round.way {
            Way::Finish => self.finished += 1,
            Way::RollBack => self.taken_back += 1,
        }
        self.to_green += usize::from(ended.is_green);
        println!("round {}: killed {}, {ended:?}", round.number, round.blow);
    }

    /// Only a run in which every round was clean comes this far.
    pub(crate) fn report(&self, seed: usize) -> String {
        let mut text = String::from(
            "# Torture\n\n\
             Written by `cargo xtask torture`: rollouts under load, Teal killed with SIGKILL, then \
             settled by `teal recover`.\n\n\
             | what | count |\n| --- | --- |\n",
        );
        let rows = [
            ("rollouts", self.rounds),
            ("killed at a transition", self.at_transitions),
            ("killed at a random moment", self.at_random),
            ("ended before the kill", self.ended_before),
            ("recoveries killed as well", self.recoveries_struck),
            ("recovered without Teal's data directory", self.without_data),
            ("to be finished", self.finished),
            ("to be taken back", self.taken_back),
            ("left on Green with the new limits", self.to_green),
            (
                "left on Blue with the old limits and the override's old bytes",
                self.rounds - self.to_green,
            ),
            ("requests", self.requests),
            ("failed requests", 0),
            ("rounds with anything left over", 0),
        ];
        for (what, count) in rows {
            writeln!(text, "| {what} | {count} |").unwrap();
        }
        writeln!(text, "\nSeed {seed}.").unwrap();
        text
    }
}
