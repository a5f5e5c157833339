//! The end of a set: its requests end, nobody calls it any more, its `pre_stop` hooks run, and then it
//! may be stopped.
//!
//! A caller that does not know the other set keeps Blue for as long as the drain timeout: then the
//! rollout goes back, since that caller would meet nobody from then on. With `--force` Blue is stopped
//! all the same, and the receipt says who was left.

use std::time::{Duration, Instant};

use super::{
    Driver,
    callers::{Watch, left_without, sentences, still_called},
    failure::Trouble,
    millis,
};
use teal_docker::{self as docker, ExecEnd};
use teal_history::configuration::shown;
use teal_model::event::{Caller, Color, EventKind, Phase};

/// The time between two looks where requests can't be counted.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many counts in a row have to be zero, each made after the one before: a request may be on
/// its way from Traefik.
const QUIET: u32 = 2;

/// How long callers that were seen too rarely are watched: whoever calls each second is known by then.
const WATCHED: Duration = Duration::from_secs(3);

/// Workers that a reloaded proxy is about to end take a request of their last connections for so long.
const LAST_OF_A_RELOAD: Duration = Duration::from_secs(1);

/// How a set was when it was waited for.
struct Quiet {
    /// Requests in flight; `None` if they can't be counted.
    in_flight: Option<u32>,
    /// Those that would go on calling it.
    callers: Vec<Caller>,
}

impl Driver {
    /// Waits until nothing is in flight on Blue and nobody calls it any more, at most for the drain
    /// timeout. Then the service's `pre_stop` hooks run in it.
    ///
    /// # Errors
    /// Somebody would go on calling Blue when it is gone, and nobody forces it.
    pub(super) async fn drain_blue(&mut self, ids: &[String]) -> Result<(), Trouble> {
        let phase = Phase::RemoveBlue;
        let quiet = self.until_quiet(phase, Color::Blue, ids).await;
        if !quiet.callers.is_empty() && !self.plan.options.force {
            return Err(still_called(&quiet.callers));
        }
        self.end(phase, Color::Blue, ids, quiet).await;
        Ok(())
    }

    /// The same of Green on the way back. It goes when the drain timeout is over, whoever calls it:
    /// there is no other way that ends.
    pub(super) async fn drain_green(&mut self, phase: Phase, ids: &[String]) {
        let quiet = self.until_quiet(phase, Color::Green, ids).await;
        self.end(phase, Color::Green, ids, quiet).await;
    }

    /// Says what is cut, and runs the hooks.
    async fn end(&mut self, phase: Phase, color: Color, ids: &[String], quiet: Quiet) {
        if !quiet.callers.is_empty() {
            let left = sentences(color, &quiet.callers);
            self.rollout.warn(format!(
                "{color} is stopped anyway after {} s: {}",
                self.drain_timeout().as_secs_f64(),
                left.join("; ")
            ));
            self.evidence.left(left_without(color, &quiet.callers));
        }
        match quiet.in_flight {
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
        if let Some(untouched) = self.traffic.meter().untouched(color) {
            self.evidence.closed(untouched);
        }
        self.run_pre_stop(phase, ids).await;
    }

    async fn until_quiet(&mut self, phase: Phase, color: Color, ids: &[String]) -> Quiet {
        self.step(phase, "Waiting until the requests in flight have ended");
        let timeout = self.drain_timeout();
        let settles_after = self.settles_after(phase);
        let mut watch = Watch::begin(color);
        let began = Instant::now();
        let mut stuck_at = None;
        let mut quiet = 0;
        loop {
            // Counts afresh each time, so the loop goes as fast as the sidecars report.
            let in_flight = self.traffic.in_flight(ids).await;
            self.rollout.emit(EventKind::Drain {
                in_flight,
                elapsed_ms: millis(began.elapsed()),
            });
            let left_alone = watch.left_alone_by_traefik();
            let is_settled = left_alone >= settles_after;
            let counts = calls_count(left_alone, began.elapsed(), settles_after, timeout);
            let standing = self.look_at_callers(&mut watch, counts).await;
            if !standing.stuck.is_empty() {
                stuck_at = Some(Instant::now());
            }
            let is_over = stuck_at.is_none_or(|at| at.elapsed() >= LAST_OF_A_RELOAD);
            let is_free = is_over
                && standing.stuck.is_empty()
                && standing.unclear.is_empty()
                && (!standing.has_rare || began.elapsed() >= WATCHED);
            quiet = if in_flight == Some(0) { quiet + 1 } else { 0 };
            let is_quiet = quiet >= QUIET && is_settled && is_free;
            // Where nobody is steered away and nothing can be counted, waiting proves nothing.
            let is_pointless =
                in_flight.is_none() && !self.is_steered() && standing.stuck.is_empty();
            if is_quiet || is_pointless || began.elapsed() >= timeout {
                return Quiet {
                    in_flight,
                    callers: [standing.stuck, standing.unclear].concat(),
                };
            }
            if in_flight.is_none() {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// How long after Traefik's last request another may come that it has held back.
    fn settles_after(&self, phase: Phase) -> Duration {
        let Some(held) = self.traffic.held() else {
            return Duration::ZERO;
        };
        let settles_after = held.settles_after(self.evidence.slowest());
        self.step(
            phase,
            &format!(
                "Waiting {:.0} s for requests that are still inside of Traefik's middlewares",
                settles_after.as_secs_f64()
            ),
        );
        settles_after
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
            let command = shown(&hook.command);
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

/// Whether what Traefik calls from now on is not a request that it has held back. It may go on calling by
/// a route that is not steered and never leave the set alone: its calls count in time for the rest of
/// the drain to show them.
fn calls_count(
    left_alone: Duration,
    drained_for: Duration,
    settles_after: Duration,
    timeout: Duration,
) -> bool {
    left_alone >= settles_after || drained_for >= settles_after.min(timeout / 2)
}

fn with_output(end: &str, output: &str) -> String {
    if output.is_empty() {
        return end.to_owned();
    }
    format!("{end}: {output}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_traefik_that_never_pauses_count_in_time() {
        let counts = |left_alone, drained_for, settles_after| {
            let [left_alone, drained_for, settles_after] =
                [left_alone, drained_for, settles_after].map(Duration::from_secs);
            calls_count(
                left_alone,
                drained_for,
                settles_after,
                Duration::from_secs(10),
            )
        };
        assert!(counts(0, 0, 0), "nothing is held back");
        assert!(!counts(0, 2, 3));
        assert!(counts(3, 3, 3), "it has left the set alone");
        assert!(counts(0, 3, 3), "it goes on calling");
        // Half of the drain is left to see who calls.
        assert!(!counts(4, 4, 60));
        assert!(counts(0, 5, 60));
    }
}
