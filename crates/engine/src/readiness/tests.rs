//! Each verdict from the facts that call for it, and none from those that only look like it.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use super::{Facts, Found, Wish, nearest, stateful, verdicts};
use crate::{
    compose::ComposeModel,
    model::{
        ContainerState, EngineInfo, Fix, Health, HealthCheck, HostPort, Level, Limits, Memory,
        Readiness, Replica, Route, Verdict, VerdictCode,
    },
};

/// A service that is ready, and what a test changes about it.
struct Case {
    model: Value,
    replicas: Vec<Replica>,
    image_health: Option<HealthCheck>,
    image_volumes: Vec<String>,
    routes: Vec<Route>,
    wish: Option<Wish>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            model: json!({"name": "shop", "services": {"web": {
                "image": "example/web:1",
                "healthcheck": {"test": ["CMD", "true"], "interval": "5s", "timeout": "5s"},
            }}}),
            replicas: vec![replica(ContainerState::Running)],
            image_health: None,
            image_volumes: Vec::new(),
            routes: vec![Route {
                router: "web".into(),
                rule: "Host(`shop.localhost`)".into(),
                entry_points: vec!["web".into()],
                tls: false,
                url: None,
            }],
            wish: None,
        }
    }
}

impl Case {
    fn with(key: &str, value: Value) -> Self {
        let mut case = Self::default();
        case.model["services"]["web"][key] = value;
        case
    }

    fn wishing(limits: Limits) -> Self {
        Self {
            wish: Some(Wish {
                limits,
                memory_in_use: None,
                engine_in_use: None,
                cores_in_use: None,
            }),
            ..Self::default()
        }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let model: ComposeModel = serde_json::from_value(self.model.clone()).unwrap();
        let engine = EngineInfo {
            id: "engine".into(),
            name: "here".into(),
            version: "20.10.24".into(),
            api_version: "1.41".into(),
            compose_version: "5.6.1".into(),
            cpus: 2,
            memory: "2g".parse().unwrap(),
        };
        verdicts(&Facts {
            name: "web",
            model: &model,
            service: &model.services["web"],
            directory: Path::new("/srv/shop"),
            found: Some(Found {
                replicas: &self.replicas,
                image_health: self.image_health.as_ref(),
                image_volumes: &self.image_volumes,
                routes: &self.routes,
            }),
            health_timeout: Duration::from_secs(120),
            engine: &engine,
            wish: self.wish,
        })
    }

    /// The one verdict that there is.
    fn only(&self) -> (Level, VerdictCode, String) {
        let verdicts = self.verdicts();
        let [verdict] = verdicts.as_slice() else {
            panic!("wanted one verdict: {verdicts:#?}");
        };
        assert!(!verdict.remedy.is_empty(), "{verdict:?}");
        (verdict.level, verdict.code, verdict.reason.clone())
    }

    fn is(&self, level: Level, code: VerdictCode) {
        let (found_level, found_code, reason) = self.only();
        assert_eq!((found_level, found_code), (level, code), "{reason}");
    }

    fn is_ready(&self) {
        assert_eq!(self.verdicts(), []);
    }
}

fn replica(state: ContainerState) -> Replica {
    Replica {
        id: "0123456789ab".into(),
        name: "shop-web-1".into(),
        number: 1,
        state,
        exit_code: None,
        health: Health::Healthy,
        limits: limits("1", "512M"),
        started_at: None,
        image_id: "sha256:0".into(),
        rollout: None,
    }
}

fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    }
}

fn memory(amount: &str) -> Limits {
    Limits {
        cpus: None,
        memory: Some(amount.parse().unwrap()),
    }
}

#[test]
fn a_plain_service_is_ready() {
    Case::default().is_ready();
    Case::wishing(limits("1.5", "768M")).is_ready();
}

#[test]
fn what_was_never_started_has_no_blue() {
    let mut case = Case {
        replicas: vec![],
        ..Case::default()
    };
    case.is(Level::Refused, VerdictCode::NotRunning);
    case.replicas = vec![replica(ContainerState::Paused)];
    case.is(Level::Refused, VerdictCode::NotRunning);
}

#[test]
fn a_dead_blue_is_replaced() {
    use ContainerState::{Created, Dead, Exited, Removing, Restarting};

    for state in [Created, Dead, Exited, Removing, Restarting] {
        let case = Case {
            replicas: vec![replica(state)],
            ..Case::default()
        };
        case.is(Level::Warning, VerdictCode::DeadBlue);
    }
    let mut case = Case::with("scale", json!(2));
    case.replicas = vec![replica(Exited), replica(ContainerState::Running)];
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::DeadBlue));
    assert_eq!(reason, "1 of its 2 containers has ended");
}

#[test]
fn only_replicated_services_roll() {
    for mode in ["replicated-job", "global-job"] {
        Case::with("deploy", json!({"mode": mode})).is(Level::Refused, VerdictCode::OneShot);
    }
    Case::with("deploy", json!({"mode": "global"})).is(Level::Refused, VerdictCode::GlobalMode);
    Case::with("deploy", json!({"mode": "replicated"})).is_ready();
}

#[test]
fn a_job_is_told_from_a_service_that_was_stopped() {
    let ended = Replica {
        exit_code: Some(0),
        ..replica(ContainerState::Exited)
    };
    let mut case = Case {
        model: json!({"name": "shop", "services": {"web": {"image": "example/migrate:1"}}}),
        replicas: vec![ended.clone()],
        routes: vec![],
        ..Case::default()
    };
    let is_job = |case: &Case| {
        let verdicts = case.verdicts();
        let has = |code| verdicts.iter().any(|verdict| verdict.code == code);
        assert!(
            !has(VerdictCode::DeadBlue) || !has(VerdictCode::OneShot),
            "{verdicts:#?}"
        );
        has(VerdictCode::OneShot)
    };
    assert!(is_job(&case));
    case.model["services"]["web"]["restart"] = json!("always");
    assert!(!is_job(&case));
    case.model["services"]["web"]["restart"] = json!("no");
    case.model["services"]["web"]["ports"] = json!([{"target": 80}]);
    assert!(!is_job(&case));
    case.model["services"]["web"]["ports"] = json!([]);
    case.replicas[0].exit_code = Some(1);
    assert!(!is_job(&case));

    case.replicas = vec![];
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_completed_successfully"}}});
    assert!(is_job(&case));
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_healthy"}}});
    assert!(!is_job(&case));
}

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
    Case::with("ports", ports(json!("8080-8081"))).is_ready();
    Case::with("ports", ports(json!("0"))).is_ready();
    Case::with("ports", ports(Value::Null)).is_ready();
    Case::with("ports", json!([{"target": 80}])).is_ready();
}

#[test]
fn a_range_of_ports_has_to_hold_both_sets() {
    let mut case = Case::with(
        "ports",
        json!([{"target": 80, "published": "8080-8083", "protocol": "tcp"}]),
    );
    case.model["services"]["web"]["scale"] = json!(2);
    case.replicas = vec![replica(ContainerState::Running); 2];
    case.is_ready();
    case.model["services"]["web"]["scale"] = json!(3);
    case.replicas = vec![replica(ContainerState::Running); 3];
    case.is(Level::Refused, VerdictCode::HostPort);
}

#[test]
fn what_an_edge_cant_take_over_stays() {
    let udp = json!([{"target": 53, "published": "53", "protocol": "udp"}]);
    let range = json!([{"target": 80, "published": "8080-8081", "protocol": "tcp"}]);
    let mut ranged = Case::with("ports", range);
    ranged.model["services"]["web"]["scale"] = json!(2);
    ranged.replicas = vec![replica(ContainerState::Running); 2];
    for case in [Case::with("ports", udp), ranged] {
        case.is(Level::Refused, VerdictCode::HostPort);
        let verdict = &case.verdicts()[0];
        assert_eq!(verdict.fix, None);
        assert_eq!(verdict.readiness, Readiness::NotForBlueGreen);
    }
    let mut case = Case::with("image", json!("postgres:16"));
    case.model["services"]["web"]["ports"] = json!([{"target": 5432, "published": "5432"}]);
    assert!(case.verdicts().iter().all(|verdict| verdict.fix.is_none()));
}

#[test]
fn known_stateful_images_need_force() {
    Case::with("image", json!("postgres:16-alpine")).is(Level::NeedsForce, VerdictCode::Stateful);
    Case::with("image", json!("traefik:v3.7")).is(Level::Refused, VerdictCode::Proxy);
}

#[test]
fn stateful_images_are_known_by_the_parts_of_their_names() {
    for image in [
        "postgres",
        "postgres:16",
        "docker.io/library/postgres:16@sha256:0123",
        "registry.example.com:5000/team/postgres",
        "bitnami/postgresql-repmgr:16",
        "timescale/timescaledb-ha:pg16",
        "mysql/mysql-server",
        "mcr.microsoft.com/mssql/server:2022-latest",
        "clickhouse/clickhouse-server",
        "mongodb/mongodb-community-server",
        "redis/redis-stack-server",
        "confluentinc/cp-kafka",
        "rabbitmq:3-management",
        "docker.elastic.co/elasticsearch/elasticsearch:8.13.0",
        "grafana/loki",
        "minio/minio",
        "registry:2",
        "Postgres",
    ] {
        assert!(stateful::kind(image).is_some(), "{image}");
    }
    for image in [
        "example/web",
        "nginx",
        "traefik:v3.7",
        "prometheuscommunity/postgres-exporter",
        "oliver006/redis_exporter",
        "mongo-express",
        "rediscommander/redis-commander",
        "phpmyadmin/phpmyadmin",
        "dpage/pgadmin4",
        "provectuslabs/kafka-ui",
        "natsio/nats-box",
        "example/postgreslike",
        "postgres/api",
        "example/server",
        "registry.example.com:5000/api",
        "example/loki",
        "mysqld-monitor",
        "",
    ] {
        assert_eq!(stateful::kind(image), None, "{image}");
    }
}

#[test]
fn volumes_that_both_sets_write_need_force() {
    let volume = |volume: Value| Case::with("volumes", json!([volume]));
    let shared = |case: Case| case.is(Level::NeedsForce, VerdictCode::SharedVolume);

    shared(volume(
        json!({"type": "volume", "source": "data", "target": "/d", "volume": {}}),
    ));
    shared(volume(
        json!({"type": "bind", "source": "/srv", "target": "/d", "bind": {}}),
    ));
    shared(Case::with("volumes_from", json!(["other"])));

    volume(json!({"type": "bind", "source": "/srv", "target": "/d", "read_only": true})).is_ready();
    volume(json!({"type": "volume", "target": "/d", "volume": {}})).is_ready();
    volume(json!({"type": "tmpfs", "target": "/d"})).is_ready();
    let socket = "/var/run/docker.sock";
    volume(json!({"type": "bind", "source": socket, "target": socket})).is_ready();
    Case::with("volumes_from", json!(["other:ro"])).is_ready();
}

#[test]
fn sources_settings_and_caches_are_shared_without_harm() {
    let bind = |source: &str, target: &str| {
        let mut case = Case::with(
            "volumes",
            json!([{"type": "bind", "source": source, "target": target}]),
        );
        case.model["services"]["web"]["build"] = json!({"context": "/srv/shop/web"});
        case
    };
    for (source, target) in [
        ("/srv/shop/web", "/code"),
        ("/srv/shop/web/src", "/code/src"),
        ("/srv/shop", "/code"),
        ("/srv/shop/nginx.conf", "/tmp/nginx.conf"),
        ("/srv/shop/conf", "/etc/app"),
        ("/srv/shop/pages", "/usr/share/nginx/html"),
    ] {
        bind(source, target).is(Level::Warning, VerdictCode::SharedVolume);
    }
    for (source, target) in [
        ("/srv/shop/data", "/data"),
        ("/etc/app", "/etc/app"),
        ("/srv/other/web", "/code"),
    ] {
        bind(source, target).is(Level::NeedsForce, VerdictCode::SharedVolume);
    }
    let cache = json!([{"type": "volume", "source": "modules", "target": "/code/node_modules"}]);
    Case::with("volumes", cache).is(Level::Warning, VerdictCode::SharedVolume);
}

#[test]
fn files_in_a_volume_of_the_image_need_force() {
    let mut case = Case {
        image_volumes: vec!["/var/lib/pgadmin".into()],
        ..Case::default()
    };
    let (level, code, reason) = case.only();
    assert_eq!(
        (level, code),
        (Level::NeedsForce, VerdictCode::SharedVolume)
    );
    assert!(reason.contains("/var/lib/pgadmin"), "{reason}");
    case.image_volumes = vec!["/app/node_modules".into()];
    case.is_ready();
}

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
fn sessions_bound_to_a_container_are_a_warning() {
    let label = "traefik.http.services.web.loadBalancer.sticky.cookie.name";
    Case::with("labels", json!({label: "at"})).is(Level::Warning, VerdictCode::Sticky);
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

#[test]
fn another_number_of_containers_is_a_warning() {
    Case::with("scale", json!(3)).is(Level::Warning, VerdictCode::ReplicasDiffer);
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

#[test]
fn limits_below_dockers_minimum_are_refused() {
    let wish = |limits| Case::wishing(limits).is(Level::Refused, VerdictCode::BadLimit);
    wish(Limits {
        cpus: Some(crate::model::Cpus::from_nano(9_999_999)),
        memory: None,
    });
    wish(Limits {
        cpus: None,
        memory: Some(Memory::from_bytes(6 * 1024 * 1024 - 1)),
    });
    Case::wishing(limits("0.01", "6M")).is_ready();
}

#[test]
fn limits_that_docker_does_not_combine_are_refused() {
    let mut case = Case::with("memswap_limit", json!("536870912"));
    case.wish = Case::wishing(memory("768M")).wish;
    case.is(Level::Refused, VerdictCode::BadLimit);
    case.wish = Case::wishing(memory("512M")).wish;
    case.is_ready();

    let mut case = Case::with("cpu_quota", json!("50000"));
    case.wish = Case::wishing(limits("1", "512M")).wish;
    case.is(Level::Refused, VerdictCode::BadLimit);
}

#[test]
fn limits_below_a_reservation_are_refused() {
    let reserved = json!({"resources": {"reservations": {"cpus": 1.0, "memory": "536870912"}}});
    let mut case = Case::with("deploy", reserved);
    case.wish = Case::wishing(limits("0.5", "512M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
    case.wish = Case::wishing(limits("1", "511M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
    case.wish = Case::wishing(limits("1", "512M")).wish;
    case.is_ready();

    let mut case = Case::with("mem_reservation", json!("536870912"));
    case.wish = Case::wishing(memory("100M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
}

#[test]
fn limits_above_the_engine_are_refused() {
    let wish = |limits| Case::wishing(limits).is(Level::Refused, VerdictCode::LimitAboveEngine);
    wish(limits("2.01", "512M"));
    Case::wishing(limits("2", "1536M")).is_ready();
    let verdicts = Case::wishing(memory("3g")).verdicts();
    assert_eq!(verdicts[0].code, VerdictCode::LimitAboveEngine);
    assert_eq!(
        verdicts[0].reason,
        "3G of memory is more than the engine's 2G"
    );
}

#[test]
fn less_memory_than_in_use_is_a_warning_with_the_figures() {
    let mut case = Case::wishing(memory("128M"));
    let in_use = Memory::from_bytes(200 * 1024 * 1024 + 600_000);
    case.wish.as_mut().unwrap().memory_in_use = Some(in_use);
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::LimitBelowUse));
    assert_eq!(
        reason,
        "a container uses 200.6M now, more than the new limit of 128M"
    );
}

#[test]
fn no_room_for_both_sets_is_a_warning_with_the_figures() {
    let mut case = Case::wishing(memory("1g"));
    case.is_ready();
    case.model["services"]["web"]["scale"] = json!(2);
    case.replicas = vec![replica(ContainerState::Running); 2];
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::NoRoom));
    assert_eq!(
        reason,
        "while both run, Blue (1G) and Green (2G) may use 3G, and the engine has 2G"
    );
}

#[test]
fn room_is_judged_by_what_is_used() {
    let mut case = Case::wishing(memory("1g"));
    let wish = case.wish.as_mut().unwrap();
    wish.memory_in_use = Some("600M".parse().unwrap());
    wish.engine_in_use = Some("1500M".parse().unwrap());
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::NoRoom));
    assert_eq!(
        reason,
        "the engine's containers use 1.5G of its 2G, and Green will want about 600M more"
    );
    let wish = case.wish.as_mut().unwrap();
    wish.engine_in_use = Some("1g".parse().unwrap());
    wish.cores_in_use = Some(1.5);
    case.is(Level::Warning, VerdictCode::NoRoom);
    case.wish.as_mut().unwrap().cores_in_use = Some(0.5);
    case.is_ready();
}

#[test]
fn the_worst_comes_first() {
    let mut case = Case::with("container_name", json!("web"));
    case.model["services"]["web"]["image"] = json!("redis");
    case.routes.clear();
    let levels: Vec<_> = case
        .verdicts()
        .iter()
        .map(|verdict| verdict.level)
        .collect();
    assert_eq!(levels, [Level::Refused, Level::NeedsForce, Level::Warning]);
}

#[test]
fn a_slip_of_the_pen_finds_its_service() {
    let known: Vec<_> = ["grafana", "web", "worker"].map(String::from).to_vec();
    assert_eq!(nearest("grafan", &known).as_deref(), Some("grafana"));
    assert_eq!(nearest("Graphana", &known).as_deref(), Some("grafana"));
    assert_eq!(nearest("wbe", &known).as_deref(), Some("web"));
    assert_eq!(nearest("worker1", &known).as_deref(), Some("worker"));
    assert_eq!(nearest("database", &known), None);
    assert_eq!(nearest("web", &[]), None);
}
