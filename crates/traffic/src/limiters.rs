//! Middlewares that count requests and refuse the next ones: where clients share a count, Teal's own
//! requests would use up what users have.

use std::collections::BTreeSet;

use super::{
    gateway::Gateway,
    labels::{Configured, Options, Router},
    look::Look,
    neighbours::Neighbour,
    pins::Limited,
};

const LIMITERS: [&str; 2] = ["inflightreq", "ratelimit"];

/// What labels define, the service's own and those of other containers.
pub(super) struct Known<'a> {
    pub(super) own: &'a Configured,
    pub(super) neighbours: &'a [Neighbour<'a>],
}

impl<'a> Known<'a> {
    /// A middleware of the Docker provider, by its name alone.
    pub(super) fn middleware(&self, name: &str) -> Option<&'a Options> {
        let of_others = self.neighbours.iter().map(|other| &other.configured);
        let mut all = std::iter::once(self.own).chain(of_others);
        all.find_map(|configured| configured.middlewares.get(name))
    }
}

impl Look<'_> {
    /// Whether what a router's requests go through limits them. Where an entry point is known to,
    /// nothing is asked through it.
    pub(super) fn limited_by_the_way(&self, router: &Router, known: &Known<'_>) -> Limited {
        let points = self.gateway.entry_points_of(&router.entry_points);
        let mut all = points
            .iter()
            .map(|point| self.limited(&point.middlewares, known))
            .filter(|limited| matches!(limited, Limited::Perhaps(_)));
        match self.limited(&router.middlewares, known) {
            Limited::No => all.next().unwrap_or_default(),
            limited => limited,
        }
    }

    /// Whether these middlewares limit requests.
    fn limited<'a>(
        &self,
        middlewares: impl IntoIterator<Item = &'a String>,
        known: &Known<'_>,
    ) -> Limited {
        let mut limited = Limited::No;
        for name in middlewares {
            match self.kinds_of(name, known) {
                Some(kinds) if LIMITERS.iter().any(|limiter| kinds.contains(*limiter)) => {
                    return Limited::By(name.clone());
                }
                Some(_) => {}
                None => limited = Limited::Perhaps(name.clone()),
            }
        }
        limited
    }

    /// What a middleware does, as the API tells or else as labels do.
    fn kinds_of(&self, name: &str, known: &Known<'_>) -> Option<BTreeSet<String>> {
        let (short, provider) = name.rsplit_once('@').unwrap_or((name, "docker"));
        let told = |told: &super::told::Told| told.kinds_of(&format!("{short}@{provider}"));
        if let Some(kinds) = self.api.and_then(told) {
            return Some(kinds);
        }
        if provider != "docker" {
            return None;
        }
        let mut kinds = BTreeSet::new();
        let mut names = vec![short.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(name) = names.pop() {
            let options = known.middleware(&name)?;
            kinds.extend(options.kinds());
            let chained = options.get("chain.middlewares").unwrap_or_default();
            if seen.insert(name) {
                let chained = chained.split(',').map(str::trim);
                names.extend(
                    chained
                        .filter(|name| !name.is_empty())
                        .map(|name| name.trim_end_matches("@docker").to_owned()),
                );
            }
        }
        Some(kinds)
    }

    /// The Traefik, with what its entry points' own middlewares do: every request goes through them.
    pub(super) fn gateway_with_limits(&self, known: &Known<'_>) -> Gateway {
        let mut gateway = self.gateway.clone();
        for point in &mut gateway.entry_points {
            point.limited = self.limited(&point.middlewares, known);
        }
        gateway
    }
}
