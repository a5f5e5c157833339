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
    check("10s", "10s", 5, "20s").is_ready();
    check("10s", "10s", 5, "21s").is(Level::Warning, VerdictCode::SlowHealthCheck);
    check("30s", "30s", 3, "0s").is(Level::Warning, VerdictCode::SlowHealthCheck);
    check("2m", "1s", 1, "0s").is(Level::Refused, VerdictCode::SlowHealthCheck);
}

#[test]
fn a_service_without_a_health_check_needs_force() {
    let image = HealthCheck {
        test: vec!["CMD".into(), "true".into()],
        interval_ms: 1_000,
        timeout_ms: 1_000,
        start_period_ms: 0,
        retries: 3,
    };
    let mut case = Case::with("healthcheck", Value::Null);
    case.is(Level::NeedsForce, VerdictCode::NoHealthCheck);
    let fix = Some(Fix::AddHealthCheck);
    assert_eq!(case.verdicts()[0].fix, fix);
    case.image_health = Some(image.clone());
    case.is_ready();

    for off in [json!({"disable": true}), json!({"test": ["NONE"]})] {
        let mut case = Case::with("healthcheck", off);
        case.image_health = Some(image.clone());
        case.is(Level::NeedsForce, VerdictCode::NoHealthCheck);
    }
}
