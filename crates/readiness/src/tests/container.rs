//! Names, networks and ports.

use super::*;

#[test]
fn a_fixed_name_is_refused() {
    let case = Case::with("container_name", json!("web"));
    case.is(Level::Refused, VerdictCode::ContainerName);
    let fix = Fix::RemoveContainerName { name: "web".into() };
    assert_eq!(case.verdicts()[0].fix, Some(fix));
}

#[test]
fn a_foreign_network_is_refused() {
    for mode in ["host", "container:other", "service:other"] {
        Case::with("network_mode", json!(mode)).is(Level::Refused, VerdictCode::NetworkMode);
    }
    Case::with("network_mode", json!("bridge")).is_ready();
}

#[test]
fn a_service_that_lives_in_its_network_is_refused() {
    let mut case = Case::default();
    case.model["services"]["logger"] = json!({"image": "x", "network_mode": "service:web"});
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Refused, VerdictCode::NetworkMode));
    assert!(reason.starts_with("`logger` lives in"), "{reason}");
}

#[test]
fn a_fixed_address_is_refused() {
    let networks = json!({"front": {"ipv4_address": "10.1.2.3"}, "back": null});
    Case::with("networks", networks).is(Level::Refused, VerdictCode::NetworkMode);
    Case::with("networks", json!({"front": {}, "back": null})).is_ready();
    Case::with("mac_address", json!("02:42:ac:11:65:43"))
        .is(Level::Refused, VerdictCode::NetworkMode);
}

#[test]
fn fixed_host_ports_are_refused() {
    let ports = |published: Value| json!([{"mode": "ingress", "target": 80, "published": published, "protocol": "tcp"}]);
    let case = Case::with("ports", ports(json!("8080")));
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Refused, VerdictCode::HostPort));
    assert!(reason.contains("`8080:80/tcp`"), "{reason}");
    let port = HostPort {
        host_ip: None,
        published: 8080,
        target: 80,
        protocol: "tcp".into(),
    };
    let fix = Fix::UseEdge { ports: vec![port] };
    assert_eq!(case.verdicts()[0].fix, Some(fix));

    Case::with("ports", ports(json!(8080))).is(Level::Refused, VerdictCode::HostPort);
    Case::with("ports", ports(json!("8080-8080"))).is(Level::Refused, VerdictCode::HostPort);
}

#[test]
fn a_port_that_moves_needs_the_edge() {
    let port = |published: u16| HostPort {
        host_ip: None,
        published,
        target: 80,
        protocol: "tcp".into(),
    };
    for published in [json!("8080-8083"), json!("0"), Value::Null] {
        let ports = json!([{"target": 80, "published": published, "protocol": "tcp"}]);
        let mut case = Case::with("ports", ports);
        case.is(Level::NeedsForce, VerdictCode::HostPort);
        let verdict = &case.verdicts()[0];
        // Nothing shows which one it has.
        assert_eq!(verdict.fix, None);
        assert_eq!(verdict.readiness, Readiness::ReadyAfterFix);
        assert!(verdict.remedy.starts_with("start it"), "{verdict:?}");

        case.published = vec![port(8082)];
        let verdict = &case.verdicts()[0];
        let ports = vec![port(8082)];
        assert_eq!(verdict.fix, Some(Fix::UseEdge { ports }), "{verdict:?}");
        assert!(verdict.reason.contains("(`8082` now)"), "{verdict:?}");
    }
    let udp = json!([{"target": 53, "protocol": "udp"}]);
    let verdict = &Case::with("ports", udp).verdicts()[0];
    assert_eq!(verdict.readiness, Readiness::NotForBlueGreen);
}

#[test]
fn all_of_a_services_ports_go_to_the_edge_at_once() {
    let ports = json!([
        {"target": 80, "published": "8080", "protocol": "tcp"},
        {"target": 81, "protocol": "tcp"},
    ]);
    let mut case = Case::with("ports", ports);
    case.published = vec![
        HostPort {
            host_ip: None,
            published: 8080,
            target: 80,
            protocol: "tcp".into(),
        },
        HostPort {
            host_ip: None,
            published: 49_153,
            target: 81,
            protocol: "tcp".into(),
        },
    ];
    case.is(Level::Refused, VerdictCode::HostPort);
    let ports = case.published.clone();
    assert_eq!(case.verdicts()[0].fix, Some(Fix::UseEdge { ports }));
}

#[test]
fn a_range_of_ports_has_to_hold_both_sets() {
    let mut case = Case::with(
        "ports",
        json!([{"target": 80, "published": "8080-8083", "protocol": "tcp"}]),
    );
    case.model["services"]["web"]["scale"] = json!(2);
    case.replicas = vec![replica(ContainerState::Running); 2];
    case.is(Level::NeedsForce, VerdictCode::HostPort);
    case.model["services"]["web"]["scale"] = json!(3);
    case.replicas = vec![replica(ContainerState::Running); 3];
    case.is(Level::Refused, VerdictCode::HostPort);
}

#[test]
fn what_an_edge_cant_take_over_stays() {
    let udp = json!([{"target": 53, "published": "53", "protocol": "udp"}]);
    let case = Case::with("ports", udp);
    case.is(Level::Refused, VerdictCode::HostPort);
    let verdict = &case.verdicts()[0];
    assert_eq!(verdict.fix, None);
    assert_eq!(verdict.readiness, Readiness::NotForBlueGreen);
    for image in ["postgres:16", "example/my_traefik"] {
        let mut case = Case::with("image", json!(image));
        case.model["services"]["web"]["ports"] = json!([{"target": 5432, "published": "5432"}]);
        let verdicts = case.verdicts();
        let port = (verdicts.iter()).find(|it| it.code == VerdictCode::HostPort);
        let port = port.expect("a verdict about its port");
        assert_eq!(port.fix, None, "{image}");
        assert!(!port.remedy.contains("edge"), "{port:?}");
    }
}
