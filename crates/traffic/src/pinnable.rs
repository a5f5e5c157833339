//! What of a router its pins need.

use std::collections::HashMap;

use super::{
    constraints,
    labels::{Backend, Configured, Router},
    limiters::Known,
    look::Look,
    pins::{Pinned, has_room_above},
};

/// Middlewares that shape the path of a request and refuse none.
const PATH_SHAPERS: [&str; 5] = [
    "addprefix",
    "replacepath",
    "replacepathregex",
    "stripprefix",
    "stripprefixregex",
];

/// Why a router can't be pinned.
pub(super) enum Unpinnable {
    /// Traefik serves nothing by it, or nothing of this service.
    Elsewhere(String),
    /// Its requests may well go to the service.
    Here(String),
}

impl Look<'_> {
    pub(super) fn pin(
        &self,
        router: &Router,
        backends: &[Backend],
        known: &Known<'_>,
        own: &[Router],
        others: &[Router],
    ) -> Result<Pinned, Unpinnable> {
        let backend = backends
            .iter()
            .find(|backend| backend.name == router.service)
            .ok_or_else(|| Unpinnable::Elsewhere(format!("it leads to `{}`", router.service)))?;
        if backend.options.has_any("loadbalancer.server.url") {
            return Err(Unpinnable::Here(format!(
                "service `{}` has a fixed address",
                backend.name
            )));
        }
        let port = backend.port.ok_or_else(|| {
            Unpinnable::Elsewhere(format!("service `{}` has no port", backend.name))
        })?;
        if !has_room_above(router.priority) {
            return Err(Unpinnable::Here(format!(
                "its priority, {}, leaves no room for Teal's routers above it",
                router.priority
            )));
        }
        let mut shadows: Vec<_> = own
            .iter()
            .chain(others)
            .filter(|other| self.shadows(other, router))
            .map(|other| other.rule.clone())
            .collect();
        shadows.sort();
        shadows.dedup();
        Ok(Pinned {
            router: router.clone(),
            backend: backend.clone(),
            port,
            shadows,
            strips_prefix: router.middlewares.iter().any(|name| {
                known
                    .middleware(name.trim_end_matches("@docker"))
                    .is_some_and(|options| {
                        options.kinds().any(|kind| kind.starts_with("stripprefix"))
                    })
            }),
            probe_middlewares: router
                .middlewares
                .iter()
                .filter(|name| shapes_path(name, known))
                .cloned()
                .collect(),
            limited: self.limited_by_the_way(router, known),
        })
    }

    pub(super) fn copied_labels(
        &self,
        labels: &HashMap<String, String>,
        configured: &Configured,
    ) -> HashMap<String, String> {
        let mut copied: HashMap<_, _> = constraints::labels_in(&self.gateway.constraints)
            .into_iter()
            .filter_map(|key| labels.get(&key).map(|value| (key, value.clone())))
            .collect();
        if let Some(network) = &configured.network {
            copied.insert("traefik.docker.network".into(), network.clone());
        }
        copied
    }
}

fn shapes_path(middleware: &str, known: &Known<'_>) -> bool {
    let name = middleware.strip_suffix("@docker").unwrap_or(middleware);
    known.middleware(name).is_some_and(|options| {
        options
            .kinds()
            .all(|kind| PATH_SHAPERS.contains(&kind.as_str()))
    })
}
