//! The ways in to ask through, and finding them again when Traefik has been restarted or recreated.

use super::{
    error::TrafficError,
    gateway::Gateway,
    http::Endpoint,
    pins::Pinned,
    proof::Proof,
    relay::Relay,
    rule::Target,
    sidecars::Sidecars,
    survey::{Door, Pinning},
};

/// A way to ask through a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) entry_point: String,
    pub(super) door: Door,
}

impl Candidate {
    /// What it proves a router by.
    pub(super) fn proof(&self) -> Proof {
        Proof::Asked {
            entry_point: self.entry_point.clone(),
            within: self.door.endpoint.relay.is_some(),
        }
    }
}

/// The ways to ask through a router, the best first: those from here, then those in Traefik's own
/// network, and the plain ones before those with TLS. An entry point that redirects is none, nor one
/// where each of Teal's requests would be one less of a user's.
pub(super) fn candidates(
    gateway: &Gateway,
    pinned: &Pinned,
    health: Option<&str>,
    relay: Option<&Relay>,
) -> Vec<Candidate> {
    let mut points = gateway.entry_points_of(&pinned.router.entry_points);
    points.retain(|point| !point.redirects && point.limiter().is_none());
    points.sort_by_key(|point| point.tls);
    let target = Target::new(&pinned.router.rule, health, pinned.strips_prefix);
    let candidate = |name: &str, endpoint| Candidate {
        entry_point: name.to_owned(),
        door: Door {
            endpoint,
            target: target.clone(),
            other_paths: other_paths(pinned, &target.path),
            limited: pinned.limited.clone(),
        },
    };
    let tls = |is_tls: bool| is_tls || pinned.router.tls;
    let here = points.iter().filter_map(|point| {
        let endpoint = Endpoint::here(point.address?, tls(point.tls));
        Some(candidate(&point.name, endpoint))
    });
    let within = points.iter().filter_map(|point| {
        let endpoint = Endpoint {
            address: point.inner?,
            tls: tls(point.tls),
            relay: Some(relay?.clone()),
        };
        Some(candidate(&point.name, endpoint))
    });
    here.chain(within).collect()
}

/// Paths that may answer better than the usual one: what Traefik's own health check asks for, and
/// the least that the rule lets through.
fn other_paths(pinned: &Pinned, usual: &str) -> Vec<String> {
    let checked = pinned.backend.options.get("loadbalancer.healthcheck.path");
    let mut paths = Vec::new();
    for known in [checked, None] {
        let path = Target::new(&pinned.router.rule, known, pinned.strips_prefix).path;
        if path != usual && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// For each router the best way to ask, as long as none has been tried.
pub(super) fn doors(
    gateway: &Gateway,
    routers: &[Pinned],
    health: Option<&str>,
) -> Vec<Option<Door>> {
    let door = |pinned| {
        let first = candidates(gateway, pinned, health, None).into_iter().next();
        first.map(|candidate| candidate.door)
    };
    routers.iter().map(door).collect()
}

impl Pinning {
    pub(super) fn candidates(&self, pinned: &Pinned) -> Vec<Candidate> {
        let health = self.health.as_deref();
        candidates(&self.gateway, pinned, health, self.relay.as_ref())
    }

    /// Takes the ways that have proved themselves, or the best of each router where none was tried.
    pub(super) fn choose_doors(&mut self) {
        let choose = |(number, pinned): (usize, &Pinned)| {
            let mut candidates = self.candidates(pinned).into_iter();
            let chosen = match self.proofs.get(number) {
                None => candidates.next(),
                Some(proof) => candidates.find(|candidate| candidate.proof() == *proof),
            };
            chosen.map(|candidate| candidate.door)
        };
        self.doors = self.routers.iter().enumerate().map(choose).collect();
    }

    /// Starts what asks in Traefik's own network, where it does not run.
    pub(super) async fn relay(&mut self, sidecars: &mut Sidecars) {
        match &self.relay {
            Some(relay) if self.is_beside_traefik(sidecars, relay).await => return,
            _ => {}
        }
        let relay = Relay::start(sidecars, &self.gateway.id).await;
        self.relay = relay
            .inspect_err(|error| tracing::warn!(%error, "nothing asks in Traefik's own network"))
            .ok();
    }

    async fn is_beside_traefik(&self, sidecars: &Sidecars, relay: &Relay) -> bool {
        let is_beside = relay.is_beside(&sidecars.docker, &self.gateway.id).await;
        is_beside.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether Traefik was started again is not known");
            true
        })
    }

    /// Makes sure that there is a way to look, as long as none was tried.
    pub(super) async fn open(&mut self, sidecars: &mut Sidecars) {
        if self.gateway.api.is_none() && self.doors.iter().all(Option::is_none) {
            self.relay(sidecars).await;
            self.choose_doors();
        }
    }

    /// Looks for its Traefik once more: started again it may have other host ports, and recreated
    /// it is another container. False where none runs.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(super) async fn find_again(
        &mut self,
        sidecars: &mut Sidecars,
    ) -> Result<bool, TrafficError> {
        let found = self.gateway.find_again(&sidecars.docker).await;
        let Some(found) = found.map_err(TrafficError::engine("look for Traefik"))? else {
            return Ok(false);
        };
        if found.id != self.gateway.id {
            tracing::info!(traefik = found.name, id = found.id, "Traefik was recreated");
        }
        self.gateway = found;
        let asks_within = |proof: &Proof| matches!(proof, Proof::Asked { within: true, .. });
        if self.relay.is_some() || self.proofs.iter().any(asks_within) {
            self.relay(sidecars).await;
        }
        self.choose_doors();
        Ok(true)
    }
}
