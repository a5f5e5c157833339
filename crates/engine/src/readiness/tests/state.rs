//! Data that both sets would share.

use super::*;

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
