//! What must not happen while requests go to a set: a container of it ends or turns unhealthy.
//!
//! A pin leads to its container whatever the container's health, so that Traefik does not take it
//! out by itself; and a phase that waits for something else would notice late.

use std::{collections::BTreeMap, time::Duration};

use bollard::Docker;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Driver,
    failure::{FailureKind, Trouble},
    health::{crashed, inspect_with_cause},
};
use teal_docker::{self as docker, Heard};
use teal_model::event::Color;
use teal_model::{ContainerState, Health, Result};

/// The time between two looks. Events tell changes only: the first look tells what happened before
/// they were listened to, between two phases.
const LOOK: Duration = Duration::from_secs(2);

impl Driver {
    /// Ends only when a container of these sets that gets requests fails, and then with what it was.
    pub(super) fn guard_sets(&self, sets: &[Color]) -> BoxFuture<'static, Trouble> {
        let mut guarded = BTreeMap::new();
        for color in sets {
            let ids = match color {
                Color::Blue => &self.serving_blue,
                Color::Green => &self.green,
            };
            guarded.extend(ids.iter().map(|id| (id.clone(), *color)));
        }
        watch(self.docker.clone(), guarded).boxed()
    }
}

/// Ends as soon as a container that gets requests has ended or is unhealthy; never where none is guarded.
pub async fn watch(docker: Docker, guarded: BTreeMap<String, Color>) -> Trouble {
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
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Which one to look at: all at a look, one at an event of its own.
        let about = tokio::select! {
            _ = looks.tick() => None,
            heard = events.next() => match heard {
                Some(Heard::Event(event)) => event.actor.and_then(|actor| actor.id),
                // The looks go on meanwhile.
                _ => continue,
            },
        };
        for (id, color) in &guarded {
            if about.as_ref().is_some_and(|about| about != id) {
                continue;
            }
            match judge(&docker, id, *color).await {
                Ok(Some(trouble)) => return trouble,
                Ok(None) => {}
                Err(error) => return Trouble::from(error),
            }
        }
    }
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
