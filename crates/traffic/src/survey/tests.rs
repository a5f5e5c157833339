//! Surveys of services and Traefiks as the engine describes them.

use serde_json::{Value, json};

use super::*;
use teal_model::{Level, VerdictCode};

const ROUTED: [(&str, &str); 3] = [
    ("traefik.enable", "true"),
    ("traefik.http.routers.web.rule", "Host(`a.test`)"),
    ("traefik.http.services.web.loadbalancer.server.port", "8080"),
];

const ARGUMENTS: [(&str, &str); 2] = [
    ("entrypoints.web.address", ":80"),
    ("providers.docker.exposedbydefault", "false"),
];

fn container(name: &str, labels: &[(&str, &str)]) -> ContainerInspectResponse {
    let mut labels: HashMap<_, _> = labels.iter().copied().collect();
    labels.insert("com.docker.compose.project", "shop");
    labels.insert("com.docker.compose.service", "web");
    serde_json::from_value(json!({
        "Id": name,
        "Name": format!("/{name}"),
        "Config": { "Labels": labels, "ExposedPorts": { "9000/tcp": {}, "443/tcp": {} } },
        "NetworkSettings": { "Networks": { "front": { "NetworkID": "front" } } },
    }))
    .unwrap()
}

fn traefik(arguments: &[(&str, &str)]) -> Gateway {
    traefik_on(EngineHost::Here, arguments)
}

fn traefik_on(host: EngineHost, arguments: &[(&str, &str)]) -> Gateway {
    let traefik = serde_json::from_value(json!({
        "Id": "traefik",
        "Name": "/traefik",
        "NetworkSettings": {
            "Networks": { "front": { "NetworkID": "front" } },
            "Ports": {
                "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8000" }],
                "443/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "8443" }],
            },
        },
    }))
    .unwrap();
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Gateway::read(&traefik, host, &arguments.iter().map(own).collect())
}

fn surroundings(arguments: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        host: EngineHost::Here,
        gateways: vec![traefik(arguments)],
        told: HashMap::new(),
        containers: Vec::new(),
        architecture: "amd64".into(),
    }
}

/// What its Traefik's API answers.
fn tells(surroundings: &mut Surroundings, routers: Value, services: Value, middlewares: Value) {
    let told = Told {
        routers: serde_json::from_value(routers).unwrap(),
        services: serde_json::from_value(services).unwrap(),
        middlewares: serde_json::from_value(middlewares).unwrap(),
    };
    surroundings.told.insert("traefik".into(), told);
}

fn survey_of(arguments: &[(&str, &str)], labels: &[(&str, &str)]) -> Survey {
    surroundings(arguments).survey(&[container("web-1", labels)], None)
}

#[test]
fn a_traefik_whose_constraints_leave_the_service_out_is_passed_over() {
    let mut surroundings = surroundings(&ARGUMENTS);
    let constraints = ("providers.docker.constraints", "Label(`team`, `b`)");
    let mut stranger = traefik(&[ARGUMENTS[0], ARGUMENTS[1], constraints]);
    stranger.id = "stranger".into();
    stranger.name = "stranger".into();
    surroundings.gateways.insert(0, stranger);
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    assert!(survey.steering.is_some(), "{survey:?}");
    let told = format!("{:?}", survey.verdicts);
    assert!(!told.contains("stranger"), "{told}");

    // Alone, it is the one to be told of.
    surroundings.gateways.truncate(1);
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    assert!(reason(&survey).contains("constraints"), "{survey:?}");
}

fn reason(survey: &Survey) -> &str {
    match &survey.plan {
        TrafficPlan::Unsteered { reason } => reason,
        TrafficPlan::Steered { .. } => panic!("steered: {survey:?}"),
    }
}

fn doors(survey: &Survey) -> Vec<String> {
    let steering = survey.steering.as_ref().unwrap();
    let doors = steering.doors().iter().flatten();
    doors
        .map(|door| {
            let scheme = if door.endpoint.tls { "https" } else { "http" };
            format!(
                "{scheme} {} {}{}",
                door.endpoint.address, door.target.host, door.target.path
            )
        })
        .collect()
}

#[test]
fn ports_of_an_engine_elsewhere_are_asked_for_there() {
    let far = EngineHost::At("192.0.2.7".parse().unwrap());
    let at = |host, address: &str| {
        let arguments = [ARGUMENTS[1], ("entrypoints.web.address", address)];
        let surroundings = Surroundings {
            gateways: vec![traefik_on(host, &arguments)],
            ..surroundings(&arguments)
        };
        surroundings.survey(&[container("web-1", &ROUTED)], None)
    };
    assert_eq!(doors(&at(far, ":80")), ["http 192.0.2.7:8000 a.test/"]);
    // Bound to the loopback of a machine that is not this one.
    for survey in [at(far, ":443"), at(EngineHost::Unknown, ":80")] {
        assert_eq!(pinning(&survey).doors, [None]);
    }
}

#[test]
fn a_route_is_found_with_its_way_in() {
    let survey = survey_of(&ARGUMENTS, &ROUTED);
    assert_eq!(doors(&survey), ["http 127.0.0.1:8000 a.test/"]);
    assert_eq!(survey.routes[0].url.as_deref(), Some("http://a.test:8000/"));
    assert_eq!(survey.routes[0].entry_points, ["web"]);
    assert_eq!(survey.ports, [443, 8080, 9000]);
    assert!(survey.verdicts.is_empty(), "{:?}", survey.verdicts);
}

#[test]
fn an_implicit_service_has_the_lowest_exposed_port() {
    let survey = survey_of(&ARGUMENTS, &ROUTED[..2]);
    let pinned = &pinning(&survey).routers[0];
    assert_eq!(
        (pinned.backend.name.as_str(), pinned.port),
        ("web-shop", 443)
    );
}

#[test]
fn requests_go_past_an_entry_point_that_redirects() {
    let mut arguments = ARGUMENTS.to_vec();
    arguments.extend([
        (
            "entrypoints.web.http.redirections.entrypoint.to",
            "websecure",
        ),
        ("entrypoints.websecure.address", ":443"),
        ("entrypoints.websecure.http.tls", "true"),
    ]);
    let survey = survey_of(&arguments, &ROUTED);
    assert_eq!(doors(&survey), ["https 127.0.0.1:8443 a.test/"]);
}

#[test]
fn only_default_entry_points_count_where_a_router_names_none() {
    let mut arguments = ARGUMENTS.to_vec();
    arguments.extend([
        ("entrypoints.secure.address", ":443"),
        ("entrypoints.secure.asdefault", "true"),
        ("entrypoints.dns.address", ":53/udp"),
    ]);
    let survey = survey_of(&arguments, &ROUTED);
    assert_eq!(survey.routes[0].entry_points, ["secure"]);
}

#[test]
fn what_is_not_steered_says_why() {
    let is = |arguments: &[(&str, &str)], labels: &[(&str, &str)], wanted: &str| {
        let survey = survey_of(arguments, labels);
        assert!(reason(&survey).contains(wanted), "{}", reason(&survey));
    };
    is(&ARGUMENTS, &[], "does not expose");
    is(
        &ARGUMENTS,
        &[
            ROUTED[0],
            ("traefik.tcp.routers.db.rule", "HostSNI(`*`)"),
            ("traefik.tcp.services.db.loadbalancer.server.port", "5432"),
        ],
        "only TCP or UDP",
    );
    let mut constrained = ARGUMENTS.to_vec();
    constrained.push(("providers.docker.constraints", "Label(`tier`, `front`)"));
    is(&constrained, &ROUTED, "constraints");
    let mut bound = ARGUMENTS.to_vec();
    bound.push(("providers.docker.usebindportip", "true"));
    is(&bound, &ROUTED, "bound host ports");
    let mut strange = ARGUMENTS.to_vec();
    strange.push(("providers.docker.defaultrule", "{{ if true }}x{{ end }}"));
    is(&strange, &ROUTED[..1], "can't evaluate");
    let fixed = [
        ROUTED[0],
        ROUTED[1],
        (
            "traefik.http.services.web.loadbalancer.server.url",
            "http://x",
        ),
    ];
    is(&ARGUMENTS, &fixed, "fixed address");
}

/// It is asked in Traefik's own network, as a trial finds out before anything changes.
#[test]
fn an_entry_point_that_can_not_be_reached_from_here_is_steered() {
    let hidden = [("entrypoints.web.address", ":81"), ARGUMENTS[1]];
    let survey = survey_of(&hidden, &ROUTED);
    assert_eq!(pinning(&survey).doors, [None]);
}

#[test]
fn a_router_without_room_above_it_is_not_steered() {
    let mut labels = ROUTED.to_vec();
    let highest = i64::MAX.to_string();
    labels.push(("traefik.http.routers.web.priority", &highest));
    let survey = survey_of(&ARGUMENTS, &labels);
    let told = survey
        .verdicts
        .iter()
        .any(|it| it.reason.contains("leaves no room"));
    assert!(told, "{:?}", survey.verdicts);
}

#[test]
fn a_longer_rule_of_the_same_service_is_left_alone() {
    let mut labels = ROUTED.to_vec();
    labels.extend([
        (
            "traefik.http.routers.api.rule",
            "Host(`a.test`) && Path(`/reports`)",
        ),
        ("traefik.http.routers.near.rule", "HostRegexp(`.+`)"),
        ("traefik.http.routers.near.priority", "16"),
        ("traefik.http.routers.other.rule", "Host(`a.test1`)"),
    ]);
    let survey = survey_of(&ARGUMENTS, &labels);
    let routers = &pinning(&survey).routers;
    let web = routers
        .iter()
        .find(|pinned| pinned.router.name == "web")
        .unwrap();
    // `Host(`a.test`)` has priority 14; 34 is out of reach of its pins, 16 is not. No request for
    // `a.test1` can be one for `a.test`.
    assert_eq!(web.shadows, ["HostRegexp(`.+`)"]);
}

#[test]
fn changed_labels_clash_and_new_names_do_not() {
    let clash = |changed: &[(&str, &str)]| {
        let file_labels = ROUTED
            .iter()
            .chain(changed)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let survey =
            surroundings(&ARGUMENTS).survey(&[container("web-1", &ROUTED)], Some(&file_labels));
        survey
            .verdicts
            .into_iter()
            .map(|verdict| (verdict.level, verdict.code, verdict.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(clash(&[]), []);
    assert_eq!(
        clash(&[("traefik.http.routers.new.rule", "Host(`b.test`)")]),
        []
    );
    // Traefik merges servers, whatever their ports.
    assert_eq!(
        clash(&[("traefik.http.services.web.loadbalancer.server.port", "81")]),
        []
    );
    for changed in [
        ("traefik.http.routers.web.rule", "Host(`b.test`)"),
        ("traefik.http.routers.web.priority", "7"),
        (
            "traefik.http.services.web.loadbalancer.passhostheader",
            "false",
        ),
    ] {
        let found = clash(&[changed]);
        assert_eq!(found.len(), 1, "{changed:?}: {found:?}");
        assert_eq!(
            (found[0].0, found[0].1),
            (Level::Refused, VerdictCode::RouteClash)
        );
    }
}

#[test]
fn a_default_rule_with_the_containers_name_makes_every_second_container_clash() {
    let mut arguments = ARGUMENTS.to_vec();
    arguments.push((
        "providers.docker.defaultrule",
        "Host(`{{ .ContainerName }}.test`)",
    ));
    let labels = [ROUTED[0], ROUTED[2]];
    let file_labels = BTreeMap::from(labels.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let survey =
        surroundings(&arguments).survey(&[container("web-1", &labels)], Some(&file_labels));
    assert_eq!(doors(&survey), ["http 127.0.0.1:8000 web-1.test/"]);
    assert_eq!(survey.verdicts[0].code, VerdictCode::RouteClash);
}

#[test]
fn other_traefiks_and_tcp_routers_are_warned_of() {
    let mut surroundings = surroundings(&ARGUMENTS);
    let mut second = traefik(&ARGUMENTS);
    second.name = "second".into();
    surroundings.gateways.push(second);
    let mut labels = ROUTED.to_vec();
    labels.push(("traefik.tcp.routers.db.rule", "HostSNI(`*`)"));
    let survey = surroundings.survey(&[container("web-1", &labels)], None);
    let reasons: Vec<_> = survey
        .verdicts
        .iter()
        .map(|verdict| verdict.reason.as_str())
        .collect();
    assert_eq!(survey.verdicts.len(), 2, "{reasons:?}");
    assert!(
        reasons[0] == "TCP router `db` is not steered" && reasons[1].contains("second"),
        "{reasons:?}"
    );
    assert!(
        survey
            .verdicts
            .iter()
            .all(|verdict| verdict.level == Level::Warning)
    );
}

#[test]
fn a_router_of_traefiks_file_that_leads_to_the_service_is_carried_over() {
    let mut surroundings = surroundings(&ARGUMENTS);
    let routers = json!([
        {
            "name": "outer@file",
            "rule": "Host(`outer.test`)",
            "priority": 20,
            "entryPoints": ["web"],
            "middlewares": ["guard", "strip@docker"],
            "service": "web@docker",
            "status": "enabled",
            "tls": { "options": "modern", "certResolver": "le" },
        },
        { "name": "elsewhere@file", "rule": "Host(`x`)", "entryPoints": ["web"], "service": "y@file" },
        { "name": "teal-pin-0-g1-web@docker", "rule": "Host(`a.test`) ", "priority": 15,
          "entryPoints": ["web"], "service": "teal-pin-0-g1-web" },
    ]);
    tells(&mut surroundings, routers, json!([]), json!([]));
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    let routers = &pinning(&survey).routers;
    let names: Vec<_> = routers
        .iter()
        .map(|pinned| pinned.router.name.as_str())
        .collect();
    assert_eq!(names, ["web", "outer"]);
    assert!(routers[0].shadows.is_empty(), "{:?}", routers[0].shadows);
    let outer = &routers[1].router;
    assert_eq!((outer.priority, outer.tls), (20, true));
    assert_eq!(outer.middlewares, ["guard@file", "strip@docker"]);
    assert_eq!(outer.options.get("tls.options"), Some("modern@file"));
    assert_eq!(outer.options.get("tls.certresolver"), Some("le"));
}

#[test]
fn what_can_not_weigh_says_why() {
    let weighs = |version: Option<&str>, labels: &[(&str, &str)]| {
        let mut surroundings = surroundings(&ARGUMENTS);
        surroundings.gateways[0].version = version.map(str::to_owned);
        let survey = surroundings.survey(&[container("web-1", labels)], None);
        survey.can_weigh()
    };
    assert_eq!(weighs(Some("3.0.4"), &ROUTED), Ok(()));
    let refused = |version, labels: &[(&str, &str)], words| {
        let reason = weighs(version, labels).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    };
    refused(None, &ROUTED, "tells its version");
    refused(Some("2.11.3"), &ROUTED, "is version 2.11");
    refused(Some("3.7.1"), &ROUTED[1..], "does not expose the service");
    let mut labels = ROUTED.to_vec();
    labels.push(("traefik.http.services.web.loadbalancer.strategy", "p2c"));
    refused(Some("3.7.1"), &labels, "`p2c`, which knows no weights");
    labels[3].1 = "hrw";
    assert_eq!(weighs(Some("3.7.1"), &labels), Ok(()));
}

fn pinning(survey: &Survey) -> &Pinning {
    match survey.steering.as_ref().unwrap() {
        Steering::Pins(pinning) => pinning,
        Steering::Edge(_) | Steering::TakeOver(_) => panic!("no edge is there"),
    }
}

/// A running container of another project.
fn neighbour(labels: &[(&str, &str)]) -> ContainerSummary {
    let mut labels: HashMap<_, _> = labels.iter().copied().collect();
    labels.insert("com.docker.compose.project", "blog");
    labels.insert("com.docker.compose.service", "web");
    serde_json::from_value(json!({ "Id": "blog", "Names": ["/blog-web-1"], "Labels": labels }))
        .unwrap()
}

#[test]
fn names_that_another_project_has_too_are_told() {
    let verdicts = |changed: &[(&str, &str)], arguments: &[(&str, &str)]| {
        let mut labels: HashMap<_, _> = ROUTED.into_iter().collect();
        labels.extend(changed.iter().copied());
        let labels: Vec<_> = labels.into_iter().collect();
        let mut surroundings = surroundings(arguments);
        surroundings.containers = vec![neighbour(&labels)];
        let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
        let told = survey.verdicts.into_iter();
        told.map(|verdict| (verdict.level, verdict.code, verdict.reason))
            .collect::<Vec<_>>()
    };
    let rule = "traefik.http.routers.web.rule";
    let found = verdicts(&[(rule, "Host(`b.test`)")], &ARGUMENTS);
    assert_eq!(
        (found[0].0, found[0].1),
        (Level::Refused, VerdictCode::RouteClash)
    );
    assert!(
        found[0]
            .2
            .contains("`blog-web-1` of project `blog` defines Traefik's router `web`"),
        "{found:?}"
    );
    let found = verdicts(&[], &ARGUMENTS);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Level::Warning);
    assert!(found[0].2.contains("service `web`"), "{found:?}");

    // What Traefik does not look at can't be in the way.
    assert_eq!(verdicts(&[("traefik.enable", "false")], &ARGUMENTS), []);
    let mut arguments = ARGUMENTS.to_vec();
    arguments.push((
        "providers.docker.constraints",
        "Label(`com.docker.compose.project`,`shop`)",
    ));
    assert_eq!(verdicts(&[(rule, "Host(`b.test`)")], &arguments), []);
}

#[test]
fn a_router_that_traefik_does_not_serve_is_left_alone() {
    let mut labels = ROUTED.to_vec();
    labels.push(("traefik.http.routers.web.middlewares", "gone@docker"));
    let told = |surroundings: &Surroundings| {
        let survey = surroundings.survey(&[container("web-1", &labels)], None);
        assert_eq!(survey.verdicts.len(), 1, "{:?}", survey.verdicts);
        assert_eq!(survey.verdicts[0].code, VerdictCode::NoRoute);
        assert_eq!(reason(&survey), survey.verdicts[0].reason);
        survey.verdicts[0].reason.clone()
    };
    let mut surroundings = surroundings(&ARGUMENTS);
    let by_labels = told(&surroundings);
    assert!(
        by_labels.contains("middleware `gone@docker`"),
        "{by_labels}"
    );

    surroundings.containers = vec![neighbour(&[
        ("traefik.http.middlewares.gone.compress", "true"),
        ROUTED[0],
    ])];
    let survey = surroundings.survey(&[container("web-1", &labels)], None);
    assert!(survey.steering.is_some(), "{survey:?}");

    let router = |status: &str| {
        json!([{
            "name": "web@docker",
            "rule": "Host(`a.test`)",
            "service": "web",
            "status": status,
            "error": ["middleware \"gone@docker\" does not exist"],
        }])
    };
    let of_api = |surroundings: &mut Surroundings, status| {
        tells(surroundings, router(status), json!([]), json!([]));
    };
    of_api(&mut surroundings, "disabled");
    assert!(told(&surroundings).contains("does not exist"));
    of_api(&mut surroundings, "warning");
    let survey = surroundings.survey(&[container("web-1", &labels)], None);
    assert!(survey.steering.is_some(), "{survey:?}");
}

#[test]
fn a_service_for_tcp_alone_is_not_steered_and_says_so() {
    let labels = [
        ROUTED[0],
        ("traefik.tcp.routers.db.rule", "HostSNI(`*`)"),
        ("traefik.udp.routers.log.entrypoints", "syslog"),
        ("traefik.tcp.services.db.loadbalancer.server.port", "5432"),
    ];
    let survey = survey_of(&ARGUMENTS, &labels);
    assert_eq!(
        reason(&survey),
        "only TCP or UDP routers lead to the service"
    );
    let reasons: Vec<_> = survey
        .verdicts
        .iter()
        .map(|verdict| &verdict.reason)
        .collect();
    assert_eq!(
        reasons,
        [
            "TCP router `db` is not steered",
            "UDP router `log` is not steered"
        ]
    );
    assert!(survey.verdicts[0].meaning.contains("cut when it stops"));
    // A service for TCP keeps Traefik from making an HTTP router of its own, too.
    let survey = survey_of(&ARGUMENTS, &[ROUTED[0], labels[3]]);
    assert_eq!(
        reason(&survey),
        "only TCP or UDP routers lead to the service"
    );
}

#[test]
fn an_engine_that_no_helper_runs_on_is_told_before_anything_changes() {
    let mut surroundings = surroundings(&ARGUMENTS);
    surroundings.architecture = "riscv64".into();
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    assert!(reason(&survey).contains("`riscv64`"), "{survey:?}");
    assert!(survey.steering.is_none());
    assert_eq!(survey.routes.len(), 1, "the route is there all the same");
    needs_force(&survey, "`riscv64`");
}

fn needs_force(survey: &Survey, words: &str) {
    let found: Vec<_> = survey
        .verdicts
        .iter()
        .filter(|verdict| verdict.level == Level::NeedsForce)
        .collect();
    assert_eq!(found.len(), 1, "{:?}", survey.verdicts);
    assert_eq!(found[0].code, VerdictCode::NoRoute);
    assert!(found[0].reason.contains(words), "{}", found[0].reason);
}

#[test]
fn routes_that_nothing_steers_need_force() {
    let with = |key, value| {
        let mut arguments = ARGUMENTS.to_vec();
        arguments.push((key, value));
        survey_of(&arguments, &ROUTED)
    };
    needs_force(
        &with("providers.docker.usebindportip", "true"),
        "bound host ports",
    );
    let mut old = surroundings(&ARGUMENTS);
    old.gateways[0].version = Some("2.11.3".into());
    let survey = old.survey(&[container("web-1", &ROUTED)], None);
    needs_force(&survey, "is version 2.11");
    let strange = [
        ARGUMENTS[0],
        ARGUMENTS[1],
        ("providers.docker.defaultrule", "{{ if true }}x{{ end }}"),
    ];
    needs_force(&survey_of(&strange, &ROUTED[..1]), "can't evaluate");
    // Nothing comes to it by a Traefik that does not expose it.
    assert_eq!(survey_of(&ARGUMENTS, &[]).verdicts, []);
}

#[test]
fn a_router_that_traefik_drops_leaves_the_others_steered() {
    let labels = [
        ROUTED[0],
        ROUTED[1],
        ("traefik.http.routers.web.service", "web"),
        ROUTED[2],
        (
            "traefik.http.routers.metrics.rule",
            "PathPrefix(`/metrics`)",
        ),
        (
            "traefik.http.services.metrics.loadbalancer.server.port",
            "9090",
        ),
    ];
    let survey = survey_of(&ARGUMENTS, &labels);
    assert!(survey.steering.is_some(), "{survey:?}");
    assert_eq!(survey.routes.len(), 1, "{:?}", survey.routes);
    assert_eq!(survey.verdicts.len(), 1, "{:?}", survey.verdicts);
    let verdict = &survey.verdicts[0];
    assert_eq!(verdict.level, Level::Warning);
    assert!(verdict.reason.contains("router `metrics`"), "{verdict:?}");
}

#[test]
fn a_route_by_way_of_another_service_is_named() {
    let mut surroundings = surroundings(&ARGUMENTS);
    tells(
        &mut surroundings,
        json!([
            { "name": "web@docker", "rule": "Host(`a.test`)", "entryPoints": ["web"],
              "service": "web", "status": "enabled" },
            { "name": "shop@file", "rule": "Host(`b.test`)", "entryPoints": ["web"],
              "service": "canary", "status": "enabled" },
            { "name": "off@file", "rule": "Host(`c.test`)", "entryPoints": ["web"],
              "service": "canary@file", "status": "disabled" },
        ]),
        json!([{ "name": "canary@file", "weighted": { "services": [
            { "name": "web@docker", "weight": 9 }, { "name": "next@docker", "weight": 1 } ] } }]),
        json!([{ "name": "pages@file", "errors": { "service": "web@docker" } }]),
    );
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    needs_force(&survey, "router `shop@file` is not steered");
    assert!(survey.steering.is_some(), "the other is: {survey:?}");
    let pages = survey
        .verdicts
        .iter()
        .find(|it| it.reason.contains("pages@file"));
    assert_eq!(pages.unwrap().level, Level::Warning);
}

#[test]
fn a_router_of_another_container_is_steered_too() {
    let mut surroundings = surroundings(&ARGUMENTS);
    surroundings.containers = vec![neighbour(&[
        ROUTED[0],
        ("traefik.http.routers.alias.rule", "Host(`alias.test`)"),
        ("traefik.http.routers.alias.service", "web"),
        ("traefik.http.services.own.loadbalancer.server.port", "80"),
    ])];
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    let names: Vec<_> = pinning(&survey)
        .routers
        .iter()
        .map(|pinned| pinned.router.name.as_str())
        .collect();
    assert_eq!(names, ["web", "alias"]);
}

#[test]
fn routes_that_can_not_be_known_are_told_of() {
    let mut arguments = ARGUMENTS.to_vec();
    arguments.push(("providers.file.directory", "/routes"));
    let unpromised = |surroundings: &Surroundings| {
        let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
        assert!(survey.steering.is_some(), "{survey:?}");
        survey.unpromised(true, true)
    };
    let mut surroundings = surroundings(&arguments);
    let told = unpromised(&surroundings);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("(`file`)"), "{told:?}");
    tells(&mut surroundings, json!([]), json!([]), json!([]));
    assert_eq!(unpromised(&surroundings), Vec::<String>::new());
}

fn limited(survey: &Survey) -> Limited {
    survey.doors_to(None)[0].1.limited.clone()
}

#[test]
fn nothing_is_asked_where_requests_are_counted() {
    let limits = |arguments: &[(&str, &str)], labels: &[(&str, &str)]| {
        let mut all = ROUTED.to_vec();
        all.extend(labels);
        survey_of(arguments, &all)
    };
    let capped = [
        ("traefik.http.routers.web.middlewares", "all"),
        (
            "traefik.http.middlewares.all.chain.middlewares",
            "strip, cap@docker",
        ),
        ("traefik.http.middlewares.strip.stripprefix.prefixes", "/a"),
        ("traefik.http.middlewares.cap.rateLimit.average", "20"),
    ];
    let survey = limits(&ARGUMENTS, &capped);
    assert_eq!(limited(&survey), Limited::By("all".into()));
    assert_eq!(survey.doors_to(None).len(), 1, "a pin's route goes past it");

    let unseen = [
        ("traefik.http.routers.web.middlewares", "strip,guard@file"),
        capped[2],
    ];
    let survey = limits(&ARGUMENTS, &unseen);
    assert_eq!(limited(&survey), Limited::Perhaps("guard@file".into()));
    assert!(survey.unpromised(true, true)[0].contains("`guard@file`"));
    assert_eq!(limited(&limits(&ARGUMENTS, &[])), Limited::No);

    // Every request through such an entry point counts.
    let mut arguments = ARGUMENTS.to_vec();
    arguments.push(("entrypoints.web.http.middlewares", "[\"cap@docker\"]"));
    let survey = limits(&arguments, &capped[3..]);
    needs_force(&survey, "`cap@docker` counts the requests");
    let mut surroundings = surroundings(&arguments);
    tells(
        &mut surroundings,
        json!([]),
        json!([]),
        json!([{ "name": "cap@docker", "inFlightReq": { "amount": 10 } }]),
    );
    let survey = surroundings.survey(&[container("web-1", &ROUTED)], None);
    assert!(survey.steering.is_some(), "by the API: {survey:?}");
    assert!(survey.doors_to(None).is_empty(), "{survey:?}");
}

#[test]
fn a_path_that_is_known_to_answer_is_tried_where_the_usual_one_proves_nothing() {
    let mut labels = ROUTED.to_vec();
    labels.extend([
        (
            "traefik.http.services.web.loadbalancer.healthcheck.path",
            "/ready",
        ),
        ("dev.teal.health", "http:8080/live"),
    ]);
    let survey = survey_of(&ARGUMENTS, &labels);
    assert_eq!(doors(&survey), ["http 127.0.0.1:8000 a.test/live"]);
    let (_, door) = &survey.doors_to(None)[0];
    assert_eq!(door.other_paths, ["/ready", "/"]);
}
