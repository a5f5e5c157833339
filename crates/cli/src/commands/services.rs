//! `teal services`

use teal_engine::model::{ContainerState, Difference, Drift, Health, Limits, NextUp, Service};

use super::{Outcome, connect};
use crate::{
    cli::Global,
    display::{table, told as in_words},
    screen::Screen,
    text::harmless,
};

pub(super) async fn run(global: &Global, screen: &mut Screen) -> Outcome {
    let project = connect().await?.project(&global.source()).await?;
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
        harmless(service.image.as_deref().unwrap_or("(built)")).into_owned(),
        state(service).to_owned(),
        format!("{running}/{}", service.desired_replicas),
        cpu,
        memory,
        route(service),
        drift(service.drift.as_ref()),
        readiness(service),
    ]
}

fn limits(limits: &Limits) -> (String, String) {
    let none = || "none".to_owned();
    (
        limits.cpus.map_or_else(none, |cpus| cpus.to_string()),
        limits.memory.map_or_else(none, |memory| memory.to_string()),
    )
}

fn state(service: &Service) -> &'static str {
    match (service.state, service.health) {
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
    }
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

/// `ready`, or the one thing that is most in the way.
fn readiness(service: &Service) -> String {
    match service.verdicts.first() {
        None if service.edge => "Teal's edge".to_owned(),
        None => "ready".to_owned(),
        Some(verdict) => harmless(&verdict.reason).into_owned(),
    }
}
