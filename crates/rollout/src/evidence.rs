//! The evidence of a rollout as it grows: what its live probe saw and the sidecars counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::Rollout;
use teal_model::event::{Color, EventKind, Receipt};
use teal_model::{Plan, UnnamedVolume};
use teal_traffic::{Meter, Moment, Probe, Traffic};

/// The time between two reports.
const INTERVAL: Duration = Duration::from_secs(1);

/// Requests of the live probe once all is over.
const AFTERWARDS: u32 = 20;

pub struct Evidence {
    shared: Arc<Shared>,
    reporter: JoinHandle<()>,
    /// Whether the service's own routers lead to it again.
    is_released: bool,
}

struct Shared {
    /// Once it is known how the service can be asked.
    probe: OnceLock<Probe>,
    meter: Meter,
    /// What neither the probe nor the meter knows.
    rest: Mutex<Receipt>,
}

impl Evidence {
    /// Begins to gather, and to tell about it each second.
    pub fn start(plan: &Plan, meter: Meter, rollout: &Rollout) -> Self {
        let blue: Vec<_> = plan.blue.iter().map(|blue| blue.id.clone()).collect();
        meter.set(Color::Blue, &blue);
        let rest = Receipt {
            unpromised: plan.unpromised.clone(),
            bypass: plan.bypass.clone(),
            ..Receipt::default()
        };
        let shared = Arc::new(Shared {
            probe: OnceLock::new(),
            meter,
            rest: Mutex::new(rest),
        });
        let reporter = tokio::spawn(report(Arc::downgrade(&shared), rollout.clone()));
        Self {
            shared,
            reporter,
            is_released: false,
        }
    }

    /// Has the live probe watch from now on, in a way in that is known to lead to the service.
    pub(super) async fn watch(&self, traffic: &Traffic, plan: &Plan, rollout: &Rollout) {
        let options = &plan.options.probe;
        let probe = match options.enabled {
            true => Probe::start(traffic, options).await,
            false => Err("the live probe is switched off".to_owned()),
        };
        match probe {
            Ok(probe) => {
                // It is started once.
                self.shared.probe.set(probe).ok();
            }
            Err(reason) => {
                if options.enabled && plan.is_steered() {
                    rollout.warn(format!("no live probe watches this rollout: {reason}"));
                }
                self.shared.rest().unasked = Some(reason);
            }
        }
    }

    /// What can't be promised besides.
    pub(super) fn cannot_promise(&self, sentences: &[String]) {
        self.shared.rest().unpromised.extend_from_slice(sentences);
    }

    /// These are Green's containers.
    pub(super) fn green_is(&self, containers: &[String]) {
        self.shared.meter.set(Color::Green, containers);
    }

    /// The share of Green's is about to change: from now on it is not known who answers.
    pub(super) fn shifting(&self, green_percent: u8) {
        if let Some(probe) = self.shared.probe.get() {
            probe.goes_to(None);
            if green_percent > 0 {
                probe.enter(Moment::During);
            }
        }
    }

    /// Traefik serves this share of Green's.
    pub(super) fn shifted(&self, traffic: &Traffic, green_percent: u8) {
        if let Some(probe) = self.shared.probe.get() {
            probe.doors_are(traffic);
            probe.goes_to(match green_percent {
                0 => Some(Color::Blue),
                100 => Some(Color::Green),
                _ => None,
            });
        }
    }

    /// So many requests were in flight on containers when they were stopped.
    pub(super) fn cut(&self, requests: u32) {
        let mut rest = self.shared.rest();
        rest.cut = Some(rest.cut.unwrap_or(0) + requests);
    }

    /// These volumes outlive the containers that had them.
    pub(super) fn kept(&self, volumes: &[UnnamedVolume]) {
        let mut rest = self.shared.rest();
        rest.kept_volumes.extend_from_slice(volumes);
    }

    /// So many connections of unknown use were open on containers when they were stopped.
    pub(super) fn closed(&self, connections: u32) {
        let mut rest = self.shared.rest();
        rest.closed = Some(rest.closed.unwrap_or(0) + connections);
    }

    /// These still called a set that is stopped all the same.
    pub(super) fn left(&self, sentences: Vec<String>) {
        self.shared.rest().left.extend(sentences);
    }

    /// How long requests through the real entry point take, but for the slowest.
    pub(super) fn slowest(&self) -> Duration {
        let probe = self.shared.probe.get();
        let slowest = probe.map_or(0.0, |probe| probe.receipt().p99_ms);
        Duration::try_from_secs_f64(slowest / 1000.0).unwrap_or_default()
    }

    /// The service's own routers lead to it again.
    pub(super) fn released(&mut self) {
        self.is_released = true;
        if let Some(probe) = self.shared.probe.get() {
            probe.enter(Moment::After);
        }
    }

    /// Asks a last few times and sums up.
    pub(super) async fn stop(self) -> Receipt {
        self.reporter.abort();
        // Once the reporter has ended nobody else holds the probe.
        if let Err(error) = self.reporter.await
            && error.is_panic()
        {
            tracing::error!(%error, "the reporter of the evidence failed");
        }
        self.shared.meter.sample();
        let so_far = self.shared.receipt();
        let Some(probe) = Arc::into_inner(self.shared).and_then(|shared| shared.probe.into_inner())
        else {
            return so_far;
        };
        let last = if self.is_released { AFTERWARDS } else { 0 };
        with_probe(so_far, probe.stop(last).await)
    }
}

impl Shared {
    fn receipt(&self) -> Receipt {
        let rest = Receipt {
            blue_traffic: self.meter.carried(Color::Blue),
            green_traffic: self.meter.carried(Color::Green),
            ..self.rest().clone()
        };
        match self.probe.get() {
            Some(probe) => with_probe(rest, probe.receipt()),
            None => rest,
        }
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn rest(&self) -> MutexGuard<'_, Receipt> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first receipt, with what a probe saw.
fn with_probe(first: Receipt, probe: Receipt) -> Receipt {
    Receipt {
        unasked: None,
        blue_traffic: first.blue_traffic,
        green_traffic: first.green_traffic,
        cut: first.cut,
        closed: first.closed,
        left: first.left,
        unpromised: first.unpromised,
        bypass: first.bypass,
        kept_volumes: first.kept_volumes,
        ..probe
    }
}

async fn report(shared: Weak<Shared>, rollout: Rollout) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let (blue, green) = shared.meter.sample();
        if blue.is_some() || green.is_some() {
            rollout.emit(EventKind::Flow { blue, green });
        }
        if shared.probe.get().is_some() {
            rollout.emit(EventKind::Probe {
                receipt: shared.receipt(),
            });
        }
    }
}
