//! Routers that lead to the service and are not in its own labels: those of files and of other
//! containers, straight or by way of other services.

use super::{
    api::ApiRouter,
    labels::{Backend, Router, Subject},
    look::{Look, unsteered_router, warning},
    pins::PIN,
    told::Told,
};
use teal_model::Verdict;

impl Look<'_> {
    /// Routers that lead straight to one of the backends.
    pub(super) fn routers_from_elsewhere(
        &self,
        subject: &Subject<'_>,
        backends: &[Backend],
        own: &[Router],
    ) -> Vec<Router> {
        let is_ours = |service: &str| backends.iter().any(|backend| backend.name == service);
        let of_files = self.routers_told().filter_map(|told| {
            let router = told.of_another_provider()?;
            let provider = told.name.rsplit_once('@').map(|(_, provider)| provider);
            is_ours(&router.service).then_some((router, provider))
        });
        // One that has a part in the service has its own requests, and a verdict for that.
        let neighbours = self.neighbours(subject).into_iter();
        let of_containers = neighbours
            .filter(|neighbour| !neighbour.has_service(is_ours))
            .flat_map(|neighbour| neighbour.routers(&self.gateway.default_rule))
            .filter(|router| is_ours(&router.service))
            .map(|router| (router, None));
        let mut found: Vec<Router> = Vec::new();
        for (mut router, provider) in of_files.chain(of_containers) {
            let is_known = |name: &str| own.iter().chain(&found).any(|known| known.name == name);
            match provider {
                // A file's may have the name of a container's.
                Some(provider) if is_known(&router.name) => {
                    router.name = format!("{}.{provider}", router.name);
                }
                None if is_known(&router.name) => continue,
                _ => {}
            }
            found.push(router);
        }
        found
    }

    /// What leads to the backends in ways that pins can't follow.
    pub(super) fn indirect_routes(&self, backends: &[Backend]) -> Vec<Verdict> {
        let Some(told) = self.api else {
            return Vec::new();
        };
        let names: Vec<_> = backends
            .iter()
            .map(|backend| format!("{}@docker", backend.name))
            .collect();
        let over = told.leading_to(&names);
        let mut verdicts: Vec<_> = told
            .routers
            .iter()
            .filter(|router| !router.name.starts_with(PIN) && router.problem().is_none())
            .filter_map(|router| {
                let service = router.qualified_service();
                let next = over.get(&*service)?;
                Some(unsteered_router(
                    &router.name,
                    &format!("it reaches the service by way of `{service}`, over `{next}`"),
                    "let it lead straight to the service while it is rolled out",
                ))
            })
            .collect();
        let mut services = names;
        services.extend(over.keys().map(|name| (*name).to_owned()));
        verdicts.extend(told.asking_for_pages(&services).map(|middleware| {
            warning(
                format!("middleware `{middleware}` asks the service for the pages of errors, and is not steered"),
                "expect a page of Traefik's own where it asks in that moment",
            )
        }));
        verdicts
    }

    /// What can't be known of routes, as a sentence.
    pub(super) fn unknown_routes(&self) -> Option<String> {
        let providers = &self.gateway.other_providers;
        if self.api.is_some() || providers.is_empty() {
            return None;
        }
        let providers: Vec<_> = providers.iter().map(|name| format!("`{name}`")).collect();
        Some(format!(
            "Traefik `{}` takes routes from elsewhere as well ({}), and its API can't be asked from here: those that lead to the service are neither known nor steered",
            self.gateway.name,
            providers.join(", ")
        ))
    }

    /// What the API tells of routers; nothing where it does not answer.
    pub(super) fn routers_told(&self) -> impl Iterator<Item = &ApiRouter> {
        self.api.into_iter().flat_map(|told: &Told| &told.routers)
    }
}
