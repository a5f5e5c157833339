//! What several changes of the limits did to the requests beside them.

use std::fmt::Write;

use anyhow::Result;

use super::{spread::Spread, stage::Traffic};

#[derive(Default)]
pub(super) struct Requests {
    /// Until the changed service was in place.
    pub(super) took: Spread,
    gaps: Spread,
    sent: u64,
    failed: u64,
    each: Vec<String>,
}

impl Requests {
    /// `took` is how long the change took, in milliseconds.
    pub(super) fn add(&mut self, took: i64, traffic: &Traffic) {
        self.took.add(took);
        self.gaps.add(traffic.worst_gap);
        self.sent += traffic.requests;
        self.failed += traffic.failed;
        self.each.push(traffic.failed.to_string());
    }
}

/// Two ways side by side, as a table.
pub(super) fn compare(one: (&str, &Requests), other: (&str, &Requests)) -> Result<String> {
    let mut text = format!("| | {} | {} |\n| --- | ---: | ---: |\n", one.0, other.0);
    let mut row = |name: &str, value: fn(&Requests) -> String| {
        writeln!(text, "| {name} | {} | {} |", value(one.1), value(other.1))
    };
    row("changes", |all| all.each.len().to_string())?;
    row("requests", |all| all.sent.to_string())?;
    row("failed requests", |all| all.failed.to_string())?;
    row("failed requests, change by change", |all| {
        all.each.join(", ")
    })?;
    row("longest time from one good answer to the next", |all| {
        all.gaps.in_short()
    })?;
    row("time until it is done", |all| all.took.in_short())?;
    Ok(text)
}
