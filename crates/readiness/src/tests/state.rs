//! Data that both sets would share.

use super::*;

#[test]
fn known_stateful_images_need_force() {
    Case::with("image", json!("postgres:16-alpine")).is(Level::NeedsForce, VerdictCode::Stateful);
    let is_proxy = |case: Case| case.is(Level::Refused, VerdictCode::Proxy);
    is_proxy(Case::with("image", json!("traefik:v3.7")));
    is_proxy(Case::with("image", json!("example/my_traefik")));
    is_proxy(Case::with(
        "command",
        json!(["--providers.docker", "--ping"]),
    ));
    is_proxy(Case {
        is_traefik: true,
        ..Case::default()
    });
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
    volume(json!({"type": "tmpfs", "target": "/d"})).is_ready();
    let socket = "/var/run/docker.sock";
    volume(json!({"type": "bind", "source": socket, "target": socket})).is_ready();
    Case::with("volumes_from", json!(["other:ro"])).is_ready();
}

/// A service with one bind mount, built from `/srv/shop/web` of the project `/srv/shop`.
fn built(source: &str, target: &str) -> Case {
    let mut case = from_an_image(source, target);
    case.model["services"]["web"]["build"] =
        json!({"context": "/srv/shop/web", "dockerfile": "Dockerfile"});
    case
}

/// The same of a service that somebody else has published.
fn from_an_image(source: &str, target: &str) -> Case {
    Case::with(
        "volumes",
        json!([{"type": "bind", "source": source, "target": target}]),
    )
}

#[test]
fn sources_settings_logs_and_caches_are_shared_without_harm() {
    let is_warned_of = |case: Case| case.is(Level::Warning, VerdictCode::SharedVolume);
    for (source, target) in [
        ("/srv/shop/web", "/code"),
        ("/srv/shop/web", "/var/www/html"),
        ("/srv/shop", "/code"),
        ("/srv/shop/web/src", "/code/src"),
        ("/srv/shop/web/app", "/code/app"),
        ("/srv/shop/web/config", "/code/config"),
        ("/srv/shop/web/package.json", "/code/package.json"),
        (
            "/srv/shop/web/tsconfig.build.json",
            "/code/tsconfig.build.json",
        ),
    ] {
        is_warned_of(built(source, target));
    }
    for (source, target) in [
        ("/srv/shop", "/code"),
        ("/srv/shop/src", "/var/www/html"),
        ("/srv/shop/scripts", "/scripts"),
        ("/srv/shop/templates", "/app/templates"),
        ("/srv/shop/nginx.conf", "/usr/local/nginx.conf"),
        ("/srv/shop/data/app.yml", "/app/data/app.yml"),
        (
            "/srv/files/nginx/default.conf",
            "/etc/nginx/conf.d/default.conf",
        ),
        ("/etc/app.toml", "/app/app.toml"),
        ("/srv/shop/.env.production", "/app/.env"),
        ("/srv/shop/entrypoint.sh", "/entrypoint.sh"),
        ("/srv/shop/grafana", "/etc/grafana/provisioning/datasources"),
        ("/srv/shop/init", "/docker-entrypoint-initdb.d"),
        ("/srv/shop/dynamic", "/etc/temporal/config/dynamicconfig"),
        ("/srv/shop/logs", "/app/out"),
        ("/srv/shop/out", "/var/log/app"),
        ("/srv/shop/logs_api", "/code/plane/logs"),
        ("/srv/shop/scratch", "/var/cache/nginx"),
        ("/srv/shop/models", "/root/.cache/models"),
    ] {
        is_warned_of(from_an_image(source, target));
    }
    let cache = json!([{"type": "volume", "source": "modules", "target": "/code/node_modules"}]);
    is_warned_of(Case::with("volumes", cache));
    let mut pages = from_an_image("/srv/shop/pages", "/usr/share/nginx/html");
    pages.model["services"]["web"]["image"] = json!("nginx:1");
    is_warned_of(pages);
}

#[test]
fn what_people_write_is_data_also_beside_the_sources() {
    let needs_force = |case: Case| case.is(Level::NeedsForce, VerdictCode::SharedVolume);
    for (source, target) in [
        ("/srv/shop/web/data/app.sqlite3", "/srv/app.sqlite3"),
        ("/srv/shop/web/app.db", "/code/app.db"),
        ("/srv/shop/web/uploads", "/srv/uploads"),
        ("/srv/shop/web/home", "/var/lib/ci-home"),
        ("/srv/shop/web/src", "/app/data"),
        ("/srv/shop/web/public", "/code/public"),
        ("/srv/shop/web/static", "/code/static"),
        ("/srv/shop/web/db.json", "/code/db.json"),
        ("/srv/shop/web", "/var/lib/web"),
        ("/srv/shop/pages", "/usr/share/nginx/html"),
        ("/srv/other/web", "/code"),
    ] {
        needs_force(built(source, target));
    }
    for (source, target) in [
        ("/srv/shop/nextcloud", "/var/www/html"),
        ("/srv/shop/app", "/app"),
        ("/srv/shop/uploads", "/app/public"),
        ("/srv/shop/config", "/config"),
        ("/srv/shop/config", "/etc/gitlab"),
        ("/srv/shop/etc-pihole", "/etc/pihole"),
        ("/srv/shop/etc-dnsmasq.d", "/etc/dnsmasq.d"),
        ("/srv/shop/letsencrypt", "/etc/letsencrypt"),
        ("/etc/app", "/etc/app"),
        ("/srv/shop/acme.json", "/acme.json"),
        ("/srv/shop/data", "/data"),
        ("/srv/shop/logs", "/var/lib/logs-data"),
        ("/srv/shop", "/var/www/html"),
    ] {
        needs_force(from_an_image(source, target));
    }
}

/// A service of the image `example/app:1` with one volume, beside others.
fn sharing(volume: &Value, others: Value) -> Case {
    let mut case = Case::with("volumes", json!([volume]));
    case.model["services"]["web"]["image"] = json!("example/app:1");
    let Value::Object(others) = others else {
        panic!("services are named");
    };
    case.model["services"]
        .as_object_mut()
        .unwrap()
        .extend(others);
    case
}

#[test]
fn what_several_containers_of_a_program_write_is_made_to_be_shared() {
    let volume = json!({"type": "volume", "source": "media", "target": "/app/media"});
    let folder = json!({"type": "bind", "source": "/srv/shop/media", "target": "/app/media"});
    for volume in [volume, folder] {
        let worker = |image: &str| {
            let volumes = json!([volume]);
            sharing(
                &volume,
                json!({"worker": {"image": image, "volumes": volumes}}),
            )
        };
        let (level, code, reason) = worker("example/app:1").only();
        assert_eq!((level, code), (Level::Warning, VerdictCode::SharedVolume));
        assert!(
            reason.ends_with("which `worker` writes to as well"),
            "{reason}"
        );
        // A backup of it expects one writer.
        worker("example/backup:1").is(Level::NeedsForce, VerdictCode::SharedVolume);

        let mut reader = volume.clone();
        reader["read_only"] = json!(true);
        let reader = json!({"worker": {"image": "example/app:1", "volumes": [reader]}});
        sharing(&volume, reader).is(Level::NeedsForce, VerdictCode::SharedVolume);

        // What prepares the volume has ended before the service starts.
        let init = json!({"init": {"image": "example/app:1", "volumes": [volume]}});
        let mut case = sharing(&volume, init);
        case.model["services"]["web"]["depends_on"] =
            json!({"init": {"condition": "service_completed_successfully"}});
        case.is(Level::NeedsForce, VerdictCode::SharedVolume);

        let mut case = sharing(&volume, json!({}));
        case.model["services"]["web"]["deploy"] = json!({"replicas": 2});
        case.replicas = vec![replica(ContainerState::Running); 2];
        let (level, code, reason) = case.only();
        assert_eq!((level, code), (Level::Warning, VerdictCode::SharedVolume));
        assert!(reason.contains("which its replicas share"), "{reason}");
    }
}

#[test]
fn services_built_alike_are_one_program() {
    let volume = json!({"type": "volume", "source": "media", "target": "/app/media"});
    let build = json!({"context": "/srv/shop/web", "dockerfile": "Dockerfile"});
    let worker = json!({"worker": {"build": build, "volumes": [volume]}});
    let mut case = sharing(&volume, worker);
    case.model["services"]["web"]["image"] = Value::Null;
    case.model["services"]["web"]["build"] = build.clone();
    case.is(Level::Warning, VerdictCode::SharedVolume);
    case.model["services"]["worker"]["build"]["dockerfile"] = json!("Dockerfile.backup");
    case.is(Level::NeedsForce, VerdictCode::SharedVolume);
}

#[test]
fn the_folder_with_the_dockerfile_is_a_folder_of_sources() {
    let mut case = built("/srv/shop/frontend", "/app");
    case.model["services"]["web"]["build"] =
        json!({"context": "/srv/shop", "dockerfile": "frontend/Dockerfile"});
    case.is(Level::Warning, VerdictCode::SharedVolume);
}

#[test]
fn a_volume_without_a_name_needs_force_whoever_asks_for_it() {
    let volume = |target: &str| {
        Case::with(
            "volumes",
            json!([{"type": "volume", "target": target, "volume": {}}]),
        )
    };
    let (level, code, reason) = volume("/data").only();
    assert_eq!(
        (level, code),
        (Level::NeedsForce, VerdictCode::SharedVolume)
    );
    assert_eq!(reason, "keeps files in `/data`, an anonymous volume");
    volume("/app/node_modules").is_ready();
    volume("/var/cache/nginx").is_ready();

    // Several replicas do not keep Blue's.
    let mut case = volume("/data");
    case.model["services"]["web"]["deploy"] = json!({"replicas": 2});
    case.replicas = vec![replica(ContainerState::Running); 2];
    case.is(Level::NeedsForce, VerdictCode::SharedVolume);

    let mut case = volume("/data");
    case.image_volumes = vec!["/more".into()];
    let (_, _, reason) = case.only();
    assert!(reason.contains("`/data`, `/more`"), "{reason}");
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
