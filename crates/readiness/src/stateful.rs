//! Programs that are known to keep state of their own, by the names they are published under and by
//! the names that people give to their services.

use super::words::{is_one_of, parts};
use teal_compose::ComposeService;
use teal_docker::ImageName;

/// What an image is, and the last parts of the repositories that are it.
const NAMES: [(&str, &str); 5] = [
    (
        "database",
        "aerospike arangodb arcadedb azure-sql-edge cassandra clickhouse cockroach cockroachdb \
         couchbase couchdb cratedb db2 dgraph documentdb edgedb eventstore ferretdb firebird \
         firebirdsql foundationdb garnet immudb influxdb influxdb3 janusgraph kurrentdb mariadb memgraph \
         milvus mongo mongodb mssql mysql neo4j oceanbase opentsdb oracle-free oracle-xe orientdb percona \
         percona-server-mongodb pgautoupgrade pgvecto pgvector postgis postgres postgresql qdrant questdb ravendb \
         rethinkdb scylla scylladb seekdb serenedb singlestoredb spilo surrealdb tarantool tdengine tidb tikv \
         timescaledb typedb weaviate yugabyte yugabytedb",
    ),
    (
        "message broker",
        "activemq activemq-artemis beanstalkd cp-kafka cp-server eclipse-mosquitto emqx gearman gearmand \
         hivemq hivemq4 kafka mosquitto nats nsq pulsar rabbitmq redpanda rocketmq solace-pubsub vernemq",
    ),
    (
        "store",
        "alertmanager consul cp-zookeeper elasticsearch etcd graphite-statsd hazelcast infinispan keydb kvrocks \
         manticore meilisearch memcached minio openldap opensearch prometheus redict redis \
         redis-stack redismod rqlite seaweedfs solr tile38 typesense valkey vault victoria-logs \
         victoria-metrics victoriametrics zookeeper",
    ),
    ("registry with its images", "registry"),
    ("build server with its jobs", "jenkins"),
];

/// The same for names too general to stand alone: owner and name together.
const OWNED: [(&str, &str); 2] = [
    (
        "database",
        "chromadb/chroma couchbase/server crate/crate database/enterprise database/express \
         database/free geldata/gel infiniflow/infinity mssql/server vespaengine/vespa",
    ),
    (
        "store",
        "apachegeode/geode apacheignite/ignite dragonflydb/dragonfly dxflrs/garage grafana/loki \
         grafana/mimir grafana/tempo pgsty/silo",
    ),
];

/// What publishers add to a name without making it another program. Other words (`exporter`, `ui`,
/// `operator`, `backup`) do make one.
const QUALIFIERS: &str = "alpine bookworm ce cluster community core debian ee enterprise galera ha \
                          hosted kraft local lts native oss replica repmgr rs self sentinel server single slim streaming \
                          ubi wolfi xtradb";

/// What stands before the name of a program that another one only works with.
const COMPANIONS: &str = "admin apache api backup client connect connector django exporter express \
                          fastapi flask for go init java laravel nginx node nodejs php proxy python \
                          rails react ruby seed server setup spring springboot to ui wait web";

/// Names that say too little of a service, or of the last part of a longer name.
const AMBIGUOUS: &str = "consul registry vault";

/// Programs that keep their state in themselves unless a variable, or an option of the same name,
/// tells them of a database; and the values that don't.
const IN_THEMSELVES: [(&str, &str); 5] = [
    (
        "keycloak",
        "DB_ADDR DB_VENDOR KC_DB KC_DB_URL KEYCLOAK_DATABASE_HOST",
    ),
    ("all-in-one jaeger", "SPAN_STORAGE_TYPE"),
    ("zipkin zipkin-slim", "STORAGE_TYPE"),
    ("metabase", "MB_DB_TYPE"),
    ("sonarqube", "SONAR_JDBC_URL"),
];
const NO_DATABASE: &str = "badger dev-file dev-mem h2 mem memory";

/// What kind of stateful program a service is, as a sentence; none for one that is not known as one.
pub(super) fn of(name: &str, service: &ComposeService) -> Option<String> {
    let image = service.image.as_deref().unwrap_or_default();
    if let Some(kind) = kind(image) {
        return Some(format!("`{image}` is a {kind}"));
    }
    if keeps_state_in_itself(image, service) {
        return Some(format!(
            "`{image}` keeps what it knows in itself: no variable tells it of a database"
        ));
    }
    let kind = kind_by_name(name, service)?;
    Some(format!("`{name}` is a {kind}, by its name"))
}

fn keeps_state_in_itself(image: &str, service: &ComposeService) -> bool {
    let image = ImageName::new(image).last().to_lowercase();
    let known = IN_THEMSELVES
        .iter()
        .find(|(names, _)| is_one_of(names, &image));
    let Some((_, variables)) = known else {
        return false;
    };
    let is_told = variables.split_whitespace().any(|variable| {
        let value = service.environment.get(variable);
        value.is_some_and(|value| {
            let value = value.as_ref().map(|value| value.reveal().to_lowercase());
            value.is_none_or(|value| !is_one_of(NO_DATABASE, &value))
        })
    });
    let words = service.entrypoint.iter().chain(&service.command).flatten();
    let is_option = |word: &String| word.starts_with("--db") && !word.contains("dev-");
    !is_told && !words.into_iter().any(is_option)
}

/// What a service is that people have given the name of a program, where its image says nothing
/// else.
fn kind_by_name(name: &str, service: &ComposeService) -> Option<&'static str> {
    let is_companion = |name: &str| {
        const COMPANIONS: &str = "admin api box client commander console exporter express manager \
                                  operator tools ui web";
        parts(name).iter().any(|part| is_one_of(COMPANIONS, part))
    };
    let image = service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).last());
    if image.is_some_and(is_companion) || is_one_of(AMBIGUOUS, name) {
        return None;
    }
    match service.build.is_some() && is_one_of("database db", name) {
        true => Some("database"),
        false => by_name(&name.to_lowercase()),
    }
}

/// What kind of stateful program an image is, by the parts of its repository's name; none for an
/// image that is not known as one.
pub(super) fn kind(image: &str) -> Option<&'static str> {
    let repository = ImageName::new(image).repository.to_lowercase();
    let mut parts = repository.rsplit('/');
    let name = parts.next()?;
    let owned = parts.next().map(|owner| format!("{owner}/{name}"));
    owned
        .and_then(|owned| find(&OWNED, |known| known == owned))
        .or_else(|| by_name(name))
}

/// By a name that begins with a program's and goes on with qualifiers, or ends in one.
fn by_name(name: &str) -> Option<&'static str> {
    let begins = find(&NAMES, |known| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || only_qualifies(rest))
    });
    begins.or_else(|| {
        let mut words = parts(name);
        let last = words.pop()?;
        let is_companion = words.is_empty()
            || is_one_of(AMBIGUOUS, &last)
            || words.iter().any(|word| is_one_of(COMPANIONS, word));
        match is_companion {
            true => None,
            false => find(&NAMES, |known| known == last),
        }
    })
}

/// Whether it is a database, by its image or by the name of its service.
pub(super) fn is_database(image: &str, name: &str) -> bool {
    kind(image).or_else(|| by_name(name)) == Some("database") || is_one_of("database db", name)
}

fn find(kinds: &[(&'static str, &'static str)], is: impl Fn(&str) -> bool) -> Option<&'static str> {
    let kind = |(_, names): &&(_, &str)| names.split_whitespace().any(&is);
    kinds.iter().find(kind).map(|(kind, _)| *kind)
}

/// Whether the rest of a name, such as `-server` or `-16-alpine`, leaves it the same program.
fn only_qualifies(rest: &str) -> bool {
    let Some(words) = rest.strip_prefix(['-', '_', '.']) else {
        return false;
    };
    words.split(['-', '_', '.']).all(|word| {
        let version = word.trim_start_matches('v');
        QUALIFIERS
            .split_whitespace()
            .any(|qualifier| qualifier == word)
            || (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
