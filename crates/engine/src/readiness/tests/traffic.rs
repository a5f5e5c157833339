//! Routes, sessions and callers.

use super::*;

#[test]
fn sessions_bound_to_a_container_are_a_warning() {
    let label = "traefik.http.services.web.loadBalancer.sticky.cookie.name";
    Case::with("labels", json!({label: "at"})).is(Level::Warning, VerdictCode::Sticky);
}

#[test]
fn no_route_and_callers_are_warnings() {
    let case = Case {
        routes: vec![],
        ..Case::default()
    };
    case.is(Level::Warning, VerdictCode::NoRoute);

    for key in [
        json!({"depends_on": {"web": {"condition": "service_started"}}}),
        json!({"links": ["web:www"]}),
        json!({"environment": {"BACKEND": "http://web:8080/"}}),
        json!({"environment": {"BACKEND_HOST": "web"}}),
        json!({"command": ["serve", "--upstream=web:80"]}),
    ] {
        let mut case = Case::default();
        case.model["services"]["api"] = key;
        let (level, code, reason) = case.only();
        assert_eq!((level, code), (Level::Warning, VerdictCode::Callers));
        assert!(reason.starts_with("`api` may"), "{reason}");
    }
}

#[test]
fn callers_that_keep_an_address_are_told_of() {
    let mut case = Case::default();
    case.model["services"]["proxy"] =
        json!({"image": "nginx:1", "depends_on": {"web": {"condition": "service_started"}}});
    let meaning = case.verdicts()[0].meaning.clone();
    assert!(
        meaning.contains("`proxy` may look the name up only once"),
        "{meaning}"
    );
}

#[test]
fn dependants_that_compose_would_restart_are_told_of() {
    let mut case = Case::default();
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_healthy", "restart": true}}});
    let codes: Vec<_> = case.verdicts().iter().map(|verdict| verdict.code).collect();
    assert_eq!(codes, [VerdictCode::Callers, VerdictCode::Dependants]);
}
