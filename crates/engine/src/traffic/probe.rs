//! The live probe: a steady, bounded stream of GETs through the real entry point, and its receipt.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    http::{self, Answer, NoAnswer},
    survey::{Door, Survey},
};
use crate::event::Receipt;

/// How many failures the receipt tells in words.
const FAILURES_TOLD: usize = 5;
/// Requests that wait for their answer at the same time. Beyond that the probe skips a beat, so a
/// service that hangs is not asked ever more.
const AT_ONCE: usize = 16;

/// How the live probe asks.
#[derive(Debug, Clone)]
pub(crate) struct ProbeOptions {
    /// Instead of the health check's path or `/`.
    pub(crate) path: Option<String>,
    pub(crate) every: Duration,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            path: None,
            every: Duration::from_millis(100),
            timeout: Duration::from_secs(10),
        }
    }
}

/// A probe that runs. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Probe {
    ledger: Arc<Ledger>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Ledger {
    target: String,
    /// What the service answers when all is well.
    usual: u16,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    took: Vec<Duration>,
    failed: u32,
    failures: Vec<String>,
    last_good: Instant,
    worst_gap: Duration,
}

impl Probe {
    /// Starts to ask, if a route of the service can be reached from here and answers without an
    /// error now.
    pub(crate) async fn start(survey: &Survey, options: ProbeOptions) -> Option<Self> {
        let mut doors: Vec<_> = survey
            .steering
            .as_ref()?
            .doors()
            .iter()
            .flatten()
            .cloned()
            .collect();
        if let Some(path) = &options.path {
            doors.truncate(1);
            for door in &mut doors {
                door.target.path.clone_from(path);
            }
        }
        let (door, usual) = first_that_answers(doors, options.timeout).await?;
        let ledger = Arc::new(Ledger {
            target: describe(&door),
            usual,
            counts: Mutex::new(Counts {
                took: Vec::new(),
                failed: 0,
                failures: Vec::new(),
                last_good: Instant::now(),
                worst_gap: Duration::ZERO,
            }),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(door, options, ledger.clone(), stop.clone()));
        Some(Self {
            ledger,
            stop,
            task: AbortOnDropHandle::new(task),
        })
    }

    /// What was seen so far.
    pub(crate) fn receipt(&self) -> Receipt {
        self.ledger.receipt()
    }

    /// Asks no more, waits for the answers that are under way, and sums up.
    pub(crate) async fn stop(self) -> Receipt {
        self.stop.cancel();
        // Its only error would be a panic, and then the receipt still says what was counted.
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the live probe broke off");
        }
        self.ledger.receipt()
    }
}

async fn first_that_answers(doors: Vec<Door>, timeout: Duration) -> Option<(Door, u16)> {
    for door in doors {
        match http::get(door.endpoint, &door.target, None, timeout).await {
            Ok(answer) if answer.status < 500 && !is_traefiks_404(&answer) => {
                return Some((door, answer.status));
            }
            Ok(answer) => tracing::info!(
                status = answer.status,
                target = describe(&door),
                "no live probe"
            ),
            Err(problem) => tracing::info!(%problem, target = describe(&door), "no live probe"),
        }
    }
    None
}

/// Traefik's words for a request that no router takes.
fn is_traefiks_404(answer: &Answer) -> bool {
    answer.status == 404 && answer.body.as_ref() == b"404 page not found\n"
}

fn describe(door: &Door) -> String {
    let scheme = if door.endpoint.tls { "https" } else { "http" };
    let port = door.endpoint.address.port();
    format!(
        "GET {scheme}://{}:{port}{}",
        door.target.host, door.target.path
    )
}

async fn run(door: Door, options: ProbeOptions, ledger: Arc<Ledger>, stop: CancellationToken) {
    let door = Arc::new(door);
    let mut beat = interval(options.every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beat.tick() => {}
        }
        while requests.try_join_next().is_some() {}
        if requests.len() < AT_ONCE {
            let (door, ledger) = (door.clone(), ledger.clone());
            requests.spawn(async move {
                let result = http::get(door.endpoint, &door.target, None, options.timeout).await;
                ledger.enter(result);
            });
        }
    }
    requests.join_all().await;
}

impl Ledger {
    fn enter(&self, result: Result<Answer, NoAnswer>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(answer) if self.is_good(&answer) => {
                let now = Instant::now();
                counts.worst_gap = counts.worst_gap.max(now - counts.last_good);
                counts.last_good = now;
                counts.took.push(answer.elapsed);
            }
            Ok(answer) => counts.fail(format!(
                "answered {} instead of {}",
                answer.status, self.usual
            )),
            Err(problem) => counts.fail(problem.to_string()),
        }
    }

    /// No server error, and no client error where there was none before.
    fn is_good(&self, answer: &Answer) -> bool {
        answer.status < 500 && (answer.status < 400 || answer.status == self.usual)
    }

    fn receipt(&self) -> Receipt {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut took = counts.took.clone();
        took.sort_unstable();
        let good = u32::try_from(took.len()).unwrap_or(u32::MAX);
        // A gap that goes on counts as well.
        let worst_gap = counts.worst_gap.max(counts.last_good.elapsed());
        Receipt {
            target: Some(self.target.clone()),
            expected_status: Some(self.usual),
            requests: good.saturating_add(counts.failed),
            failed: counts.failed,
            worst_gap_ms: millis(worst_gap),
            p50_ms: millis(percentile(&took, 50)),
            p99_ms: millis(percentile(&took, 99)),
            failures: counts.failures.clone(),
            ..Receipt::default()
        }
    }
}

impl Counts {
    fn fail(&mut self, reason: String) {
        self.failed += 1;
        if self.failures.len() < FAILURES_TOLD {
            self.failures.push(reason);
        }
    }
}

/// By the nearest rank; zero of nothing.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
