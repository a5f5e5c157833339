//! Teal's edge on the real engine: host ports handed over, rollouts behind it, ports given back.
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]
#![expect(clippy::print_stdout, reason = "the figures of a handover")]

mod as_they_were;
mod images;
mod interrupted;
mod moving;
mod rollouts;
mod stage;
