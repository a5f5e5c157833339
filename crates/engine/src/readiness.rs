//! Whether a service can be rolled out, and what stands in the way. Pure: figures in, verdicts out.

mod stateful;
#[cfg(test)]
mod tests;
mod wish;

use crate::{
    compose::{ComposeModel, ComposeService},
    model::{
        ContainerState, EngineInfo, HealthCheck, Level, Limits, Memory, Readiness, Replica, Route,
        Verdict, VerdictCode, Volume,
    },
};

/// All that is known about a service when it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The service's name in the model.
    pub name: &'a str,
    /// The model without Teal's override.
    pub model: &'a ComposeModel,
    pub service: &'a ComposeService,
    /// Its containers on the engine, running or not.
    pub replicas: &'a [Replica],
    /// The health check that the image brings.
    pub image_health: Option<&'a HealthCheck>,
    pub routes: &'a [Route],
    pub engine: &'a EngineInfo,
    /// What a rollout is asked for; none where a service is only looked at.
    pub wish: Option<Wish>,
}

/// The limits that a rollout is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Of each container of Green.
    pub limits: Limits,
    /// The most that one container of Blue uses now.
    pub memory_in_use: Option<Memory>,
}

/// What stands in the way of a rollout, the worst first; empty means ready.
pub(crate) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(not_running(facts));
    verdicts.extend(one_shot(facts));
    verdicts.extend(container_name(facts));
    verdicts.extend(network(facts));
    verdicts.extend(host_ports(facts));
    verdicts.extend(stateful_image(facts));
    verdicts.extend(shared_volumes(facts));
    verdicts.extend(no_health_check(facts));
    verdicts.extend(replicas_differ(facts));
    verdicts.extend(no_route(facts));
    verdicts.extend(callers(facts));
    if let Some(wish) = &facts.wish {
        verdicts.extend(wish::verdicts(facts, wish));
    }
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.level));
    verdicts
}

/// The known name that is most like `name`, where one is like it at all.
pub(crate) fn nearest(name: &str, known: &[String]) -> Option<String> {
    /// Below this the names have too little in common to be a slip of the pen.
    const LIKE: f64 = 0.5;
    let name = name.to_lowercase();
    known
        .iter()
        .map(|other| {
            let likeness = strsim::normalized_damerau_levenshtein(&name, &other.to_lowercase());
            (likeness, other)
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other.clone())
}

fn refused(code: VerdictCode, reason: String, remedy: impl Into<String>) -> Verdict {
    verdict(Level::Refused, code, reason, remedy)
}

fn needs_force(code: VerdictCode, reason: String, remedy: impl Into<String>) -> Verdict {
    verdict(Level::NeedsForce, code, reason, remedy)
}

fn warning(code: VerdictCode, reason: String, remedy: impl Into<String>) -> Verdict {
    verdict(Level::Warning, code, reason, remedy)
}

fn verdict(level: Level, code: VerdictCode, reason: String, remedy: impl Into<String>) -> Verdict {
    Verdict {
        level,
        code,
        readiness: Readiness::Ready,
        reason,
        meaning: String::new(),
        remedy: remedy.into(),
        fix: None,
    }
}

/// The containers that are Blue in a rollout.
fn blue<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Replica> {
    let replicas = facts.replicas.iter();
    replicas.filter(|replica| replica.state == ContainerState::Running)
}

/// How many containers Blue has, or would have.
fn size(facts: &Facts) -> u64 {
    let running = blue(facts).count() as u64;
    if running > 0 {
        running
    } else {
        facts.service.replicas().max(1).into()
    }
}

fn not_running(facts: &Facts) -> Option<Verdict> {
    if blue(facts).next().is_some() {
        return None;
    }
    let name = facts.name;
    let (is, remedy) = match facts.replicas.first().map(|replica| replica.state) {
        None => (
            "has no container".into(),
            format!("start it with `docker compose up -d {name}`"),
        ),
        Some(ContainerState::Paused) => (
            "is paused".into(),
            format!("wake it with `docker compose unpause {name}`"),
        ),
        Some(ContainerState::Restarting) => (
            "keeps restarting".into(),
            format!("see why in `docker compose logs {name}`, and repair it first"),
        ),
        Some(state) => (
            format!("is not running ({state:?})").to_lowercase(),
            format!("start it with `docker compose up -d {name}`"),
        ),
    };
    Some(refused(VerdictCode::NotRunning, is, remedy))
}

fn one_shot(facts: &Facts) -> Option<Verdict> {
    let mode = facts.service.special_mode()?;
    Some(refused(
        VerdictCode::OneShot,
        format!("has the mode `{mode}`"),
        "only a service that runs on, in the mode `replicated`, has a Blue to replace: remove `deploy.mode`",
    ))
}

fn container_name(facts: &Facts) -> Option<Verdict> {
    let name = facts.service.container_name.as_deref()?;
    Some(refused(
        VerdictCode::ContainerName,
        format!("has the fixed container name `{name}`, so Green can't run beside Blue"),
        "remove `container_name`: Compose names and numbers the containers itself",
    ))
}

fn network(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let code = VerdictCode::NetworkMode;
    let mode = facts.service.network_mode.as_deref().unwrap_or_default();
    if mode == "host" {
        verdicts.push(refused(
            code,
            "uses the host's network, where Blue and Green would want the same ports".into(),
            "remove `network_mode: host` and let Traefik reach it in a Compose network",
        ));
    } else if let Some((_, other)) = mode.split_once(':') {
        verdicts.push(refused(
            code,
            format!(
                "lives in the network of `{other}`, where Blue and Green would want the same ports"
            ),
            "remove `network_mode` and give the service a Compose network of its own",
        ));
    }
    let lodgers = facts.model.lodgers(facts.name);
    if !lodgers.is_empty() {
        verdicts.push(refused(
            code,
            format!(
                "{} in the network or process space of its container, and would lose it with Blue",
                lives(&lodgers)
            ),
            format!(
                "take `service:{}` out of it, and connect both by a Compose network",
                facts.name
            ),
        ));
    }
    let addresses = facts.service.fixed_addresses();
    if !addresses.is_empty() {
        verdicts.push(refused(
            code,
            format!(
                "has the fixed address {}, which only one container can have",
                list(&addresses)
            ),
            "remove the address: Traefik and other services find the containers by themselves",
        ));
    }
    verdicts
}

fn host_ports(facts: &Facts) -> Option<Verdict> {
    let needed = 2 * size(facts);
    let fixed: Vec<_> = facts
        .service
        .ports
        .iter()
        .filter(|port| {
            let Some((first, last)) = port.host_ports() else {
                return false;
            };
            u64::from(last.saturating_sub(first)) + 1 < needed
        })
        .collect();
    let first = fixed.first()?;
    let ports: Vec<_> = fixed.iter().map(|port| format!("`{port}`")).collect();
    Some(refused(
        VerdictCode::HostPort,
        format!(
            "publishes {}: Blue and Green need {needed} host ports for {}",
            ports.join(", "),
            if fixed.len() == 1 { "it" } else { "each" },
        ),
        format!(
            "remove the host port and let Traefik route to the service, or publish a random one: `ports: [\"{}\"]`",
            first.target
        ),
    ))
}

fn stateful_image(facts: &Facts) -> Option<Verdict> {
    let image = facts.service.image.as_deref()?;
    let kind = stateful::kind(image)?;
    Some(needs_force(
        VerdictCode::Stateful,
        format!("`{image}` is a {kind}: Blue and Green would each have, or fight for, its data"),
        "change its limits with a restart in a quiet hour, or use `--force` if two of it can run on the same data",
    ))
}

fn shared_volumes(facts: &Facts) -> Option<Verdict> {
    let mut shared: Vec<_> = facts
        .service
        .mounts()
        .into_iter()
        .filter(is_shared_state)
        .map(|volume| format!("`{}`", volume.source.unwrap_or(volume.target)))
        .collect();
    let from = facts.service.volumes_from.iter();
    shared.extend(
        from.filter(|from| !from.ends_with(":ro"))
            .map(|from| format!("the volumes of `{from}`")),
    );
    if shared.is_empty() {
        return None;
    }
    Some(needs_force(
        VerdictCode::SharedVolume,
        format!("Blue and Green would both write to {}", shared.join(", ")),
        "mount it read-only (`:ro`) if the service only reads it, or use `--force` if two containers may write to it",
    ))
}

/// Whether all containers of a service write to this mount. Each has anonymous volumes and tmpfs
/// of its own, and the engine's socket holds no state of the service.
fn is_shared_state(volume: &Volume) -> bool {
    let sockets = [
        "docker.sock",
        "docker_engine",
        "podman.sock",
        "containerd.sock",
    ];
    let Some(source) = &volume.source else {
        return false;
    };
    let file = source.rsplit(['/', '\\']).next().unwrap_or_default();
    matches!(volume.kind.as_str(), "volume" | "bind" | "cluster")
        && !volume.read_only
        && !sockets.contains(&file)
}

fn no_health_check(facts: &Facts) -> Option<Verdict> {
    if facts.service.health_check(facts.image_health).is_some() {
        return None;
    }
    Some(needs_force(
        VerdictCode::NoHealthCheck,
        "has no health check, neither in the file nor in the image".into(),
        "add a `healthcheck:` to the service, or use `--force`: Green then counts as healthy when it runs and accepts connections",
    ))
}

fn replicas_differ(facts: &Facts) -> Option<Verdict> {
    let running = blue(facts).count() as u64;
    let desired = u64::from(facts.service.replicas());
    if running == 0 || running == desired {
        return None;
    }
    Some(warning(
        VerdictCode::ReplicasDiffer,
        format!("{running} run, and the files ask for {desired}"),
        format!(
            "Green gets as many as run now ({running}); `docker compose up -d {}` brings it to {desired} first",
            facts.name
        ),
    ))
}

fn no_route(facts: &Facts) -> Option<Verdict> {
    if !facts.routes.is_empty() {
        return None;
    }
    Some(warning(
        VerdictCode::NoRoute,
        "no Traefik route leads to it, so nothing steers requests between Blue and Green".into(),
        "give it Traefik labels for a rollout without a failed request; without them, callers may meet a container that is just stopping",
    ))
}

fn callers(facts: &Facts) -> Option<Verdict> {
    let callers = facts.model.callers(facts.name);
    if callers.is_empty() {
        return None;
    }
    let callers: Vec<_> = callers.iter().map(|name| format!("`{name}`")).collect();
    Some(warning(
        VerdictCode::Callers,
        format!(
            "{} may call it by its service name, past Traefik, and so reach Blue and Green alike",
            callers.join(", ")
        ),
        "have them call it through Traefik, or retry a failed connection",
    ))
}

fn lives(names: &[String]) -> String {
    let verb = if names.len() == 1 { "lives" } else { "live" };
    format!("{} {verb}", list(names))
}

fn list(words: &[impl AsRef<str>]) -> String {
    let words = words.iter().map(|word| format!("`{}`", word.as_ref()));
    words.collect::<Vec<_>>().join(", ")
}
