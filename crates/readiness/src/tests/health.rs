//! Health checks.

use super::*;

#[test]
fn a_health_check_has_to_be_decided_in_time() {
    let check = |interval: &str, timeout: &str, retries: u32, start: &str| {
        Case::with(
            "healthcheck",
            json!({"test": ["CMD", "true"], "interval": interval, "timeout": timeout,
                   "retries": retries, "start_period": start}),
        )
    };
    // Where nobody has asked for a time, a rollout waits as long as the check needs.
    check("10s", "10s", 5, "20s").is_ready();
    check("30s", "30s", 3, "0s").is_ready();
    check("2m", "1s", 1, "0s").is_ready();
    check("1m", "1m", 50, "0s").is(Level::Warning, VerdictCode::SlowHealthCheck);
    check("1h", "1s", 1, "0s").is(Level::Refused, VerdictCode::SlowHealthCheck);

    let asked = |mut case: Case| {
        case.options.health_timeout_ms = Some(100_000);
        case
    };
    asked(check("10s", "10s", 5, "0s")).is_ready();
    asked(check("10s", "10s", 5, "1s")).is(Level::Warning, VerdictCode::SlowHealthCheck);
    asked(check("100s", "1s", 1, "0s")).is(Level::Refused, VerdictCode::SlowHealthCheck);
}

#[test]
fn a_start_period_is_probed_more_often_by_engines_that_know_how() {
    let refused = |api_version: &'static str, start_interval: Option<&str>| {
        let mut case = Case::with(
            "healthcheck",
            json!({"test": ["CMD", "true"], "interval": "2m", "start_period": "30s",
                   "start_interval": start_interval}),
        );
        case.api_version = api_version;
        case.options.health_timeout_ms = Some(60_000);
        let verdicts = case.verdicts();
        verdicts
            .iter()
            .any(|verdict| verdict.level == Level::Refused)
    };
    assert!(refused("1.43", None));
    assert!(!refused("1.44", None));
    assert!(!refused("1.51", Some("20s")));
    assert!(refused("1.51", Some("90s")));
}

#[test]
fn a_rollout_waits_as_long_as_the_check_may_take_to_decide() {
    let check = |interval_ms: u64, retries: u32| HealthCheck {
        test: vec!["CMD".into(), "true".into()],
        interval_ms,
        timeout_ms: interval_ms,
        start_period_ms: 0,
        start_interval_ms: None,
        retries,
    };
    let waits = |asked: Option<u64>, check: Option<&HealthCheck>| {
        let options = RolloutOptions {
            health_timeout_ms: asked.map(|seconds| seconds * 1_000),
            ..RolloutOptions::default()
        };
        deadline(&options, check).as_secs()
    };
    assert_eq!(waits(None, None), 120);
    assert_eq!(waits(None, Some(&check(5_000, 3))), 120);
    assert_eq!(waits(None, Some(&check(30_000, 3))), 180);
    assert_eq!(waits(None, Some(&check(600_000, 9))), 3_600);
    // What somebody has asked for stands, also where it is what it usually is.
    for asked in [60, 120, 300] {
        assert_eq!(waits(Some(asked), Some(&check(30_000, 3))), asked);
    }
}

/// The verdict about the health check of a service that no Traefik leads to.
fn of_health(case: &Case) -> Verdict {
    let verdicts = case.verdicts();
    let code = VerdictCode::NoHealthCheck;
    let found = verdicts.into_iter().find(|verdict| verdict.code == code);
    found.expect("a verdict about its health check")
}

#[test]
fn a_check_is_proposed_only_where_there_is_a_port_to_ask() {
    let mut case = Case::with("healthcheck", Value::Null);
    case.routes.clear();
    case.ports.clear();
    let verdict = of_health(&case);
    assert_eq!((verdict.level, verdict.fix), (Level::NeedsForce, None));
    case.model["services"]["web"]["expose"] = json!(["8080"]);
    assert_eq!(of_health(&case).fix, Some(Fix::AddHealthCheck));
    // It has to run for that to be known.
    case.model["services"]["web"]["expose"] = json!([]);
    case.replicas.clear();
    assert_eq!(of_health(&case).fix, Some(Fix::AddHealthCheck));
}

#[test]
fn a_worker_needs_no_health_check() {
    let mut case = Case::with("healthcheck", Value::Null);
    case.routes.clear();
    case.model["services"]["web"]["command"] = json!(["celery", "-A", "shop", "worker"]);
    let verdict = of_health(&case);
    assert_eq!((verdict.level, verdict.fix), (Level::Warning, None));
    // One that others call answers requests.
    case.model["services"]["api"] = json!({"environment": {"RENDERER": "http://web:3000"}});
    assert_eq!(of_health(&case).level, Level::NeedsForce);
}
