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
use teal_docker as docker;
use teal_model::ContainerState;
use teal_model::event::Phase;
use teal_traffic::Accepts;

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
    /// Returns once all of these have run and accepted connections, as Blue does, for a poll interval
    /// without a break. Of a worker, which accepts none, only that it runs is seen.
    pub(super) async fn until_accepting(
        &mut self,
        containers: &[String],
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let poll = Duration::from_millis(self.plan.options.poll_interval_ms);
        // It has to fit into what is left of the health timeout.
        let longest = deadline.saturating_duration_since(Instant::now()) / 2;
        let (poll, unseen) = (poll.min(longest), (poll * UNSEEN).min(longest));
        self.step(
            Phase::HealthCheck,
            &format!(
                "Green has no health check: waiting until it has accepted connections for {} s",
                poll.as_secs_f64()
            ),
        );
        let mut stable: HashMap<&str, Stable> = HashMap::new();
        let mut is_warned = false;
        let mut wanted = None;
        loop {
            // A Blue that was just started may listen later.
            wanted = wanted.max(self.blue_accepts().await);
            let mut all = true;
            for id in containers {
                let state = stable.entry(id).or_default();
                let runs = self.runs(id, state).await?;
                let accepts = match wanted {
                    _ if !runs => Some(false),
                    Some(wanted) if wanted > Accepts::Nothing => {
                        self.traffic.accepts(id).await.map(|it| it >= wanted)
                    }
                    _ => None,
                };
                if accepts.is_none() && !is_warned {
                    is_warned = true;
                    self.rollout.warn(format!(
                        "nobody can ask Green, as nothing of Blue is known to listen: Teal only checks that it runs for {} s",
                        unseen.as_secs_f64()
                    ));
                }
                state.since = match accepts {
                    Some(false) => None,
                    _ => state.since.or_else(|| Some(Instant::now())),
                };
                let window = if accepts.is_none() { unseen } else { poll };
                all &= state.since.is_some_and(|since| since.elapsed() >= window);
            }
            if all {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(late(containers, &stable, wanted));
            }
            // Where it is seen, each look waits for a new report.
            if wanted.is_none_or(|wanted| wanted == Accepts::Nothing) {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Where Blue accepts connections, the best of it: Green has to do as well. Of a Blue that does not
    /// run, what the routes and the image name; `None` where nothing is known.
    async fn blue_accepts(&mut self) -> Option<Accepts> {
        let blue = self.live_blue();
        if blue.is_empty() {
            return self.traffic.knows_ports().then_some(Accepts::Requests);
        }
        let mut best = None;
        for id in blue {
            best = best.max(self.traffic.accepts(&id).await);
        }
        best
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

fn late(containers: &[String], stable: &HashMap<&str, Stable>, wanted: Option<Accepts>) -> Trouble {
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
        match wanted {
            Some(Accepts::Requests | Accepts::Others) => {
                "Green did not accept connections without a break in time"
            }
            Some(Accepts::Nothing) | None => "Green did not run without a break for long enough",
        },
    )
    .of_container(id)
}
