//! Torture: Teal is killed with SIGKILL at every transition and at random moments of rollouts under
//! load, then the rollout is settled, one way or the other. The last rounds are made on apps that take
//! long to stop, and kill Teal while it stops Blue. No request may fail, and nothing may be
//! left: no helper, no record, no byte of the override that was not there before.
//!
//! A few rounds by default; `cargo xtask torture` runs many, by these variables:
//! `TEAL_TORTURE_ROUNDS`, `TEAL_TORTURE_LANES`, `TEAL_TORTURE_SEED` and, for the report,
//! `TEAL_TORTURE_REPORT`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]
#![expect(clippy::print_stdout, reason = "the report")]

mod app;
mod blow;
mod lane;
mod round;
mod tally;

use std::{env, fs, sync::Mutex, thread};

use lane::Board;
use round::Round;
use tally::Tally;

/// Enough for a machine that has other things to do: see that the whole of it works.
const QUICK: usize = 6;

#[test]
fn killed_at_any_moment_a_rollout_costs_no_request_and_leaves_nothing() {
    let rounds = number("TEAL_TORTURE_ROUNDS").unwrap_or(QUICK);
    let lanes = number("TEAL_TORTURE_LANES").unwrap_or(1);
    let seed = number("TEAL_TORTURE_SEED").unwrap_or(1);
    let rounds = Round::all(rounds, seed);
    let board = Board {
        tally: Mutex::new(Tally::of(rounds.len())),
        rounds: Mutex::new(rounds.into()),
    };
    thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| lane::run(&board));
        }
    });
    let tally = board.tally.into_inner().unwrap();
    let report = format!("{tally}\nSeed {seed}, {lanes} projects side by side.\n");
    match env::var_os("TEAL_TORTURE_REPORT") {
        Some(path) => fs::write(path, report).unwrap(),
        None => println!("{report}"),
    }
    assert_eq!(tally.faults, [] as [String; 0]);
}

fn number(variable: &str) -> Option<usize> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
