//! Whether a service can be rolled out, what stands in the way, and what takes it away. Pure:
//! figures in, verdicts out. One file for each kind of thing that is judged.

mod container;
#[cfg(test)]
mod corpus;
mod devices;
mod duty;
mod health;
mod image;
mod layer;
mod mounts;
mod neighbours;
mod ports;
mod proxy;
#[cfg(test)]
mod published;
mod role;
mod room;
mod running;
mod state;
mod stateful;
#[cfg(test)]
mod tests;
mod traffic;
mod wish;
mod words;

use std::path::Path;

use teal_compose::{ComposeModel, ComposeService};
use teal_docker::teal_label;
use teal_model::{
    ContainerState, EngineInfo, HealthCheck, HealthTest, HostPort, Level, Limits, Memory,
    Readiness, Replica, RolloutOptions, Route, Verdict, VerdictCode,
};

pub use health::deadline;
pub use layer::{goes_with_blue, written};
pub use mounts::is_cache;
pub use room::{Sets, by_use};

/// All that is known about a service when it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The service's name in the model.
    pub name: &'a str,
    /// The model without Teal's override.
    pub model: &'a ComposeModel,
    pub service: &'a ComposeService,
    /// The project's folder.
    pub directory: &'a Path,
    /// What the engine says of it; `None` if only the files are judged.
    pub found: Option<Found<'a>>,
    /// How a rollout would be done.
    pub options: &'a RolloutOptions,
    pub engine: &'a EngineInfo,
    /// What a rollout is asked for; `None` if a service is only looked at.
    pub wish: Option<Wish>,
}

/// What the engine says of a service.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its containers, running or not.
    pub replicas: &'a [Replica],
    /// The health check that the image brings.
    pub image_health: Option<&'a HealthCheck>,
    /// Where its containers keep files in volumes without a name that only the image asks for.
    pub image_volumes: &'a [String],
    pub routes: &'a [Route],
    /// The ports of the host that its containers have now.
    pub published: &'a [HostPort],
    /// Whether it is a Traefik itself.
    pub is_traefik: bool,
    /// The ports of its containers that anybody may ask, as far as files or image name any.
    pub ports: &'a [u16],
}

/// The limits that a rollout is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Of each container of Green.
    pub limits: Limits,
    /// How many containers Green gets.
    pub replicas: u64,
    /// `None` if nobody waited for it.
    pub in_use: Option<InUse>,
}

/// What is in use now.
#[derive(Debug, Clone, Copy)]
pub struct InUse {
    /// The most memory that one container of Blue uses.
    pub memory: Option<Memory>,
    /// The memory that all containers of the engine use.
    pub engine: Memory,
    /// The cores that one container of Blue has used on average since it started.
    pub cores: Option<f64>,
}

/// What stands in the way of a rollout, the worst first; empty means ready.
pub fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if facts.service.is_edge() {
        return own_edge(facts);
    }
    verdicts.extend(running::verdicts(facts));
    verdicts.extend(image::verdict(facts));
    verdicts.extend(role_verdict(facts));
    verdicts.extend(devices::verdicts(facts));
    verdicts.extend(container::verdicts(facts));
    verdicts.extend(state::verdicts(facts));
    verdicts.extend(health::verdicts(facts));
    verdicts.extend(traffic::verdicts(facts));
    verdicts.extend(neighbours::verdicts(facts));
    drop_beside_the_point(&mut verdicts, facts);
    if let Some(wish) = &facts.wish {
        verdicts.extend(wish::verdicts(facts, wish));
    }
    sort(&mut verdicts);
    verdicts
}

/// A job has neither callers nor a need of a check, and a check helps none that can't run twice.
fn drop_beside_the_point(verdicts: &mut Vec<Verdict>, facts: &Facts) {
    let is_job = running::is_job(facts) || facts.role() == Some(role::Role::Job);
    let is_final = verdicts.iter().any(|verdict| {
        verdict.level == Level::Refused && verdict.readiness == Readiness::NotForBlueGreen
    });
    verdicts.retain(|verdict| match verdict.code {
        VerdictCode::NoHealthCheck => !is_job && !is_final,
        VerdictCode::Callers => !is_job,
        _ => true,
    });
}

/// What it is for, where that alone keeps it from Blue/Green. A job that the files or its containers
/// show to be one, and a Traefik, have a verdict already.
fn role_verdict(facts: &Facts) -> Option<Verdict> {
    let is_known = running::is_job(facts) || proxy::verdict(facts).is_some();
    match is_known {
        true => None,
        false => role::verdict(facts),
    }
}

/// Teal's own edge is nothing that anybody has to make ready; its limits are changed live.
fn own_edge(facts: &Facts) -> Vec<Verdict> {
    let Some(wish) = &facts.wish else {
        return Vec::new();
    };
    let mut verdicts = wish::verdicts(facts, wish);
    verdicts.push(
        Verdict::refused(
            VerdictCode::Proxy,
            "is Teal's own edge, which holds the ports of others",
        )
        .means("two edges can't hold one port")
        .remedy("change its limits live with `teal update`")
        .for_good(),
    );
    sort(&mut verdicts);
    verdicts
}

/// The worst first: what keeps a service from Blue/Green for good, then what has to be removed.
pub fn sort(verdicts: &mut [Verdict]) {
    verdicts.sort_by_key(|verdict| std::cmp::Reverse((verdict.level, verdict.readiness)));
}

impl<'a> Facts<'a> {
    fn published(&self) -> &'a [HostPort] {
        self.found.map_or(&[], |found| found.published)
    }

    fn replicas(&self) -> &'a [Replica] {
        self.found.map_or(&[], |found| found.replicas)
    }

    /// The health check in force: the file's, else the image's.
    fn health_check(&self) -> Option<HealthCheck> {
        let image = self.found.and_then(|found| found.image_health);
        self.service.health_check(image)
    }

    /// Whether a label says how Teal itself finds the health out.
    fn is_asked_by_teal(&self) -> bool {
        let label = self.service.labels.get(teal_label::HEALTH);
        label.is_some_and(|label| HealthTest::from_label(label).is_some())
    }

    /// The containers that serve now.
    fn serving(&self) -> impl Iterator<Item = &'a Replica> {
        let replicas = self.replicas().iter();
        replicas.filter(|replica| replica.state == ContainerState::Running)
    }

    /// How many containers Blue has, or would have.
    fn size(&self) -> u64 {
        match self.replicas().len() as u64 {
            0 => self.service.replicas().max(1).into(),
            size => size,
        }
    }

    /// How many containers Green gets; as many as Blue has where nobody has said.
    fn green_size(&self) -> u64 {
        self.wish.map_or_else(|| self.size(), |wish| wish.replicas)
    }

    /// Whether it holds data that two containers can't share.
    fn is_stateful(&self) -> bool {
        stateful::of(self.name, self.service).is_some()
    }

    /// What it is for. A service with a route is not guessed to be a worker, and one whose image names
    /// a port only by its name: images are often shared with the service that people ask.
    fn role(&self) -> Option<role::Role> {
        let role = role::of(self.name, self.service, self.model)?;
        let is_named = role::is_named_worker(self.name);
        let is_asked = self.found.is_some_and(|found| {
            !found.routes.is_empty() || (!found.ports.is_empty() && !is_named)
        });
        let is_guess = role == role::Role::Worker && !duty::is_known_worker(self.service);
        (!is_guess || !is_asked).then_some(role)
    }

    /// Whether its containers run and nothing tells of a port that somebody could ask.
    fn listens_nowhere(&self) -> bool {
        self.serving().next().is_some()
            && self.service.has_no_port()
            && self
                .found
                .is_some_and(|found| found.ports.is_empty() && found.routes.is_empty())
    }
}
