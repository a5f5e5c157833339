//! Health Check: waits until every container of Green is healthy.
//!
//! The engine's events tell at once; the polls of the specification go on besides, and are what a
//! person sees.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{ContainerInspectResponse, RestartPolicyNameEnum},
};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::{
    failure::{FailureKind, Trouble},
    recorder::Rollout,
};
use teal_docker::{
    self as docker, Heard, container_label, inspect, probe_output, replica, teal_label,
};
use teal_model::event::EventKind;
use teal_model::{ContainerState, Health, HealthTest, Result};
use teal_traffic as traffic;

/// A container that its restart policy brings back this often is in a loop.
const RESTARTS: i64 = 3;

/// The exit code of a container that was killed, by the kernel or by somebody.
const SIGKILLED: i64 = 137;

/// What is waited for, and how long.
pub(super) struct Wait<'a> {
    pub(super) docker: &'a Docker,
    pub(super) rollout: &'a Rollout,
    /// Green's container ids.
    pub(super) containers: &'a [String],
    pub(super) timeout: Duration,
    pub(super) poll: Duration,
}

/// Where one container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Healthy,
    /// It runs, and nobody checks its health.
    Unchecked,
    Waiting,
}

impl Look {
    const fn is_ready(self) -> bool {
        matches!(self, Self::Healthy | Self::Unchecked)
    }
}

impl Wait<'_> {
    /// Returns when all are healthy at once; one without a health check is as soon as it runs. The
    /// ids of those come back.
    pub(super) async fn until_healthy(&self) -> std::result::Result<Vec<String>, Trouble> {
        let began = Instant::now();
        let mut events = self.events();
        let mut polls = interval(self.poll);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let deadline = sleep_until((began + self.timeout).into());
        tokio::pin!(deadline);
        let mut looks: HashMap<&str, Look> = HashMap::new();
        loop {
            // Which containers to look at: all at a poll, one at an event of its own.
            let about = tokio::select! {
                _ = polls.tick() => None,
                heard = events.next() => match heard {
                    Some(Heard::Event(event)) => event.actor.and_then(|actor| actor.id),
                    // The polls go on meanwhile.
                    _ => continue,
                },
                () = &mut deadline => return Err(self.timed_out(&looks)),
            };
            for id in self.containers {
                if about.as_ref().is_none_or(|about| about == id) {
                    looks.insert(id, self.look(id).await?);
                }
            }
            let is_ready = |id: &String| looks.get(id.as_str()).is_some_and(|look| look.is_ready());
            if self.containers.iter().all(is_ready) {
                let unchecked = |id: &&String| looks.get(id.as_str()) == Some(&Look::Unchecked);
                return Ok(self.containers.iter().filter(unchecked).cloned().collect());
            }
        }
    }

    fn events(&self) -> BoxStream<'static, Heard> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let filters = [
            ("type", words(&["container"])),
            ("event", words(&["health_status", "die", "oom", "start"])),
            ("container", self.containers.to_vec()),
        ];
        docker::events(self.docker, &filters)
    }

    async fn look(&self, id: &str) -> std::result::Result<Look, Trouble> {
        let Some(container) = inspect_with_cause(self.docker, id).await? else {
            return Err(
                Trouble::new(FailureKind::Gone, "Green was removed by somebody else")
                    .of_container(id),
            );
        };
        let replica = replica(&container);
        let asked = self.ask(&container).await?;
        let health = match &asked {
            Some(said) if said.success => Health::Healthy,
            Some(_) => Health::Starting,
            None => replica.health,
        };
        self.rollout.emit(EventKind::HealthPoll {
            container: id.to_owned(),
            health,
            since_start_ms: since_start(&container),
            output: match asked {
                Some(said) => Some(said.output),
                None => probe_output(&container),
            },
        });
        if let Some(trouble) = crashed(&container) {
            return Err(trouble);
        }
        Ok(match (replica.state, health) {
            (ContainerState::Running, Health::Healthy) => Look::Healthy,
            (ContainerState::Running, Health::None) => Look::Unchecked,
            _ => Look::Waiting,
        })
    }

    /// Where the engine knows no health, but a label says how Teal finds it out.
    async fn ask(&self, container: &ContainerInspectResponse) -> Result<Option<traffic::Said>> {
        let found = replica(container);
        let label = container_label(container, teal_label::HEALTH);
        let Some(HealthTest::Teal { port, path }) = label.and_then(HealthTest::from_label) else {
            return Ok(None);
        };
        if found.state != ContainerState::Running || found.health != Health::None {
            return Ok(None);
        }
        traffic::ask_within(self.docker, &found.id, port, path.as_deref())
            .await
            .map(Some)
    }

    fn timed_out(&self, looks: &HashMap<&str, Look>) -> Trouble {
        let late = self
            .containers
            .iter()
            .find(|id| looks.get(id.as_str()).is_none_or(|look| !look.is_ready()))
            .map_or("", String::as_str);
        Trouble::new(
            FailureKind::HealthTimeout,
            format!(
                "Green did not become healthy within {} s",
                self.timeout.as_secs_f64()
            ),
        )
        .of_container(late)
    }
}

/// Milliseconds since the container started, by the clock of this machine.
fn since_start(container: &ContainerInspectResponse) -> u64 {
    replica(container).started_at.map_or(0, |at| {
        u64::try_from(jiff::Timestamp::now().duration_since(at).as_millis()).unwrap_or(0)
    })
}

/// A container as it is. Docker tells that it ran out of memory only after it tells that it ended,
/// so one that was killed is looked at until the cause is there, for a second at most.
pub(super) async fn inspect_with_cause(
    docker: &Docker,
    id: &str,
) -> Result<Option<ContainerInspectResponse>> {
    const LOOKS: u32 = 10;
    let mut container = inspect(docker, id).await?;
    for _ in 0..LOOKS {
        let state = container
            .as_ref()
            .and_then(|container| container.state.as_ref());
        let killed = state.is_some_and(|state| {
            state.exit_code == Some(SIGKILLED)
                && state.running != Some(true)
                && state.oom_killed != Some(true)
        });
        if !killed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        container = inspect(docker, id).await?;
    }
    Ok(container)
}

/// Whether a container has ended, or ends again and again.
pub(super) fn crashed(container: &ContainerInspectResponse) -> Option<Trouble> {
    let id = container.id.as_deref().unwrap_or_default();
    let state = container.state.as_ref()?;
    let exit_code = state.exit_code.unwrap_or(0);
    if state.oom_killed == Some(true) {
        return Some(
            Trouble::new(
                FailureKind::OutOfMemory,
                "Green ran out of memory and was killed",
            )
            .of_container(id),
        );
    }
    let restarts = container.restart_count.unwrap_or(0);
    let ended = matches!(
        replica(container).state,
        ContainerState::Exited | ContainerState::Dead
    );
    let comes_back = matches!(
        container
            .host_config
            .as_ref()
            .and_then(|config| config.restart_policy.as_ref())
            .and_then(|policy| policy.name),
        Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED)
    );
    let message = if restarts >= RESTARTS {
        format!("Green ended {restarts} times, the last time with exit code {exit_code}")
    } else if ended && !comes_back {
        format!("Green ended with exit code {exit_code}")
    } else {
        return None;
    };
    Some(Trouble::new(FailureKind::Exited, message).of_container(id))
}
