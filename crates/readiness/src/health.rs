//! Whether Green's health can be told, and in time.

use std::time::Duration;

use super::{Facts, role::Role};
use teal_model::{EngineInfo, Fix, HealthCheck, RolloutOptions, Verdict, VerdictCode};

/// A rollout waits no longer than that unless somebody asks for it.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The time between two probes in the start period, where nobody says another one.
const START_INTERVAL: Duration = Duration::from_secs(5);

/// The first API that probes more often while a container starts.
const START_INTERVAL_API: (u32, u32) = (1, 44);

pub(super) fn verdicts(facts: &Facts) -> Option<Verdict> {
    match facts.health_check() {
        None if facts.is_asked_by_teal() => None,
        None if facts.role() == Some(Role::Worker) => Some(worker(facts.name)),
        None if facts.listens_nowhere() => Some(mute(facts.name)),
        None => Some(missing()),
        Some(check) => slow(&check, facts),
    }
}

/// How long a rollout waits for Green's health: for the time that somebody has asked for, else for
/// the usual one, or as long as the check may take to decide where that is longer.
pub fn deadline(options: &RolloutOptions, check: Option<&HealthCheck>) -> Duration {
    let timeout = options.health_timeout();
    match (options.health_timeout_ms, check) {
        (None, Some(check)) => timeout.max(decided(check).min(LONGEST)),
        _ => timeout,
    }
}

fn missing() -> Verdict {
    Verdict::needs_force(
        VerdictCode::NoHealthCheck,
        "has no health check",
    )
    .means("no health check in file or image; with `--force` Green counts as healthy as soon as it accepts connections")
    .remedy("add a `healthcheck:` to the service")
    .fixed_by(Fix::AddHealthCheck)
}

/// Nobody calls it, so that nothing fails if it is not up at once; and two of it share the work.
fn worker(name: &str) -> Verdict {
    Verdict::warning(
        VerdictCode::NoHealthCheck,
        "has no health check, and nothing calls it",
    )
    .means("Green counts as healthy once it has run without a break for three times the poll interval, 15 s by default")
    .remedy(format!("give it one that asks its process or its queue, such as `teal ready {name} --health 'pgrep -f worker'`"))
}

/// There is no port to ask, so that Teal can't propose a check.
fn mute(name: &str) -> Verdict {
    Verdict::needs_force(
        VerdictCode::NoHealthCheck,
        "has no health check, and no port that could be asked",
    )
    .means("nothing tells when Green works, or whether two of it do the same work twice; with `--force` it counts as healthy once it has run without a break for three times the poll interval")
    .remedy(format!("give it one that asks its process, such as `teal ready {name} --health 'pgrep -f PROGRAM'`, or use `--force` if two instances can briefly run side by side"))
}

/// A check is undecided as long as Docker may still be counting failed probes; it can't have
/// passed before its first probe.
fn slow(check: &HealthCheck, facts: &Facts) -> Option<Verdict> {
    let timeout = deadline(facts.options, Some(check));
    let (first, last) = (first_probe(check, facts.engine), decided(check));
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    if first >= timeout {
        return Some(
            Verdict::refused(
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
        Verdict::warning(
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

/// When Docker may have called it unhealthy at the latest.
fn decided(check: &HealthCheck) -> Duration {
    Duration::from_millis(check.start_period_ms)
        + Duration::from_millis(check.interval_ms + check.timeout_ms) * check.retries
}

/// When Docker asks for the first time.
fn first_probe(check: &HealthCheck, engine: &EngineInfo) -> Duration {
    let interval = Duration::from_millis(check.interval_ms);
    if check.start_period_ms == 0 || !knows_start_interval(engine) {
        return interval;
    }
    let start = check.start_interval_ms.map(Duration::from_millis);
    start.unwrap_or(START_INTERVAL)
}

fn knows_start_interval(engine: &EngineInfo) -> bool {
    let version = engine.api_version.split_once('.');
    let version =
        version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    version.is_some_and(|version: (u32, u32)| version >= START_INTERVAL_API)
}
