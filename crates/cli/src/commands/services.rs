//! `teal services`

use teal_engine::model::{
    ContainerState, Difference, Drift, Health, Level, Limits, NextUp, Service, VerdictCode,
};

use super::{Outcome, connect};
use crate::{
    cli::Global,
    display::{table, told as in_words},
    screen::{Screen, notices},
    text::{cut, harmless, short_image},
};

/// The most characters of a cell whose text may be long; `teal doctor` and `--json` tell all of it.
const LONGEST: usize = 60;
/// The same of an image's name, whose end tells the most.
const LONGEST_IMAGE: usize = 40;

pub(super) async fn run(global: &Global, screen: &mut Screen) -> Outcome {
    let project = connect().await?.project(&global.source()).await?;
    notices(&project.notices);
    if screen.is_json {
        screen.json(&project.services);
    } else if project.services.is_empty() {
        screen.line(&format!(
            "project `{}` has no services",
            harmless(&project.name)
        ));
    } else {
        screen.line(&table(
            &[
                "NAME", "IMAGE", "STATE", "REPLICAS", "CPU", "MEMORY", "ROUTE", "DRIFT", "ROLLOUT",
            ],
            project.services.iter().map(row),
        ));
    }
    Ok(0)
}

fn row(service: &Service) -> Vec<String> {
    let running = service
        .replicas
        .iter()
        .filter(|replica| replica.state == ContainerState::Running)
        .count();
    let (cpu, memory) = limits(&service.limits);
    vec![
        harmless(&service.name).into_owned(),
        image(service.image.as_deref().unwrap_or("(built)")),
        state(service),
        format!("{running}/{}", service.desired_replicas),
        cpu,
        memory,
        cut(&route(service), LONGEST).into_owned(),
        cut(&drift(service.drift.as_ref()), LONGEST).into_owned(),
        cut(&readiness(service), LONGEST).into_owned(),
    ]
}

fn image(name: &str) -> String {
    let short = short_image(name);
    let all = short.chars().count();
    let shown = match all.checked_sub(LONGEST_IMAGE) {
        None | Some(0) => short.into_owned(),
        Some(over) => format!("…{}", short.chars().skip(over + 1).collect::<String>()),
    };
    harmless(&shown).into_owned()
}

fn limits(limits: &Limits) -> (String, String) {
    let none = || "none".to_owned();
    (
        limits.cpus.map_or_else(none, |cpus| cpus.to_string()),
        limits.memory.map_or_else(none, |memory| memory.to_string()),
    )
}

fn state(service: &Service) -> String {
    let word = match (service.state, service.health) {
        (None, _) if !service.off_profiles.is_empty() => {
            let profiles = harmless(&service.off_profiles.join(", ")).into_owned();
            return format!("off (profile {profiles})");
        }
        (None, _) => "not created",
        (Some(ContainerState::Running), Health::None) => "running",
        (Some(ContainerState::Running), Health::Healthy) => "healthy",
        (Some(ContainerState::Running), Health::Starting) => "starting",
        (Some(ContainerState::Running), Health::Unhealthy) => "unhealthy",
        (Some(ContainerState::Created), _) => "created",
        (Some(ContainerState::Paused), _) => "paused",
        (Some(ContainerState::Restarting), _) => "restarting",
        (Some(ContainerState::Removing), _) => "removing",
        (Some(ContainerState::Exited), _) => "exited",
        (Some(ContainerState::Dead), _) => "dead",
    };
    word.to_owned()
}

fn route(service: &Service) -> String {
    let route = service
        .routes
        .first()
        .map(|route| route.url.as_deref().unwrap_or(&route.rule));
    harmless(route.unwrap_or("-")).into_owned()
}

/// What the next `docker compose up` would do, and what was changed by hand.
fn drift(drift: Option<&Drift>) -> String {
    let Some(drift) = drift else {
        return "-".to_owned();
    };
    let told = |differences: &[Difference]| {
        let words: Vec<_> = differences.iter().map(in_words).collect();
        words.join(", ")
    };
    let mut parts = Vec::new();
    match drift.next_up {
        NextUp::Nothing => {}
        NextUp::Recreate => parts.push(format!("up recreates: {}", told(&drift.differences))),
        NextUp::Scale => parts.push(format!("up scales: {}", told(&drift.differences))),
    }
    if !drift.by_hand.is_empty() {
        parts.push(format!("by hand: {}", told(&drift.by_hand)));
    }
    if !drift.live.is_empty() {
        parts.push(format!("changed live: {}", told(&drift.live)));
    }
    harmless(&parts.join("; ")).into_owned()
}

/// `ready`, or the one thing that is most in the way. A warning is in no way, and told behind it. That
/// there is no container is the state's to say.
fn readiness(service: &Service) -> String {
    let is_started = !service.replicas.is_empty();
    let ready = match is_started {
        true => "ready",
        false => "ready once it runs",
    };
    let mut verdicts = service.verdicts.iter();
    let worst = verdicts.find(|it| is_started || it.code != VerdictCode::NotRunning);
    match worst {
        None if service.edge => "Teal's edge".to_owned(),
        None => ready.to_owned(),
        Some(verdict) if verdict.level == Level::Warning => {
            format!("{ready}, but {}", harmless(&verdict.reason))
        }
        Some(verdict) => harmless(&verdict.reason).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use teal_engine::model::{Readiness, Verdict};

    use super::*;
    use crate::display::testing::service;

    #[test]
    fn a_warning_is_not_told_as_what_is_in_the_way() {
        let of = |level, is_started| {
            let verdict = Verdict {
                level,
                code: VerdictCode::SharedVolume,
                readiness: Readiness::Ready,
                reason: "because".into(),
                meaning: String::new(),
                remedy: String::new(),
                fix: None,
            };
            readiness(&service(&[verdict], is_started))
        };
        assert_eq!(of(Level::Warning, true), "ready, but because");
        assert_eq!(of(Level::Warning, false), "ready once it runs, but because");
        assert_eq!(of(Level::NeedsForce, true), "because");
    }
}
