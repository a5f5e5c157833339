//! The end of a set: its requests end, its `pre_stop` hooks run, and then it may be stopped.

use std::time::{Duration, Instant};

use super::{Driver, millis};
use crate::{
    docker::{self, ExecEnd},
    event::{Color, EventKind, Phase},
};

/// The time between two looks where requests can't be counted.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many counts in a row have to be zero, each made after the one before: a request may be on
/// its way from Traefik.
const QUIET: u32 = 2;

impl Driver {
    /// Waits until nothing is in flight on these containers, at most for the drain timeout, and
    /// says how many requests are cut if that was not enough. Then the service's `pre_stop` hooks
    /// run in them.
    pub(super) async fn drain(&mut self, phase: Phase, color: Color, ids: &[String]) {
        self.step(phase, "Waiting until the requests in flight have ended");
        match self.until_quiet(ids).await {
            Some(0) => self.evidence.cut(0),
            Some(count) => {
                self.evidence.cut(count);
                let requests = if count == 1 { "request was" } else { "requests were" };
                self.rollout.warn(format!(
                    "{count} {requests} still in flight on {color} after {} s and will be cut",
                    self.drain_timeout().as_secs_f64()
                ));
            }
            None if self.is_steered() => self.rollout.warn(format!(
                "requests in flight on {color} could not be counted; the whole drain timeout of {} s was waited for",
                self.drain_timeout().as_secs_f64()
            )),
            None => {}
        }
        self.run_pre_stop(phase, ids).await;
    }

    /// How many requests are in flight in the end; none where they can't be counted.
    async fn until_quiet(&mut self, ids: &[String]) -> Option<u32> {
        let timeout = self.drain_timeout();
        let began = Instant::now();
        let mut quiet = 0;
        loop {
            // Counts afresh each time, so the loop goes as fast as the sidecars report.
            let in_flight = self.traffic.in_flight(ids).await;
            self.rollout.emit(EventKind::Drain {
                in_flight,
                elapsed_ms: millis(began.elapsed()),
            });
            quiet = if in_flight == Some(0) { quiet + 1 } else { 0 };
            // Where nobody is steered away and nothing can be counted, waiting proves nothing.
            let is_pointless = in_flight.is_none() && !self.is_steered();
            if quiet >= QUIET || is_pointless || began.elapsed() >= timeout {
                return in_flight;
            }
            if in_flight.is_none() {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.plan.options.drain_timeout_ms)
    }

    /// Runs the service's `pre_stop` hooks in these containers, one after the other as Compose
    /// does, each container for its grace period at most. A hook that fails is no reason to leave
    /// the container running.
    async fn run_pre_stop(&self, phase: Phase, ids: &[String]) {
        if self.pre_stop.is_empty() {
            return;
        }
        self.step(phase, "Running the `pre_stop` hooks");
        let containers = ids.iter().map(|id| self.run_pre_stop_in(id));
        futures_util::future::join_all(containers).await;
    }

    async fn run_pre_stop_in(&self, id: &str) {
        let (name, grace_period) = match docker::inspect(&self.docker, id).await {
            Ok(Some(container)) => (
                docker::replica(&container).name,
                docker::grace_period(&container),
            ),
            // One that is gone has nothing to run them in.
            Ok(None) => return,
            Err(error) => return self.rollout.warn(super::chain(&error)),
        };
        let deadline = Instant::now() + grace_period;
        for hook in &self.pre_stop {
            let left = deadline.saturating_duration_since(Instant::now());
            let end = docker::exec(&self.docker, id, hook.exec_config(), left).await;
            let command = hook.command.join(" ");
            let trouble = match end {
                Ok(ExecEnd::Done) => continue,
                Ok(ExecEnd::NoContainer) => return,
                Ok(ExecEnd::Failed { exit_code, output }) => {
                    with_output(&format!("ended with exit code {exit_code}"), &output)
                }
                Ok(ExecEnd::TimedOut { output }) => {
                    let seconds = grace_period.as_secs_f64();
                    with_output(
                        &format!("had not ended when the grace period of {seconds} s was over"),
                        &output,
                    )
                }
                Err(error) => format!("can't be run: {}", super::chain(&error)),
            };
            self.rollout.warn(format!(
                "the `pre_stop` hook `{command}` of {name} {trouble}"
            ));
            if deadline <= Instant::now() {
                return;
            }
        }
    }
}

fn with_output(end: &str, output: &str) -> String {
    if output.is_empty() {
        return end.to_owned();
    }
    format!("{end}: {output}")
}
