//! What must not happen while requests go to a set: a container of it ends or turns unhealthy.
//!
//! A pin leads to its container whatever the container's health, so that Traefik does not take it
//! out by itself; and a phase that waits for something else would notice late.

use std::{collections::HashMap, future::Future};

use bollard::Docker;
use futures_util::StreamExt;

use super::{
    Driver,
    failure::{FailureKind, Trouble},
    health::{crashed, inspect_with_cause},
};
use crate::{
    Result,
    docker::{self, Heard},
    event::{Color, Phase},
    model::{ContainerState, Health},
};

impl Driver {
    /// Ends only when a container that serves in this phase fails, and then with what it was.
    pub(super) fn guard(&self, phase: Phase) -> impl Future<Output = Trouble> + use<> {
        let of = |color, ids: Vec<String>| ids.into_iter().map(move |id| (id, color));
        let blue = of(Color::Blue, self.live_blue());
        let green = of(Color::Green, self.green.clone());
        let guarded: HashMap<_, _> = match phase {
            Phase::Preparation | Phase::DeployGreen | Phase::HealthCheck => HashMap::new(),
            Phase::VerifyTraffic => blue.chain(green).collect(),
            Phase::RemoveBlue | Phase::Verification => green.collect(),
        };
        watch(self.docker.clone(), guarded)
    }
}

async fn watch(docker: Docker, guarded: HashMap<String, Color>) -> Trouble {
    if guarded.is_empty() {
        return std::future::pending().await;
    }
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let filters = [
        ("type", words(&["container"])),
        ("event", words(&["die", "oom", "health_status"])),
        ("container", guarded.keys().cloned().collect()),
    ];
    let mut events = docker::events(&docker, &filters);
    while let Some(heard) = events.next().await {
        let Heard::Event(event) = heard else {
            continue;
        };
        let Some((id, color)) = event
            .actor
            .and_then(|actor| guarded.get_key_value(&actor.id?))
        else {
            continue;
        };
        match judge(&docker, id, *color).await {
            Ok(Some(trouble)) => return trouble,
            Ok(None) => {}
            Err(error) => return Trouble::from(error),
        }
    }
    std::future::pending().await
}

/// What is wrong with a container that serves.
async fn judge(docker: &Docker, id: &str, color: Color) -> Result<Option<Trouble>> {
    let trouble = |kind, what: &str| {
        let message = format!("{color} {what} while requests went to it");
        Some(Trouble::new(kind, message).of_container(id))
    };
    let Some(container) = inspect_with_cause(docker, id).await? else {
        return Ok(trouble(FailureKind::Gone, "was removed by somebody else"));
    };
    if color == Color::Green
        && let Some(trouble) = crashed(&container)
    {
        return Ok(Some(trouble));
    }
    let replica = docker::replica(&container);
    Ok(match (replica.state, replica.health) {
        (ContainerState::Running, Health::Unhealthy) => {
            trouble(FailureKind::Unhealthy, "turned unhealthy")
        }
        (ContainerState::Running, _) => None,
        _ => trouble(FailureKind::Exited, "ended"),
    })
}
