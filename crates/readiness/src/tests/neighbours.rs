//! Those who call it.

use super::*;

#[test]
fn who_calls_it_is_told_whether_anything_steers_the_calls() {
    let mut case = Case::default();
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_started"}}});
    let meaning = |case: &Case| {
        let verdicts = case.verdicts();
        let callers = verdicts.iter().find(|it| it.code == VerdictCode::Callers);
        callers.unwrap().meaning.clone()
    };
    assert!(meaning(&case).starts_with("such requests bypass Traefik"));
    case.routes.clear();
    assert!(meaning(&case).starts_with("such requests aren't routed"));
}

/// What is said of the callers, where services of these names and images call it.
fn told_of(callers: &[(&str, &str)]) -> Verdict {
    let mut case = Case::default();
    for (name, image) in callers {
        case.model["services"][*name] =
            json!({"image": image, "depends_on": {"web": {"condition": "service_started"}}});
    }
    let mut verdicts = case.verdicts().into_iter();
    verdicts
        .find(|it| it.code == VerdictCode::Callers)
        .expect("somebody calls it")
}

#[test]
fn a_server_that_looks_names_up_once_is_named_and_is_to_be_reloaded() {
    for (image, name, key) in [
        ("nginx:1.27-alpine", "nginx", "`resolver`"),
        ("nginxinc/nginx-unprivileged", "nginx", "`resolver`"),
        ("openresty/openresty:alpine", "nginx", "`resolver`"),
        ("docker.io/library/haproxy:3.0", "HAProxy", "`resolvers`"),
        ("httpd:2.4", "httpd", "`disablereuse=on`"),
    ] {
        let told = told_of(&[("proxy", image)]);
        assert_eq!(
            told.reason,
            format!("`proxy` ({name}) may call it by its service name")
        );
        assert!(
            told.meaning
                .contains("`proxy` may resolve the name only at startup"),
            "{image}: {told:?}"
        );
        assert!(
            told.remedy
                .contains(&format!("reload {name} when the rollout asks for it"))
                && told.remedy.contains(key),
            "{image}: {told:?}"
        );
    }
}

#[test]
fn caddy_looks_names_up_itself() {
    let told = told_of(&[("proxy", "caddy:2-alpine")]);
    assert_eq!(
        told.reason,
        "`proxy` (Caddy) may call it by its service name"
    );
    assert!(!told.meaning.contains("once"), "{told:?}");
    assert!(
        told.remedy.contains("Caddy needs no reload")
            && told.remedy.contains("looks names up as it connects"),
        "{told:?}"
    );
}

#[test]
fn each_kind_of_caller_is_advised() {
    let told = told_of(&[
        ("api", "example/api:1"),
        ("edge", "nginx"),
        ("proxy", "caddy"),
    ]);
    assert_eq!(
        told.reason,
        "`api`, `edge` (nginx), `proxy` (Caddy) may call it by its service name"
    );
    assert!(
        told.remedy.contains("reload nginx")
            && told.remedy.contains("Caddy needs no reload")
            && told.remedy.contains("retry a failed connection"),
        "{told:?}"
    );
}

/// A program that only goes with a server is none.
#[test]
fn what_an_image_only_works_with_is_not_what_it_is() {
    let told = told_of(&[("metrics", "nginx/nginx-prometheus-exporter:1")]);
    assert_eq!(told.reason, "`metrics` may call it by its service name");
}
