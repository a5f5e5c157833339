//! Whether Green's health can be told in time.

use std::time::Duration;

use super::{
    Facts,
    finding::{needs_force, refused, warning},
};
use crate::model::{Fix, HealthCheck, Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts) -> Option<Verdict> {
    match facts.health_check() {
        None if facts.is_asked_by_teal() => None,
        None => Some(missing()),
        Some(check) => slow(&check, facts.health_timeout),
    }
}

fn missing() -> Verdict {
    needs_force(
        VerdictCode::NoHealthCheck,
        "has no health check",
    )
    .means("neither file nor image say when Green can take requests; with `--force` it counts as healthy when it runs and accepts connections")
    .remedy("add a `healthcheck:` to the service")
    .fixed_by(Fix::AddHealthCheck)
}

/// A check is undecided as long as Docker may still be counting failed probes; it can't have
/// passed before its first probe.
fn slow(check: &HealthCheck, timeout: Duration) -> Option<Verdict> {
    let first = Duration::from_millis(check.interval_ms);
    let last = Duration::from_millis(check.start_period_ms)
        + Duration::from_millis(check.interval_ms + check.timeout_ms) * check.retries;
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    if first >= timeout {
        return Some(
            refused(
                VerdictCode::SlowHealthCheck,
                format!(
                    "its health check first probes after {} s, and a rollout waits {} s",
                    seconds(first),
                    seconds(timeout)
                ),
            )
            .means("Green could not be healthy in time, and every rollout would be rolled back")
            .remedy(format!(
                "shorten its `interval`, or wait longer: `--health-timeout {}s`",
                seconds(last.max(first + timeout))
            )),
        );
    }
    if last <= timeout {
        return None;
    }
    Some(
        warning(
            VerdictCode::SlowHealthCheck,
            format!(
                "its health check may take {} s to decide, and a rollout waits {} s",
                seconds(last),
                seconds(timeout)
            ),
        )
        .means("a Green that starts slowly is rolled back although it would have become healthy")
        .remedy(format!(
            "shorten its `interval` and `timeout`, or wait longer: `--health-timeout {}s`",
            seconds(last)
        )),
    )
}
