//! Drain: requests in flight end before their container is stopped.

use std::time::{Duration, Instant};

use super::{Driver, millis};
use crate::{
    event::{EventKind, Phase},
    model::TrafficPlan,
};

/// The time between two counts.
const INTERVAL: Duration = Duration::from_millis(100);

/// So many counts in a row have to be zero: a request may be on its way from Traefik.
const QUIET: u32 = 3;

impl Driver {
    /// Waits until nothing is in flight on these containers, at most for the drain timeout; says
    /// how many requests are cut if that was not enough.
    pub(super) async fn drain(&mut self, phase: Phase, ids: &[String]) {
        let timeout = Duration::from_millis(self.plan.options.drain_timeout_ms);
        let steered = matches!(self.plan.traffic, TrafficPlan::Steered { .. });
        self.step(phase, "Waiting until the requests in flight have ended");
        let began = Instant::now();
        let mut quiet = 0;
        loop {
            let in_flight = self.traffic.in_flight(ids).await;
            self.rollout.emit(EventKind::Drain {
                in_flight,
                elapsed_ms: millis(began.elapsed()),
            });
            quiet = if in_flight == Some(0) { quiet + 1 } else { 0 };
            // Where nobody is steered away and nothing can be counted, waiting proves nothing.
            if quiet >= QUIET || (in_flight.is_none() && !steered) {
                return;
            }
            if began.elapsed() >= timeout {
                let text = match in_flight {
                    Some(count) => format!(
                        "{count} requests were still in flight after {} s and are cut",
                        timeout.as_secs_f64()
                    ),
                    None => "requests in flight could not be counted; the whole drain timeout was waited for".to_owned(),
                };
                self.rollout.emit(EventKind::Warning { text });
                return;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
