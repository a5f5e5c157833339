//! Whether the service is the Traefik that leads requests to the others.

use super::{Facts, finding::refused};
use crate::{
    compose::ComposeService,
    model::{Verdict, VerdictCode},
    traffic::{are_options, is_configured, is_name},
};

pub(super) fn verdict(facts: &Facts) -> Option<Verdict> {
    let is_running_one = facts.found.is_some_and(|found| found.is_traefik);
    if !is_running_one && !is_traefik(facts.name, facts.service) {
        return None;
    }
    let what = facts.service.image.as_deref().unwrap_or(facts.name);
    Some(
        refused(
            VerdictCode::Proxy,
            format!("`{what}` routes the requests of other services"),
        )
        .means("nothing stands before it that could move its requests from Blue to Green")
        .remedy("change its limits with `teal update`, or in a quiet hour")
        .for_good(),
    )
}

/// As far as the files tell.
fn is_traefik(name: &str, service: &ComposeService) -> bool {
    if service.image.as_deref().is_some_and(is_name) {
        return true;
    }
    let words = service.entrypoint.iter().chain(&service.command);
    if words.into_iter().any(|words| are_options(words)) {
        return true;
    }
    let sees_engine = service.mounts().iter().any(|mount| {
        let ends = [mount.source.as_deref(), Some(&*mount.target)];
        ends.into_iter()
            .flatten()
            .any(|path| path.ends_with("docker.sock"))
    });
    let variables: Vec<_> = service.environment.keys().collect();
    let is_built_one = service.image.is_none()
        && service.build.as_ref().is_some_and(|build| {
            is_name(name)
                || build
                    .context
                    .file_name()
                    .is_some_and(|name| name == "traefik")
        });
    sees_engine && (is_built_one || is_configured(&variables))
}
