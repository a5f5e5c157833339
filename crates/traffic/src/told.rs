//! What Traefik's API tells: its routers, and the services and middlewares that they go through.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::api::{self, ApiRouter};

/// All that is asked for; empty lists where a part was not told.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) routers: Vec<ApiRouter>,
    pub(super) services: Vec<Definition>,
    pub(super) middlewares: Vec<Definition>,
}

/// A service or middleware as Traefik runs it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Definition {
    /// With its provider: `canary@file`.
    pub(super) name: String,
    /// What it is, by its kind: `weighted`, `mirroring`, `rateLimit`.
    #[serde(flatten)]
    parts: Map<String, Value>,
}

impl Told {
    /// `None` if the API does not answer.
    pub(super) async fn ask(address: SocketAddr) -> Option<Self> {
        let (routers, services, middlewares) = tokio::join!(
            api::routers(address),
            api::ask(address, "/api/http/services?per_page=10000"),
            api::ask(address, "/api/http/middlewares?per_page=10000"),
        );
        Some(Self {
            routers: routers?,
            services: services.unwrap_or_default(),
            middlewares: middlewares.unwrap_or_default(),
        })
    }

    /// The services that lead to one of these further, each with what it leads to next.
    pub(super) fn leading_to(&self, backends: &[String]) -> BTreeMap<&str, String> {
        let mut found = BTreeMap::new();
        loop {
            let reached = |name: &String| backends.contains(name) || found.contains_key(&**name);
            let next = self.services.iter().find_map(|service| {
                let is_new =
                    !found.contains_key(&*service.name) && !backends.contains(&service.name);
                let to = service.references().into_iter().find(reached);
                Some((&*service.name, to.filter(|_| is_new)?))
            });
            match next {
                Some((name, to)) => found.insert(name, to),
                None => return found,
            };
        }
    }

    /// The kinds of a middleware, and what it is a chain of; `None` if it is not told.
    pub(super) fn middleware(&self, name: &str) -> Option<(Vec<String>, Vec<String>)> {
        let found = self.middlewares.iter().find(|found| found.name == name)?;
        Some((found.kinds(), found.chained()))
    }

    /// What a middleware does, with what a chain is made of; `None` if it is not told.
    pub(super) fn kinds_of(&self, middleware: &str) -> Option<BTreeSet<String>> {
        let mut kinds = BTreeSet::new();
        let mut names = vec![middleware.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(name) = names.pop() {
            let (kind, chained) = self.middleware(&name)?;
            kinds.extend(kind);
            if seen.insert(name) {
                names.extend(chained);
            }
        }
        Some(kinds)
    }

    /// The middlewares that ask one of these services for the pages of errors.
    pub(super) fn asking_for_pages(&self, services: &[String]) -> impl Iterator<Item = &str> {
        let asks = |middleware: &&Definition| {
            let service = middleware
                .parts
                .get("errors")
                .and_then(|it| it.get("service"));
            let service = service.and_then(Value::as_str);
            service.is_some_and(|service| services.contains(&middleware.qualified(service)))
        };
        self.middlewares.iter().filter(asks).map(|it| &*it.name)
    }
}

impl Definition {
    /// The names of others in it, with their providers.
    fn references(&self) -> BTreeSet<String> {
        /// What holds addresses and settings rather than names.
        const OTHERS: [&str; 7] = [
            "loadBalancer",
            "provider",
            "serverStatus",
            "status",
            "error",
            "type",
            "usedBy",
        ];
        let mut names = BTreeSet::new();
        for (_, part) in self
            .parts
            .iter()
            .filter(|(key, _)| !OTHERS.contains(&&***key))
        {
            collect(part, &mut names);
        }
        names.iter().map(|name| self.qualified(name)).collect()
    }

    fn kinds(&self) -> Vec<String> {
        if let Some(Value::String(kind)) = self.parts.get("type") {
            return vec![kind.to_lowercase()];
        }
        let objects = self.parts.iter().filter(|(_, part)| part.is_object());
        objects.map(|(kind, _)| kind.to_lowercase()).collect()
    }

    fn chained(&self) -> Vec<String> {
        let names = self.parts.get("chain").and_then(|it| it.get("middlewares"));
        let names = names.and_then(Value::as_array).into_iter().flatten();
        names
            .filter_map(Value::as_str)
            .map(|name| self.qualified(name))
            .collect()
    }

    /// A name in it: without a provider it is of its own.
    fn qualified(&self, name: &str) -> String {
        match (name.contains('@'), self.name.rsplit_once('@')) {
            (false, Some((_, provider))) => format!("{name}@{provider}"),
            _ => name.to_owned(),
        }
    }
}

/// The names of services in `{"services": [{"name": …}]}`, `{"service": …, "fallback": …}` and
/// whatever nests alike.
fn collect(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, names)),
        Value::Object(parts) => {
            for (key, part) in parts {
                match (&**key, part) {
                    ("name" | "service" | "fallback", Value::String(name)) => {
                        names.insert(name.clone());
                    }
                    // A cookie has a name too.
                    ("sticky", _) => {}
                    _ => collect(part, names),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(services: Value, middlewares: Value) -> Told {
        Told {
            services: serde_json::from_value(services).unwrap(),
            middlewares: serde_json::from_value(middlewares).unwrap(),
            ..Told::default()
        }
    }

    #[test]
    fn services_over_others_are_followed_to_their_end() {
        let told = told(
            json!([
                { "name": "web@docker", "type": "loadbalancer", "loadBalancer": {
                    "servers": [{ "url": "http://172.17.0.2" }],
                    "sticky": { "cookie": { "name": "shop@docker" } } }, "usedBy": ["a@file"] },
                { "name": "canary@file", "weighted": {
                    "services": [{ "name": "other@docker" }, { "name": "web@docker", "weight": 3 }],
                    "sticky": { "cookie": { "name": "loop@file" } } } },
                { "name": "safe@file", "failover": { "service": "canary", "fallback": "x@docker" } },
                { "name": "copy@file", "mirroring": {
                    "service": "x@docker", "mirrors": [{ "name": "safe", "percent": 10 }] } },
                { "name": "loop@file", "weighted": { "services": [{ "name": "loop" }] } },
            ]),
            json!([]),
        );
        let found = told.leading_to(&["web@docker".into()]);
        let found: Vec<_> = found.iter().map(|(name, to)| (*name, &**to)).collect();
        assert_eq!(
            found,
            [
                ("canary@file", "web@docker"),
                ("copy@file", "safe@file"),
                ("safe@file", "canary@file"),
            ]
        );
    }

    #[test]
    fn a_chain_is_what_it_is_made_of() {
        let told = told(
            json!([]),
            json!([
                { "name": "all@file", "type": "chain", "chain": { "middlewares": ["cap", "all"] } },
                { "name": "cap@file", "type": "ratelimit", "rateLimit": { "average": 20 } },
                { "name": "half@file", "chain": { "middlewares": ["gone"] } },
                { "name": "pages@file", "errors": { "service": "web@docker" } },
            ]),
        );
        let kinds = told.kinds_of("all@file").unwrap();
        assert!(kinds.contains("ratelimit"), "{kinds:?}");
        assert_eq!(told.kinds_of("half@file"), None);
        assert_eq!(told.kinds_of("gone@file"), None);
        let pages: Vec<_> = told.asking_for_pages(&["web@docker".into()]).collect();
        assert_eq!(pages, ["pages@file"]);
    }
}
