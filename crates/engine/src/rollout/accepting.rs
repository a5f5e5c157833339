//! Health Check where there is no health check: Green runs and accepts connections for a while.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    Driver,
    failure::{FailureKind, Trouble},
    health::crashed,
};
use crate::{docker, event::Phase, model::ContainerState};

/// The time between two looks where nothing tells whether connections are accepted.
const INTERVAL: Duration = Duration::from_millis(200);

/// Where only that it runs can be seen, it has to run so many poll intervals.
const UNSEEN: u32 = 3;

/// Since when a container has run, by the engine, and has accepted connections, by this clock.
#[derive(Default)]
struct Stable {
    started_at: Option<jiff::Timestamp>,
    since: Option<Instant>,
}

impl Driver {
    /// Returns once all of these have run and accepted connections for a poll interval without a
    /// break.
    pub(super) async fn until_accepting(
        &mut self,
        containers: &[String],
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let window = Duration::from_millis(self.plan.options.poll_interval_ms);
        self.step(
            Phase::HealthCheck,
            &format!(
                "Green has no health check: waiting until it has accepted connections for {} s",
                window.as_secs_f64()
            ),
        );
        let mut stable: HashMap<&str, Stable> = HashMap::new();
        let mut is_blind = false;
        let is_worker = self.blue_listens_nowhere().await;
        loop {
            let mut all = true;
            for id in containers {
                let state = stable.entry(id).or_default();
                let runs = self.runs(id, state).await?;
                let accepts = match runs {
                    true if is_worker => None,
                    true => self.traffic.accepts(id).await,
                    false => Some(false),
                };
                if accepts.is_none() && !is_blind {
                    is_blind = true;
                    self.rollout.warn(format!(
                        "nobody can ask Green, as nothing of Blue is known to listen: only that it runs for {} s is checked",
                        (window * UNSEEN).as_secs_f64()
                    ));
                }
                state.since = match accepts {
                    Some(false) => None,
                    _ => state.since.or_else(|| Some(Instant::now())),
                };
                let window = if accepts.is_none() {
                    window * UNSEEN
                } else {
                    window
                };
                all &= state.since.is_some_and(|since| since.elapsed() >= window);
            }
            if all {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(late(containers, &stable));
            }
            // Where it is seen, each look waits for a new report.
            if is_blind {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Whether Blue runs and nothing of it listens for others, as of a worker: then Green need not
    /// either, whatever ports its image names.
    async fn blue_listens_nowhere(&mut self) -> bool {
        let blue = self.live_blue();
        let mut is_mute = !blue.is_empty();
        for id in blue {
            is_mute = is_mute && self.traffic.accepts(&id).await == Some(false);
        }
        is_mute
    }

    /// Whether a container runs.
    async fn runs(&mut self, id: &str, state: &mut Stable) -> Result<bool, Trouble> {
        let container = docker::inspect(&self.docker, id).await?.ok_or_else(|| {
            Trouble::new(FailureKind::Gone, "Green was removed by somebody else").of_container(id)
        })?;
        if let Some(trouble) = crashed(&container) {
            return Err(trouble);
        }
        let replica = docker::replica(&container);
        if replica.state != ContainerState::Running {
            return Ok(false);
        }
        if state.started_at != replica.started_at {
            state.since = None;
            if state.started_at.is_some() {
                self.traffic
                    .started_again(id)
                    .await
                    .map_err(|error| super::split::traffic(&error))?;
            }
            state.started_at = replica.started_at;
        }
        Ok(true)
    }
}

fn late(containers: &[String], stable: &HashMap<&str, Stable>) -> Trouble {
    let id = containers
        .iter()
        .find(|id| {
            stable
                .get(id.as_str())
                .is_none_or(|state| state.since.is_none())
        })
        .or(containers.first())
        .map_or("", String::as_str);
    Trouble::new(
        FailureKind::HealthTimeout,
        "Green did not accept connections without a break in time",
    )
    .of_container(id)
}
