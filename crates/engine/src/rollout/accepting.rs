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
        loop {
            let mut all = true;
            for id in containers {
                let state = stable.entry(id).or_default();
                let accepts = self.runs_and_accepts(id, state).await?;
                if accepts.is_none() && !is_blind {
                    is_blind = true;
                    self.rollout.warn(
                        "whether Green accepts connections can't be seen: only that it runs is checked"
                            .to_owned(),
                    );
                }
                state.since = match accepts {
                    Some(false) => None,
                    _ => state.since.or_else(|| Some(Instant::now())),
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

    /// None where a container runs and more can't be seen.
    async fn runs_and_accepts(
        &mut self,
        id: &str,
        state: &mut Stable,
    ) -> Result<Option<bool>, Trouble> {
        let container = docker::inspect(&self.docker, id).await?.ok_or_else(|| {
            Trouble::new(FailureKind::Gone, "Green was removed by somebody else").of_container(id)
        })?;
        if let Some(trouble) = crashed(&container) {
            return Err(trouble);
        }
        let replica = docker::replica(&container);
        if replica.state != ContainerState::Running {
            return Ok(Some(false));
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
        Ok(self.traffic.accepts(id).await)
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
