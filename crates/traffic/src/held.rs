//! Requests that Traefik holds back: a middleware has them while the router before the cutover has
//! chosen their containers already. The sidecars don't see them yet.

use std::time::Duration;

use super::{
    labels::{Configured, Options, Subject},
    look::Look,
    pins::Pinned,
    told::Told,
};

/// `forwardAuth` asks another service first: at least this long, and by what answers take.
const ASKED: Duration = Duration::from_secs(3);
/// Traefik itself gives up asking after this.
const ASKED_AT_MOST: Duration = Duration::from_secs(30);
/// `buffering` reads the whole body first.
const BUFFERED: Duration = Duration::from_secs(5);
/// `rateLimit` holds a request for half a second at most.
const LIMITED: Duration = Duration::from_secs(1);
/// Chains of chains are followed so far.
const DEEPEST: usize = 8;

/// Kinds that pass a request on at once, refuse it, or answer it themselves.
const PASSING: [&str; 22] = [
    "addprefix",
    "basicauth",
    "circuitbreaker",
    "compress",
    "contenttype",
    "digestauth",
    "encodedcharacters",
    "errors",
    "grpcweb",
    "headers",
    "inflightreq",
    "ipallowlist",
    "ipwhitelist",
    "passtlsclientcert",
    "redirectregex",
    "redirectscheme",
    "replacepath",
    "replacepathregex",
    "retry",
    "stripprefix",
    "stripprefixregex",
    "chain",
];

/// What holds requests back, and for how long a set has to have been left alone before it is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The middlewares, each with its kind.
    by: Vec<String>,
    at_least: Duration,
    /// Whether they are held as long as another service takes to answer.
    asks: bool,
}

impl Held {
    /// How long after the last request that came from Traefik another may come. `slowest` is what
    /// answers through the same middlewares take.
    pub fn settles_after(&self, slowest: Duration) -> Duration {
        if !self.asks {
            return self.at_least;
        }
        (slowest * 2).clamp(self.at_least, ASKED_AT_MOST)
    }

    /// What people have to know of it.
    pub(super) fn sentence(&self) -> String {
        format!(
            "requests wait inside of Traefik ({}): a set is stopped {} s after the last one came from there at the earliest, and one that waits for longer may fail",
            self.by.join(", "),
            self.at_least.as_secs()
        )
    }

    fn with(mut self, other: Self) -> Self {
        self.by.extend(other.by);
        self.by.sort();
        self.by.dedup();
        Self {
            by: self.by,
            at_least: self.at_least.max(other.at_least),
            asks: self.asks || other.asks,
        }
    }
}

impl Look<'_> {
    /// What holds requests of these routers back, as far as it can be known; what is not known may.
    pub(super) fn held(&self, routers: &[Pinned], subject: &Subject<'_>) -> Option<Held> {
        let own = Configured::read(subject.labels);
        let neighbours = self.neighbours(subject);
        let others = neighbours.iter().map(|neighbour| &neighbour.configured);
        let kinds = Kinds {
            api: self.api,
            labels: std::iter::once(&own).chain(others).collect(),
        };
        let names = routers.iter().flat_map(|pinned| {
            let points = self.gateway.entry_points_of(&pinned.router.entry_points);
            let of_points = points.into_iter().flat_map(|point| &point.middlewares);
            of_points.chain(&pinned.router.middlewares)
        });
        let held = names.filter_map(|name| kinds.held_by(name, 0));
        held.reduce(Held::with)
    }
}

/// Where the kind of a middleware can be found.
struct Kinds<'a> {
    api: Option<&'a Told>,
    /// Of all containers that the Docker provider reads.
    labels: Vec<&'a Configured>,
}

impl Kinds<'_> {
    fn held_by(&self, name: &str, depth: usize) -> Option<Held> {
        let (plain, provider) = name.rsplit_once('@').unwrap_or((name, "docker"));
        let (kinds, chained) = self.find(plain, provider);
        let own = kinds.iter().filter_map(|kind| held_by_kind(plain, kind));
        let chained = chained.iter().filter(|_| depth < DEEPEST);
        let below = chained.filter_map(|link| {
            let link = match link.contains('@') {
                true => link.clone(),
                false => format!("{link}@{provider}"),
            };
            self.held_by(&link, depth + 1)
        });
        own.chain(below).reduce(Held::with)
    }

    /// The kinds of a middleware, and what it chains.
    fn find(&self, name: &str, provider: &str) -> (Vec<String>, Vec<String>) {
        let qualified = format!("{name}@{provider}");
        if let Some(told) = self.api.and_then(|told| told.middleware(&qualified)) {
            return told;
        }
        let mut labelled = self.labels.iter().filter(|_| provider == "docker");
        match labelled.find_map(|configured| configured.middlewares.get(name)) {
            Some(options) => (options.kinds().collect(), chained(options)),
            None => (vec!["of unknown kind".to_owned()], Vec::new()),
        }
    }
}

fn chained(options: &Options) -> Vec<String> {
    let names = options.get("chain.middlewares").unwrap_or_default();
    let names = names.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn held_by_kind(name: &str, kind: &str) -> Option<Held> {
    let (at_least, kind) = match kind {
        "forwardauth" => (ASKED, "forwardAuth"),
        "buffering" => (BUFFERED, "buffering"),
        "ratelimit" => (LIMITED, "rateLimit"),
        kind if PASSING.contains(&kind) => return None,
        // A plugin, or one that nothing tells about.
        kind => (BUFFERED, kind),
    };
    Some(Held {
        by: vec![format!("`{name}`, {kind}")],
        at_least,
        asks: kind == "forwardAuth",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn configured(labels: &[(&str, &str)]) -> Configured {
        let labels: HashMap<String, String> = labels
            .iter()
            .map(|(key, value)| {
                (
                    format!("traefik.http.middlewares.{key}"),
                    (*value).to_owned(),
                )
            })
            .collect();
        Configured::read(&labels)
    }

    #[test]
    fn what_holds_requests_back_is_found_through_chains() {
        let own = configured(&[
            ("all.chain.middlewares", "pretty, guard@docker"),
            ("pretty.headers.framedeny", "true"),
            ("guard.forwardauth.address", "http://auth"),
            ("loop.chain.middlewares", "loop"),
            ("slow.ratelimit.average", "5"),
        ]);
        let kinds = Kinds {
            api: None,
            labels: vec![&own],
        };
        assert_eq!(kinds.held_by("pretty", 0), None);
        assert_eq!(kinds.held_by("loop@docker", 0), None);
        let held = kinds.held_by("all", 0).expect("it asks");
        assert_eq!(held.by, ["`guard`, forwardAuth"]);
        assert_eq!(held.settles_after(Duration::from_millis(40)), ASKED);
        let slow = Duration::from_secs(2);
        assert_eq!(held.settles_after(slow), slow * 2);
        assert_eq!(held.settles_after(slow * 60), ASKED_AT_MOST);
        let held = held.with(kinds.held_by("slow", 0).expect("it delays"));
        assert_eq!(held.by, ["`guard`, forwardAuth", "`slow`, rateLimit"]);
    }

    #[test]
    fn one_that_nothing_tells_about_may_hold_requests_back() {
        let kinds = Kinds {
            api: None,
            labels: Vec::new(),
        };
        let held = kinds.held_by("upload@file", 0).expect("it may");
        assert_eq!(held.by, ["`upload`, of unknown kind"]);
        assert_eq!(held.settles_after(Duration::from_secs(60)), BUFFERED);
    }

    #[test]
    fn the_api_knows_those_of_files() {
        let middlewares = serde_json::from_str(
            r#"[{"name": "upload@file", "type": "buffering", "buffering": {"memRequestBodyBytes": 1}},
                {"name": "all@file", "type": "chain", "chain": {"middlewares": ["upload@file"]}},
                {"name": "front@file", "type": "headers", "status": "enabled"}]"#,
        )
        .expect("the API's JSON");
        let told = Told {
            middlewares,
            ..Told::default()
        };
        let kinds = Kinds {
            api: Some(&told),
            labels: Vec::new(),
        };
        assert_eq!(kinds.held_by("front@file", 0), None);
        let held = kinds.held_by("all@file", 0).expect("it buffers");
        assert_eq!(held.by, ["`upload`, buffering"]);
    }
}
