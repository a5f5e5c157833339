//! Programs that lead requests to other services: whether the service is one, and which one leads to
//! it without Traefik.

use super::{Facts, words::is_one_of};
use teal_compose::{ComposeModel, ComposeService};
use teal_docker::ImageName;
use teal_model::{Verdict, VerdictCode, list};
use teal_traffic::{are_options, is_configured, is_name};

/// A proxy that finds containers on the engine by itself, by what their services say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Discovering {
    NginxProxy,
    Caddy,
}

/// Routers besides Traefik, by the last part of their images' names. Plain servers, such as nginx and
/// Caddy, are not among them: most serve files, or one application.
const ROUTERS: [&str; 4] = [
    "nginx-proxy",
    "caddy-docker-proxy",
    "nginx-proxy-manager",
    "swag",
];

/// Who publishes those that ask the engine.
const MAKERS: [&str; 3] = [
    "jwilder/nginx-proxy",
    "nginxproxy/nginx-proxy",
    "lucaslorentz/caddy-docker-proxy",
];

/// Whether it routes the requests of others.
pub(super) fn is_router(facts: &Facts) -> bool {
    let is_running_one = facts.found.is_some_and(|found| found.is_traefik);
    is_running_one || routes_others(facts.name, facts.service)
}

pub(super) fn verdict(facts: &Facts) -> Option<Verdict> {
    if !is_router(facts) {
        return None;
    }
    let what = facts.service.image.as_deref().unwrap_or(facts.name);
    Some(
        Verdict::refused(
            VerdictCode::Proxy,
            format!("`{what}` routes the requests of other services"),
        )
        .means("no proxy in front of it can move its requests from Blue to Green")
        .remedy("change its limits with `teal update` or in a maintenance window")
        .for_good(),
    )
}

/// What leads requests to the service without Traefik, and what that means for a rollout.
pub(super) fn other_way(facts: &Facts) -> Option<Verdict> {
    let (kind, said) = asked_for(facts.service)?;
    let proxy = kind.in_project(facts.model);
    let verdict = Verdict::warning(
        VerdictCode::NoRoute,
        format!("{proxy} sends requests to Green as soon as it runs ({said})"),
    )
    .means("it discovers each container of the service itself: Green gets requests before it is healthy, and Blue until it has exited");
    Some(match kind {
        Discovering::NginxProxy => verdict.remedy(
            "have the program open its port only once it can serve, and finish its requests when it is stopped: nginx tries the other container where one refuses",
        ),
        Discovering::Caddy => verdict.remedy(
            "give it the label `caddy.reverse_proxy.lb_try_duration: 5s`, so that Caddy tries the other container where one refuses, and have the program finish its requests when it is stopped",
        ),
    })
}

/// As far as the files tell.
fn routes_others(name: &str, service: &ComposeService) -> bool {
    is_traefik(name, service) || is_other_router(name, service)
}

fn is_traefik(name: &str, service: &ComposeService) -> bool {
    if service.image.as_deref().is_some_and(is_name) {
        return true;
    }
    let words = service.entrypoint.iter().chain(&service.command);
    if words.into_iter().any(|words| are_options(words)) {
        return true;
    }
    let variables: Vec<_> = service.environment.keys().collect();
    let is_built_one = is_built_as(name, service, is_name);
    sees_engine(service) && (is_built_one || is_configured(&variables))
}

fn is_other_router(name: &str, service: &ComposeService) -> bool {
    let is_router = |name: &str| ROUTERS.contains(&name);
    match service
        .image
        .as_deref()
        .map(|image| ImageName::new(image).repository)
    {
        // Others give the names of those that ask the engine to plain servers, too.
        Some(image)
            if is_one_of(
                "nginx-proxy caddy-docker-proxy",
                ImageName::new(image).last(),
            ) =>
        {
            sees_engine(service) || MAKERS.iter().any(|maker| image.ends_with(maker))
        }
        Some(image) => is_router(ImageName::new(image).last()),
        None => sees_engine(service) && is_built_as(name, service, is_router),
    }
}

/// Whether it is built as something that goes by its own name, or by that of its folder.
fn is_built_as(name: &str, service: &ComposeService, is: impl Fn(&str) -> bool) -> bool {
    service.image.is_none()
        && service.build.as_ref().is_some_and(|build| {
            let folder = build.context.file_name().and_then(|folder| folder.to_str());
            is(name) || folder.is_some_and(&is)
        })
}

fn sees_engine(service: &ComposeService) -> bool {
    service.environment.contains_key("DOCKER_HOST")
        || service.mounts().iter().any(|mount| {
            let ends = [mount.source.as_deref(), Some(&*mount.target)];
            ends.into_iter()
                .flatten()
                .any(|path| path.ends_with("docker.sock"))
        })
}

/// Whether a service asks a proxy that finds containers by itself to lead requests to it.
pub(super) fn is_asked_for(service: &ComposeService) -> bool {
    asked_for(service).is_some()
}

/// The proxy that a service asks for, and by what.
fn asked_for(service: &ComposeService) -> Option<(Discovering, String)> {
    let variable = ["VIRTUAL_HOST", "VIRTUAL_HOST_MULTIPORTS"]
        .into_iter()
        .find(|name| service.environment.contains_key(*name));
    if let Some(variable) = variable {
        return Some((Discovering::NginxProxy, format!("`{variable}`")));
    }
    let label = service.labels.keys().find(|key| is_of_caddy(key))?;
    Some((Discovering::Caddy, format!("label `{label}`")))
}

/// `caddy`, `caddy.reverse_proxy`, `caddy_1`, `caddy_1.tls` …
fn is_of_caddy(label: &str) -> bool {
    let first = label.split('.').next().unwrap_or_default();
    first.strip_prefix("caddy").is_some_and(|rest| {
        let number = rest.strip_prefix('_');
        rest.is_empty() || number.is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

impl Discovering {
    /// As the project calls it; by its own name where it is of another project.
    fn in_project(self, model: &ComposeModel) -> String {
        let own = match self {
            Self::NginxProxy => "nginx-proxy",
            Self::Caddy => "caddy-docker-proxy",
        };
        let is_it = |name: &str, service: &ComposeService| {
            let image = service
                .image
                .as_deref()
                .map(|image| ImageName::new(image).last());
            is_other_router(name, service) && (image == Some(own) || name == own)
        };
        let services = model.services.iter();
        let found: Vec<_> = services
            .filter(|(name, service)| is_it(name, service))
            .map(|(name, _)| name.as_str())
            .collect();
        match found.as_slice() {
            [] => own.to_owned(),
            found => list(found),
        }
    }
}
