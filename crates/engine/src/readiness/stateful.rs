//! Images that are known to keep state of their own, by the names they are published under.

/// What an image is, and the last parts of the repositories that are it.
const NAMES: [(&str, &str); 4] = [
    (
        "database",
        "aerospike arangodb arcadedb azure-sql-edge cassandra clickhouse cockroach cockroachdb \
         couchbase couchdb cratedb db2 dgraph documentdb edgedb eventstore ferretdb firebird \
         firebirdsql foundationdb immudb influxdb influxdb3 janusgraph kurrentdb mariadb memgraph \
         milvus mongo mongodb mssql mysql neo4j opentsdb oracle-free oracle-xe orientdb percona \
         percona-server-mongodb pgvecto pgvector postgis postgres postgresql qdrant questdb ravendb \
         rethinkdb scylla scylladb singlestoredb spilo surrealdb tarantool tdengine tidb tikv \
         timescaledb typedb weaviate yugabyte yugabytedb",
    ),
    (
        "message broker",
        "activemq activemq-artemis beanstalkd cp-kafka cp-server eclipse-mosquitto emqx hivemq \
         hivemq4 kafka mosquitto nats nsq pulsar rabbitmq redpanda rocketmq solace-pubsub vernemq",
    ),
    (
        "store",
        "consul cp-zookeeper elasticsearch etcd graphite-statsd hazelcast infinispan keydb kvrocks \
         manticore meilisearch memcached minio openldap opensearch prometheus redict redis \
         redis-stack redismod rqlite seaweedfs solr tile38 typesense valkey vault victoria-logs \
         victoria-metrics victoriametrics zookeeper",
    ),
    ("registry with its images", "registry"),
];

/// The same for names too general to stand alone: owner and name together.
const OWNED: [(&str, &str); 2] = [
    (
        "database",
        "chromadb/chroma couchbase/server crate/crate database/enterprise database/express \
         database/free geldata/gel mssql/server vespaengine/vespa",
    ),
    (
        "store",
        "apachegeode/geode apacheignite/ignite dragonflydb/dragonfly dxflrs/garage grafana/loki \
         grafana/mimir grafana/tempo",
    ),
];

/// What publishers add to a name without making it another program. Other words (`exporter`, `ui`,
/// `operator`, `backup`) do make one.
const QUALIFIERS: &str = "alpine bookworm ce cluster community core debian ee enterprise galera ha \
                          kraft native oss replica repmgr rs sentinel server single slim streaming \
                          ubi xtradb";

/// What kind of stateful program an image is, by the parts of its repository's name; none for an
/// image that is not known as one.
pub(super) fn kind(image: &str) -> Option<&'static str> {
    let repository = repository(image).to_lowercase();
    let mut parts = repository.rsplit('/');
    let name = parts.next()?;
    let owned = parts.next().map(|owner| format!("{owner}/{name}"));
    owned
        .and_then(|owned| find(&OWNED, |known| known == owned))
        .or_else(|| {
            find(&NAMES, |known| {
                let rest = name.strip_prefix(known);
                rest.is_some_and(|rest| rest.is_empty() || only_qualifies(rest))
            })
        })
}

/// The last part of an image's repository: `nginx` of `docker.io/library/nginx:1`.
pub(super) fn name(image: &str) -> &str {
    repository(image).rsplit('/').next().unwrap_or_default()
}

fn find(kinds: &[(&'static str, &'static str)], is: impl Fn(&str) -> bool) -> Option<&'static str> {
    let kind = |(_, names): &&(_, &str)| names.split_whitespace().any(&is);
    kinds.iter().find(kind).map(|(kind, _)| *kind)
}

/// An image's name without its tag and digest.
pub(super) fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // A colon before a slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
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
