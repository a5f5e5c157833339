//! What a service is for besides answering requests; the corpus has the names and words.

use super::*;

/// A service that nothing leads to.
fn alone(key: &str, value: Value) -> Case {
    Case {
        routes: vec![],
        ports: vec![],
        ..Case::with(key, value)
    }
}

/// What stands in the way, besides what is only warned of.
fn in_the_way(case: &Case) -> Vec<Verdict> {
    let mut verdicts = case.verdicts();
    verdicts.retain(|verdict| verdict.level > Level::Warning);
    verdicts
}

fn needs_force(case: &Case, code: VerdictCode) {
    let found: Vec<_> = in_the_way(case)
        .iter()
        .map(|it| (it.level, it.code))
        .collect();
    assert_eq!(found, [(Level::NeedsForce, code)]);
}

fn can_roll(case: &Case) {
    assert_eq!(in_the_way(case), []);
}

#[test]
fn duties_of_one_need_force_and_say_why() {
    let mut scheduler = alone("command", json!(["celery", "-A", "shop", "beat"]));
    needs_force(&scheduler, VerdictCode::Scheduler);
    let verdict = &scheduler.verdicts()[0];
    assert_eq!(verdict.readiness, Readiness::NotForBlueGreen);
    assert!(verdict.meaning.contains("twice"), "{}", verdict.meaning);
    // It stays one where requests lead to it, too.
    scheduler.ports = vec![8080];
    needs_force(&scheduler, VerdictCode::Scheduler);

    needs_force(
        &alone("image", json!("containrrr/watchtower")),
        VerdictCode::HostAgent,
    );
    needs_force(&alone("pid", json!("host")), VerdictCode::HostAgent);
    needs_force(
        &alone("image", json!("example/telegram-bot")),
        VerdictCode::Singleton,
    );
}

#[test]
fn who_mounts_the_machine_looks_after_it() {
    let mounting = |source: &str| {
        alone(
            "volumes",
            json!([{"type": "bind", "source": source, "target": "/host", "read_only": true}]),
        )
    };
    for source in ["/", "/proc", "/sys/", "/var/log", "/var/lib/docker/"] {
        needs_force(&mounting(source), VerdictCode::HostAgent);
    }
    for source in [
        "/var/log/nginx",
        "/etc/localtime",
        "/srv/shop",
        "/var/run/docker.sock",
    ] {
        can_roll(&mounting(source));
    }
}

#[test]
fn jobs_and_tools_are_told_from_services_by_more_than_a_name() {
    let mut job = alone("command", json!(["python", "manage.py", "migrate"]));
    job.model["services"]["web"]["healthcheck"] = Value::Null;
    let code = |case: &Case| {
        let verdicts = case.verdicts();
        (verdicts[0].level, verdicts[0].code)
    };
    assert_eq!(code(&job), (Level::NeedsForce, VerdictCode::OneShot));
    for (key, value) in [
        ("restart", json!("unless-stopped")),
        (
            "healthcheck",
            json!({"test": ["CMD", "true"], "interval": "5s"}),
        ),
        ("ports", json!([{"target": 80, "published": "8080"}])),
        (
            "labels",
            json!({"traefik.http.routers.w.rule": "Host(`w`)"}),
        ),
        (
            "command",
            json!(["sh", "-c", "python manage.py migrate && gunicorn shop.wsgi"]),
        ),
    ] {
        let mut service = alone(key, value.clone());
        let web = &mut service.model["services"]["web"];
        if key != "healthcheck" {
            web["healthcheck"] = Value::Null;
        }
        if key != "command" {
            web["command"] = json!(["python", "manage.py", "migrate"]);
        }
        let verdicts = service.verdicts();
        let is_job = verdicts.iter().any(|it| it.code == VerdictCode::OneShot);
        assert!(!is_job, "{key}: {verdicts:#?}");
    }
}

#[test]
fn a_job_on_a_databases_image_is_a_job_alone() {
    let mut case = alone("image", json!("mongo:7"));
    case.model["services"]["web"]["command"] = json!(["bash", "-c", "seed"]);
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_completed_successfully"}}});
    let codes: Vec<_> = case.verdicts().iter().map(|it| it.code).collect();
    assert!(codes.contains(&VerdictCode::OneShot), "{codes:?}");
    assert!(!codes.contains(&VerdictCode::Stateful), "{codes:?}");
}

#[test]
fn devices_and_gpus_need_force() {
    let devices = |source: &str| alone("devices", json!([{"source": source, "target": source}]));
    needs_force(&devices("/dev/ttyUSB0"), VerdictCode::Device);
    can_roll(&devices("/dev/net/tun"));
    // As an older Compose prints it.
    needs_force(
        &alone("devices", json!(["/dev/ttyUSB0:/dev/ttyUSB0:rwm"])),
        VerdictCode::Device,
    );
    needs_force(&alone("gpus", json!([{"count": -1}])), VerdictCode::Device);
    needs_force(&alone("runtime", json!("nvidia")), VerdictCode::Device);
    let reserved = json!({"devices": [{"capabilities": ["gpu"], "count": 1}]});
    let resources = json!({"resources": {"reservations": reserved}});
    let case = alone("deploy", resources);
    needs_force(&case, VerdictCode::Device);
    assert!(case.verdicts()[0].meaning.contains("memory"));
    can_roll(&alone(
        "deploy",
        json!({"resources": {"reservations": {"memory": "67108864"}}}),
    ));
}

#[test]
fn a_job_is_told_of_neither_callers_nor_a_check() {
    let mut case = alone("restart", json!("no"));
    case.model["services"]["web"]["healthcheck"] = Value::Null;
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_completed_successfully"}}});
    case.is(Level::Refused, VerdictCode::OneShot);
}

#[test]
fn what_cannot_run_twice_is_told_of_no_check() {
    let mut case = alone("network_mode", json!("host"));
    case.model["services"]["web"]["healthcheck"] = Value::Null;
    case.is(Level::Refused, VerdictCode::NetworkMode);
}

#[test]
fn a_worker_that_others_wait_for_is_not_called() {
    let mut case = alone("command", json!(["celery", "-A", "shop", "worker"]));
    case.model["services"]["flower"] = json!({"depends_on": {"web": {}}});
    case.is_ready();
    // A name alone makes none of what others wait for.
    let mut case = alone("deploy", json!({"replicas": 3}));
    case.ports = vec![];
    case.model["services"]["web"]["healthcheck"] = Value::Null;
    let is_worker = |case: &Case| {
        let verdicts = case.verdicts();
        verdicts
            .iter()
            .any(|verdict| verdict.reason.contains("nothing calls it"))
    };
    assert!(is_worker(&case));
    case.model["services"]["nginx"] = json!({"depends_on": {"web": {}}});
    assert!(!is_worker(&case));
}

#[test]
fn an_edge_is_not_offered_to_an_agent_of_the_host() {
    let mut case = alone("pid", json!("host"));
    case.model["services"]["web"]["ports"] = json!([{"target": 9100, "published": "9100"}]);
    let fixes: Vec<_> = case
        .verdicts()
        .into_iter()
        .filter_map(|it| it.fix)
        .collect();
    assert_eq!(fixes, []);
}
