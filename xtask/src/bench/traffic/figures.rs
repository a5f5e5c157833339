//! All that was measured, put together.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::{
    super::spread::Spread,
    cell::{Cell, STEADY, Way},
    evidence::Rollout,
    load::{Failure, Kind, Report},
    timeline::Timeline,
};

#[derive(Default)]
pub(super) struct Figures {
    /// By the name of the window.
    windows: BTreeMap<(String, Kind), Requests>,
    changes: BTreeMap<(Cell, Way), Changes>,
    failures: Vec<Failed>,
    /// By the key of the phase.
    pub(super) phases: BTreeMap<String, Spread>,
    pub(super) overhead: BTreeMap<Cell, Spread>,
    /// From the engine's word that a container is healthy until Teal's.
    pub(super) lag: Spread,
    /// From the end of the last request in flight on Blue until Blue was asked to stop.
    pub(super) drain: BTreeMap<Cell, Spread>,
    /// When Blue's last request was sent, after the cutover.
    pub(super) late: Spread,
    /// From Ctrl-C at 50/50 until Blue has all of the traffic.
    pub(super) to_blue: BTreeMap<Cell, Spread>,
    /// By the share of Green: from the step that asks for it until Traefik serves it.
    pub(super) shifts: BTreeMap<(i64, Cell), Spread>,
    rollouts: usize,
}

/// The requests of one kind in windows of one sort.
pub(super) struct Requests {
    pub(super) total: u64,
    pub(super) failed: u64,
    /// In microseconds.
    latencies: Histogram<u64>,
}

/// What one way did to one service.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) took: Spread,
    pub(super) total: u64,
    pub(super) failed: u64,
}

/// A request that failed, and while what was going on; no way if nothing was.
struct Failed {
    way: Option<Way>,
    kind: Kind,
    cause: String,
    phase: String,
    sentence: String,
}

/// How many failed alike: the way, the kind of request, the cause and the phase.
pub(super) type Alike = (Option<Way>, Kind, String, String);

impl Requests {
    fn new() -> Result<Self> {
        Ok(Self {
            total: 0,
            failed: 0,
            latencies: Histogram::new(3)?,
        })
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        self.total += other.total;
        self.failed += other.failed;
        Ok(self.latencies.add(&other.latencies)?)
    }

    /// In microseconds; `None` if nothing was answered well.
    pub(super) fn quantile(&self, part: f64) -> Option<u64> {
        let is_measured = !self.latencies.is_empty();
        is_measured.then(|| self.latencies.value_at_quantile(part))
    }
}

impl Figures {
    pub(super) fn took(&mut self, cell: Cell, way: Way, milliseconds: i64) {
        self.rollouts += usize::from(way == Way::Teal);
        self.changes
            .entry((cell, way))
            .or_default()
            .took
            .add(milliseconds);
    }

    /// Adds what the load saw of one service, and Teal's rollouts of it.
    pub(super) fn add(
        &mut self,
        cell: Cell,
        report: &Report,
        timeline: &Timeline,
        rollouts: &[Rollout],
    ) -> Result<()> {
        for (window, tallies) in &report.windows {
            for (kind, tally) in tallies {
                let mut requests = Requests::new()?;
                requests.total = tally.total;
                requests.failed = tally.failed;
                for (microseconds, count) in &tally.latencies {
                    requests.latencies.record_n(*microseconds, *count)?;
                }
                self.add_requests(cell, window, *kind, &requests)?;
            }
        }
        let failed = report.failures.iter();
        self.failures
            .extend(failed.map(|failure| Failed::at(cell, failure, timeline)));
        for rollout in rollouts {
            for (phase, milliseconds) in &rollout.phases {
                let times = self.phases.entry(phase.clone()).or_default();
                times.add(*milliseconds);
            }
            for lag in &rollout.lags {
                self.lag.add(*lag);
            }
            for (percent, milliseconds) in &rollout.shifts {
                let times = self.shifts.entry((*percent, cell)).or_default();
                times.add(*milliseconds);
            }
            if let Some(milliseconds) = rollout.to_blue {
                self.to_blue.entry(cell).or_default().add(milliseconds);
            }
            if let Some(overhead) = rollout.overhead(cell.grace(), &report.containers)? {
                self.overhead.entry(cell).or_default().add(overhead.total);
                self.drain.entry(cell).or_default().add(overhead.drain);
                self.late.add(overhead.late);
            }
        }
        Ok(())
    }

    fn add_requests(
        &mut self,
        cell: Cell,
        window: &str,
        kind: Kind,
        requests: &Requests,
    ) -> Result<()> {
        if let Some(way) = way_of(window) {
            let changes = self.changes.entry((cell, way)).or_default();
            changes.total += requests.total;
            changes.failed += requests.failed;
        }
        let key = (window.to_owned(), kind);
        if !self.windows.contains_key(&key) {
            self.windows.insert(key.clone(), Requests::new()?);
        }
        let sum = self.windows.get_mut(&key).context("just inserted")?;
        sum.add(requests)
    }

    /// While nothing was changed.
    pub(super) fn steady(&self, kind: Kind) -> Option<&Requests> {
        self.windows.get(&(STEADY.to_owned(), kind))
    }

    /// While the service was changed in this way.
    pub(super) fn during(&self, way: Way, kind: Kind) -> Option<&Requests> {
        self.windows.get(&(way.during().to_owned(), kind))
    }

    /// Failed and all, of those that ended while or just after the service was changed so.
    pub(super) fn count(&self, way: Way, kind: Kind) -> (u64, u64) {
        let windows = [way.during(), way.after()];
        let windows = windows.iter().filter_map(|window| {
            let requests = self.windows.get(&((*window).to_owned(), kind))?;
            Some((requests.failed, requests.total))
        });
        windows.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = (&(Cell, Way), &Changes)> {
        self.changes.iter()
    }

    /// How many failed alike.
    pub(super) fn alike(&self) -> BTreeMap<Alike, usize> {
        let mut alike: BTreeMap<Alike, usize> = BTreeMap::new();
        for failed in &self.failures {
            let Failed {
                way,
                kind,
                cause,
                phase,
                ..
            } = failed;
            *alike
                .entry((*way, *kind, cause.clone(), phase.clone()))
                .or_default() += 1;
        }
        alike
    }

    /// As sentences: those of a way, or those while nothing was changed.
    pub(super) fn failures_of(&self, way: Option<Way>) -> Vec<String> {
        let failures = self.failures.iter().filter(|failed| failed.way == way);
        failures.map(|failed| failed.sentence.clone()).collect()
    }

    /// All of them, in whatever window.
    pub(super) fn requests(&self) -> u64 {
        self.windows.values().map(|requests| requests.total).sum()
    }

    /// Those of Teal's, back to Blue too.
    pub(super) fn rollouts(&self) -> usize {
        self.rollouts
    }
}

impl Failed {
    fn at(cell: Cell, failure: &Failure, timeline: &Timeline) -> Self {
        let Failure {
            kind,
            window,
            cause,
            error,
            sent,
            failed,
            container,
        } = failure;
        let by = container.as_deref().map_or_else(
            || "answered by nobody".to_owned(),
            |id| format!("answered by {id}"),
        );
        let took = failed.duration_since(*sent).as_millis();
        Self {
            way: way_of(window),
            kind: *kind,
            cause: cause.clone(),
            phase: timeline.phase_at(*failed).to_owned(),
            sentence: format!(
                "{} ({}): failed {}, {took} ms after it was sent, {by}: {cause}: {error}",
                kind.title(),
                cell.title(),
                timeline.moment(*failed)
            ),
        }
    }
}

fn way_of(window: &str) -> Option<Way> {
    let is_its = |way: &Way| way.during() == window || way.after() == window;
    Way::ALL.into_iter().find(is_its)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        serde_json::from_str(text).unwrap()
    }

    fn figures() -> Figures {
        let report = report(
            r#"{
                "windows": {
                    "steady": { "slow": { "total": 4, "failed": 0, "latencies": [[100, 3], [900, 1]] } },
                    "Teal": { "slow": { "total": 2, "failed": 1, "latencies": [[100, 1]] } },
                    "after Teal": { "slow": { "total": 1, "failed": 0, "latencies": [[100, 1]] } }
                },
                "failures": [{
                    "kind": "slow", "window": "Teal", "cause": "truncated", "error": "cut",
                    "sent": "2026-01-01T00:00:00Z", "failed": "2026-01-01T00:00:02Z",
                    "container": "abc"
                }],
                "containers": {},
                "endedEarly": false
            }"#,
        );
        let mut timeline = Timeline::default();
        timeline.phase("2026-01-01T00:00:01Z".parse().unwrap(), "Remove Blue");
        let mut figures = Figures::default();
        figures
            .add(Cell::One, &report, &timeline, &[])
            .expect("good figures");
        figures
    }

    #[test]
    fn a_failure_just_after_a_change_is_that_of_the_change() {
        let figures = figures();
        assert_eq!(figures.count(Way::Teal, Kind::Slow), (1, 3));
        assert_eq!(figures.count(Way::Scale, Kind::Slow), (0, 0));
        assert_eq!(figures.requests(), 7);
    }

    #[test]
    fn a_failure_is_told_with_its_moment() {
        let figures = figures();
        assert_eq!(
            figures.failures_of(Some(Way::Teal)),
            [
                "takes 3 s (1 replica, ends at SIGTERM): failed 1000 ms after “Remove Blue” began, \
              2000 ms after it was sent, answered by abc: truncated: cut"
            ]
        );
        assert!(figures.failures_of(None).is_empty());
        let alike = (
            Some(Way::Teal),
            Kind::Slow,
            "truncated".to_owned(),
            "Remove Blue".to_owned(),
        );
        assert_eq!(figures.alike(), BTreeMap::from([(alike, 1)]));
    }

    #[test]
    fn quantiles_are_those_of_all_windows_of_a_sort() {
        let mut figures = figures();
        let steady = figures.steady(Kind::Slow).unwrap();
        assert_eq!(steady.quantile(0.5), Some(100));
        assert_eq!(steady.quantile(0.99), Some(900));
        let slower = report(
            r#"{
                "windows": { "steady": { "slow": { "total": 9, "failed": 0, "latencies": [[500, 9]] } } },
                "failures": [], "containers": {}, "endedEarly": false
            }"#,
        );
        figures
            .add(Cell::Three, &slower, &Timeline::default(), &[])
            .unwrap();
        let steady = figures.steady(Kind::Slow).unwrap();
        assert_eq!((steady.total, steady.quantile(0.5)), (13, Some(500)));
    }
}
