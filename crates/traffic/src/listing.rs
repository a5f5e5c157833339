//! What Traefik's API lists of Teal's routers: the proof where no request of Teal's gets to them.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{
    api::{self, ApiRouter},
    pins::PIN,
};

/// Routers and services as Traefik runs them.
#[derive(Debug)]
pub(super) struct Listing {
    routers: Vec<ApiRouter>,
    services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    name: String,
    load_balancer: Option<LoadBalancer>,
}

#[derive(Debug, Deserialize)]
struct LoadBalancer {
    #[serde(default)]
    servers: Vec<serde_json::Value>,
}

impl Listing {
    /// `None` if the API does not answer.
    pub(super) async fn ask(address: SocketAddr) -> Option<Self> {
        let services = api::ask(address, "/api/http/services?per_page=10000").await?;
        Some(Self {
            routers: api::routers(address).await?,
            services,
        })
    }

    /// Whether Traefik serves a router, and its service has so many servers.
    ///
    /// # Errors
    /// What is missing or wrong, for people.
    pub(super) fn serves(&self, router: &str, service: &str, servers: usize) -> Result<(), String> {
        problem(&self.routers, router)?;
        if !variants(&self.routers, router).any(|_| true) {
            return Err(format!("Traefik has no router `{router}` yet"));
        }
        let name = format!("{service}@docker");
        let found = self.services.iter().find(|service| service.name == name);
        let balancer = found.and_then(|service| service.load_balancer.as_ref());
        let count = balancer.map_or(0, |balancer| balancer.servers.len());
        if count == servers {
            return Ok(());
        }
        Err(format!(
            "Traefik's service `{service}` has {count} of {servers} servers"
        ))
    }
}

/// What Traefik finds wrong with a router of Docker's.
///
/// # Errors
/// The problem, if there is one.
pub(super) fn problem(routers: &[ApiRouter], name: &str) -> Result<(), String> {
    match variants(routers, name).find_map(ApiRouter::problem) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// What is wrong with any router of Teal's.
pub(super) fn problems(routers: &[ApiRouter]) -> impl Iterator<Item = String> {
    let of_teal = routers.iter().filter(|router| router.name.contains(PIN));
    of_teal.filter_map(ApiRouter::problem)
}

/// A router as Traefik lists it: once, or once for each of its entry points that has settings of
/// its own, by the name of which the router's then begins.
fn variants<'a>(routers: &'a [ApiRouter], name: &str) -> impl Iterator<Item = &'a ApiRouter> {
    let whole = format!("{name}@docker");
    let is_its = move |router: &&ApiRouter| {
        let start = router.name.strip_suffix(&whole);
        start.is_some_and(|start| start.is_empty() || start.ends_with('-'))
    };
    routers.iter().filter(is_its)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listing(routers: &serde_json::Value, servers: usize) -> Listing {
        let server = json!({ "url": "http://10.0.0.2:80" });
        let service = json!({
            "name": "teal-pin-a-b1-blue-web@docker",
            "loadBalancer": { "servers": vec![server; servers] },
        });
        Listing {
            routers: serde_json::from_value(routers.clone()).unwrap(),
            services: vec![
                serde_json::from_value(service).unwrap(),
                serde_json::from_value(json!({ "name": "api@internal" })).unwrap(),
            ],
        }
    }

    fn serves(routers: &serde_json::Value, servers: usize) -> Result<(), String> {
        let service = "teal-pin-a-b1-blue-web";
        listing(routers, servers).serves("teal-pin-a-g1-web", service, 1)
    }

    #[test]
    fn a_router_that_traefik_splits_by_entry_points_is_served() {
        let whole = json!([{ "name": "teal-pin-a-g1-web@docker", "status": "enabled" }]);
        assert_eq!(serves(&whole, 1), Ok(()));
        let split = json!([
            { "name": "web-teal-pin-a-g1-web@docker", "status": "enabled" },
            { "name": "websecure-teal-pin-a-g1-web@docker", "status": "warning" },
        ]);
        assert_eq!(serves(&split, 1), Ok(()));
        let disabled = json!([
            { "name": "web-teal-pin-a-g1-web@docker", "status": "enabled" },
            { "name": "websecure-teal-pin-a-g1-web@docker", "status": "disabled", "error": ["why"] },
        ]);
        assert!(serves(&disabled, 1).unwrap_err().contains("why"));
    }

    #[test]
    fn a_router_of_another_name_or_provider_is_no_proof() {
        let others = json!([
            { "name": "teal-pin-a-g12-web@docker", "status": "enabled" },
            { "name": "teal-pin-a-g1-web@file", "status": "enabled" },
            { "name": "xteal-pin-a-g1-web@docker", "status": "enabled" },
        ]);
        assert!(serves(&others, 1).unwrap_err().contains("no router"));
    }

    #[test]
    fn a_service_without_its_servers_is_no_proof() {
        let whole = json!([{ "name": "teal-pin-a-g1-web@docker", "status": "enabled" }]);
        assert!(serves(&whole, 0).unwrap_err().contains("0 of 1"));
    }
}
