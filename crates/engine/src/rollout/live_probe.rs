//! The live probe of a rollout, told as it goes.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::task::JoinHandle;

use super::Rollout;
use crate::{
    event::{EventKind, Receipt},
    traffic::{Probe, ProbeOptions, Survey},
};

/// The time between two reports.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct LiveProbe {
    probe: Arc<Probe>,
    reporter: JoinHandle<()>,
}

impl LiveProbe {
    /// None where no route of the service can be reached from here.
    pub(crate) async fn start(survey: &Survey, rollout: &Rollout) -> Option<Self> {
        let probe = Arc::new(Probe::start(survey, ProbeOptions::default()).await?);
        let reporter = tokio::spawn(report(Arc::downgrade(&probe), rollout.clone()));
        Some(Self { probe, reporter })
    }

    /// Asks no more and sums up.
    pub(super) async fn stop(self) -> Option<Receipt> {
        self.reporter.abort();
        // Once the reporter has ended nobody else holds the probe.
        if let Err(error) = self.reporter.await
            && error.is_panic()
        {
            tracing::error!(%error, "the probe's reporter failed");
        }
        match Arc::into_inner(self.probe) {
            Some(probe) => Some(probe.stop().await),
            None => None,
        }
    }
}

async fn report(probe: Weak<Probe>, rollout: Rollout) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let Some(receipt) = probe.upgrade().map(|probe| probe.receipt()) else {
            return;
        };
        rollout.emit(EventKind::Probe { receipt });
    }
}
