//! Torture: Teal is killed with SIGKILL at every transition and at random moments of rollouts under
//! load, then the rollout is settled, one way or the other. No request may fail, and nothing may be
//! left: no helper, no record, no byte of the override that was not there before.
//!
//! A few rounds by default; `cargo xtask torture` runs many, by these variables:
//! `TEAL_TORTURE_ROUNDS`, `TEAL_TORTURE_SEED` and, for the report, `TEAL_TORTURE_REPORT`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]
#![expect(clippy::print_stdout, reason = "the report")]

mod blow;
mod round;
mod tally;

use std::{env, fs};

use teal_testkit::{Project, Template};

use blow::{Blow, TRANSITIONS};
use round::{Round, Way};
use tally::Tally;

/// Enough for a machine that has other things to do: see that the whole of it works.
const QUICK: usize = 6;

#[tokio::test]
async fn killed_at_any_moment_a_rollout_costs_no_request_and_leaves_nothing() {
    let rounds = number("TEAL_TORTURE_ROUNDS").unwrap_or(QUICK);
    let seed = number("TEAL_TORTURE_SEED").unwrap_or(1);
    let mut random = fastrand::Rng::with_seed(u64::try_from(seed).unwrap());
    let project = Project::up(Template::named("torture")).await;
    let mut tally = Tally::default();
    for number in 0..rounds {
        // Each transition comes once with each way; few rounds are spread over them.
        let nth = number * TRANSITIONS.len() / rounds.min(2 * TRANSITIONS.len());
        let blow = match TRANSITIONS.get(nth) {
            Some(transition) => Blow::At(transition),
            None => Blow::after_random(&mut random),
        };
        let round = Round {
            project: &project,
            number,
            blow,
            way: if number % 2 == 0 {
                Way::Finish
            } else {
                Way::RollBack
            },
            loses_data: number % 3 == 1,
            again: (number % 3 == 2).then(|| Blow::after_random(&mut random)),
        };
        tally.add(&round, round.run().await);
    }
    let report = tally.report(seed);
    match env::var_os("TEAL_TORTURE_REPORT") {
        Some(path) => fs::write(path, report).unwrap(),
        None => println!("{report}"),
    }
}

fn number(variable: &str) -> Option<usize> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
