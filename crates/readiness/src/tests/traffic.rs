//! Routes, sessions and callers.

use super::*;

#[test]
fn sessions_bound_to_a_container_are_a_warning() {
    let label = "traefik.http.services.web.loadBalancer.sticky.cookie.name";
    Case::with("labels", json!({label: "at"})).is(Level::Warning, VerdictCode::Sticky);
}

#[test]
fn callers_are_warnings_with_a_route_and_without() {
    for key in [
        json!({"depends_on": {"web": {"condition": "service_started"}}}),
        json!({"links": ["web:www"]}),
        json!({"environment": {"BACKEND": "http://web:8080/"}}),
        json!({"environment": {"BACKEND_HOST": "web"}}),
        json!({"command": ["serve", "--upstream=web:80"]}),
    ] {
        let mut case = Case::default();
        case.model["services"]["api"] = key;
        let with_route = case.only();
        case.routes.clear();
        let (level, code, reason) = case.only();
        assert_eq!((level, code), (Level::Warning, VerdictCode::Callers));
        assert!(reason.starts_with("`api` may"), "{reason}");
        assert_eq!(with_route.2, reason);
    }
}

#[test]
fn callers_that_keep_an_address_are_told_of() {
    let mut case = Case::default();
    case.model["services"]["proxy"] =
        json!({"image": "nginx:1", "depends_on": {"web": {"condition": "service_started"}}});
    let meaning = case.verdicts()[0].meaning.clone();
    assert!(
        meaning.contains("`proxy` may resolve the name only at startup"),
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

#[test]
fn labels_are_believed_until_a_container_runs_and_no_route_comes_of_them() {
    let labels = json!({"traefik.enable": "true", "traefik.http.routers.x.rule": "Host(`x`)"});
    let mut case = Case {
        routes: vec![],
        replicas: vec![],
        ..Case::with("labels", labels)
    };
    let (level, code, _) = case.only();
    assert_eq!((level, code), (Level::Refused, VerdictCode::NotRunning));

    case.replicas = vec![replica(ContainerState::Running)];
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::NoRoute));
    assert!(reason.contains("its Traefik labels"), "{reason}");
}

#[test]
fn behind_proxies_that_find_containers_no_labels_of_traefik_are_asked_for() {
    for (key, value, proxy, hint) in [
        (
            "environment",
            json!({"VIRTUAL_HOST": "web.example"}),
            "`front`",
            "nginx",
        ),
        (
            "labels",
            json!({"caddy": "web.example"}),
            "caddy-docker-proxy",
            "lb_try_duration",
        ),
        (
            "labels",
            json!({"caddy_1.reverse_proxy": "{{upstreams}}"}),
            "caddy-docker-proxy",
            "lb_try_duration",
        ),
    ] {
        let mut case = Case {
            routes: vec![],
            ..Case::with(key, value)
        };
        case.model["services"]["front"] = json!({"image": "nginxproxy/nginx-proxy:1.6"});
        let verdicts = case.verdicts();
        let [verdict] = verdicts.as_slice() else {
            panic!("wanted one verdict: {verdicts:#?}")
        };
        assert_eq!(verdict.code, VerdictCode::NoRoute);
        assert!(
            verdict
                .reason
                .contains("sends requests to Green as soon as it runs")
                && verdict.reason.contains(proxy),
            "{}",
            verdict.reason
        );
        assert!(
            verdict.remedy.contains(hint) && !verdict.remedy.contains("Traefik"),
            "{}",
            verdict.remedy
        );
    }
    // Words that only begin alike.
    Case {
        routes: vec![],
        ..Case::with("labels", json!({"caddyfile": "x", "caddy_x": "y"}))
    }
    .is_ready();
}

#[test]
fn proxies_of_others_are_no_services_to_roll_out() {
    for image in [
        "nginxproxy/nginx-proxy",
        "jwilder/nginx-proxy:alpine",
        "lucaslorentz/caddy-docker-proxy:2.9",
        "jc21/nginx-proxy-manager",
        "example/my_traefik",
    ] {
        let case = Case::with("image", json!(image));
        let (level, code, reason) = case.only();
        assert_eq!(
            (level, code),
            (Level::Refused, VerdictCode::Proxy),
            "{image}"
        );
        assert!(
            reason.contains("routes the requests of other services"),
            "{reason}"
        );
    }
    for image in [
        "nginx:1",
        "caddy:2",
        "haproxy:3",
        "nginxproxy/acme-companion",
    ] {
        Case::with("image", json!(image)).is_ready();
    }
}

#[test]
fn a_server_that_is_called_like_a_proxy_leads_to_nobody() {
    let mut case = Case {
        routes: vec![],
        ..Case::with("environment", json!({"VIRTUAL_HOST": "shop.localhost"}))
    };
    case.model["services"]["front"] = json!({"image": "ghcr.io/acme/nginx-proxy:1"});
    let (.., reason) = case.only();
    assert!(!reason.contains("front"), "{reason}");
}

#[test]
fn a_proxy_that_is_built_is_known_by_the_engines_socket() {
    let socket = json!([{"type": "bind", "source": "/var/run/docker.sock", "target": "/tmp/docker.sock", "read_only": true}]);
    for folder in ["traefik", "nginx-proxy"] {
        let mut case = Case::with("build", json!({"context": format!("/srv/shop/{folder}")}));
        case.model["services"]["web"]["image"] = Value::Null;
        case.is_ready();
        case.model["services"]["web"]["volumes"] = socket.clone();
        assert!(
            case.verdicts()
                .iter()
                .any(|it| it.code == VerdictCode::Proxy),
            "{folder}"
        );
    }
}

#[test]
fn no_route_is_told_of_where_somebody_elsewhere_may_ask() {
    // Nobody is known to ask it: a worker.
    let mut case = Case {
        routes: vec![],
        ..Case::with("networks", json!({"front": null}))
    };
    case.is_ready();
    case.model["networks"] = json!({"front": {"name": "front", "external": true}});
    case.is(Level::Warning, VerdictCode::NoRoute);
}
