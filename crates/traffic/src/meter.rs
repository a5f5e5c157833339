//! What goes through the containers of each set, as the sidecars beside them count it.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::report::{Calls, Reading, Report};
use teal_model::event::Color;
use teal_model::event::{Carried, Flow};

/// A sidecar reports ten times a second; what is older than this is not so any more.
const FRESH: Duration = Duration::from_secs(1);

/// Sums up sidecars that come and go. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    blue: Vec<String>,
    green: Vec<String>,
    /// By the id of the container.
    counters: HashMap<String, Counter>,
}

/// One container's.
#[derive(Debug)]
struct Counter {
    /// The newest sidecar last.
    sources: Vec<Source>,
    /// The one that is taken.
    in_use: usize,
    total: Sums,
    flow: Option<Flow>,
}

#[derive(Debug)]
struct Source {
    readings: watch::Receiver<Option<Reading>>,
    /// What is in the total already, or was counted by another meanwhile.
    taken: Option<Reading>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    accepted: u64,
    received: u64,
    sent: u64,
    callers: BTreeMap<IpAddr, Calls>,
}

impl Meter {
    /// These containers are a set from now on.
    pub fn set(&self, color: Color, containers: &[String]) {
        let mut counts = self.counts();
        match color {
            Color::Blue => counts.blue = containers.to_vec(),
            Color::Green => counts.green = containers.to_vec(),
        }
    }

    /// A sidecar counts beside this container from now on.
    pub(super) fn add(&self, container: &str, readings: watch::Receiver<Option<Reading>>) {
        let mut counts = self.counts();
        let counter = counts
            .counters
            .entry(container.to_owned())
            .or_insert_with(|| Counter {
                sources: Vec::new(),
                in_use: 0,
                total: Sums::default(),
                flow: None,
            });
        counter.sources.push(Source {
            readings,
            taken: None,
        });
    }

    /// Takes in what has been counted since the last time, and gives what flows through Blue and
    /// Green meanwhile; none of a set that nothing counts now.
    pub fn sample(&self) -> (Option<Flow>, Option<Flow>) {
        self.sample_at(Instant::now())
    }

    fn sample_at(&self, now: Instant) -> (Option<Flow>, Option<Flow>) {
        let mut counts = self.counts();
        for counter in counts.counters.values_mut() {
            counter.sample(now);
        }
        (counts.flow(&counts.blue), counts.flow(&counts.green))
    }

    /// What went through a set so far; `None` if nothing counted.
    pub fn carried(&self, color: Color) -> Option<Carried> {
        let counts = self.counts();
        let totals = counts
            .of(color)
            .filter(|counter| counter.has_counted())
            .map(|counter| counter.total.clone());
        totals.reduce(Sums::plus).map(|sums| Carried {
            connections: sums.accepted,
            bytes_received: sums.received,
            bytes_sent: sums.sent,
        })
    }

    /// Who has called the containers of a set so far, by address; as new as the sidecars' last lines.
    pub fn calls(&self, color: Color) -> BTreeMap<IpAddr, Calls> {
        let counts = self.counts();
        let sums = counts.of(color).map(Counter::sums_now);
        sums.reduce(Sums::plus).unwrap_or_default().callers
    }

    /// How many open connections of a set have been silent since before it was counted; `None` if
    /// nothing counts.
    pub fn untouched(&self, color: Color) -> Option<u32> {
        let counts = self.counts();
        let untouched = counts.of(color).filter_map(Counter::untouched);
        untouched.reduce(u32::saturating_add)
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn of(&self, color: Color) -> impl Iterator<Item = &Counter> {
        let ids = match color {
            Color::Blue => &self.blue,
            Color::Green => &self.green,
        };
        ids.iter().filter_map(|id| self.counters.get(id))
    }

    fn flow(&self, containers: &[String]) -> Option<Flow> {
        let flows = containers
            .iter()
            .filter_map(|id| self.counters.get(id)?.flow);
        flows.reduce(|one, other| Flow {
            in_flight: one
                .in_flight
                .zip(other.in_flight)
                .map(|(a, b)| a.saturating_add(b)),
            connections: one.connections.saturating_add(other.connections),
            connections_per_second: one.connections_per_second + other.connections_per_second,
            bytes_received_per_second: one.bytes_received_per_second
                + other.bytes_received_per_second,
            bytes_sent_per_second: one.bytes_sent_per_second + other.bytes_sent_per_second,
        })
    }
}

impl Counter {
    /// Several sidecars of one container count the same: one of them is taken at a time, the one
    /// before as long as it goes on reporting.
    fn sample(&mut self, now: Instant) {
        self.flow = None;
        let is_fresh = |source: &Source| {
            let reading = source.readings.borrow();
            reading
                .as_ref()
                .is_some_and(|reading| reading.at + FRESH > now)
        };
        let later = &self.sources[self.in_use..];
        let fresh = later.iter().position(is_fresh);
        // What one counted before it fell silent counts as well.
        let flow = self.take(self.in_use);
        match fresh {
            Some(0) => self.flow = flow,
            Some(further) => {
                self.in_use += further;
                self.flow = self.take(self.in_use);
            }
            None => {}
        }
        for source in &mut self.sources[self.in_use + 1..] {
            source.taken.clone_from(&source.readings.borrow());
        }
    }

    fn take(&mut self, index: usize) -> Option<Flow> {
        let source = &mut self.sources[index];
        let now = source.readings.borrow().clone()?;
        let before = source.taken.replace(now.clone());
        let since = Sums::since(before.as_ref(), &now);
        self.total = std::mem::take(&mut self.total).plus(since.clone());
        let elapsed = before.map(|before| now.at - before.at).unwrap_or_default();
        let per_second = |amount: u64| {
            if elapsed.is_zero() {
                return 0.0;
            }
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52 in a second")]
            let amount = amount as f64;
            amount / elapsed.as_secs_f64()
        };
        Some(Flow {
            in_flight: Some(now.report.in_flight),
            connections: now.report.connections,
            connections_per_second: per_second(since.accepted),
            bytes_received_per_second: per_second(since.received),
            bytes_sent_per_second: per_second(since.sent),
        })
    }

    /// The total with what has been counted since it was last summed up.
    fn sums_now(&self) -> Sums {
        let total = self.total.clone();
        let source = &self.sources[self.in_use];
        match &*source.readings.borrow() {
            Some(now) => total.plus(Sums::since(source.taken.as_ref(), now)),
            None => total,
        }
    }

    /// By the sidecar that has been there for longest: it knows most.
    fn untouched(&self) -> Option<u32> {
        let reading = self.sources[self.in_use].readings.borrow();
        reading.as_ref().map(|reading| reading.report.untouched)
    }

    fn has_counted(&self) -> bool {
        self.sources.iter().any(|source| source.taken.is_some())
    }
}

impl Sums {
    fn of(report: &Report) -> Self {
        let callers = report.callers.iter();
        Self {
            accepted: report.accepted,
            received: report.received,
            sent: report.sent,
            callers: callers
                .map(|caller| (caller.address, caller.calls))
                .collect(),
        }
    }

    /// What one reading has more than the one before.
    fn since(before: Option<&Reading>, now: &Reading) -> Self {
        let now = Self::of(&now.report);
        match before {
            Some(before) => now.minus(&Self::of(&before.report)),
            None => now,
        }
    }

    fn plus(mut self, other: Self) -> Self {
        for (address, calls) in other.callers {
            let sum = self.callers.entry(address).or_default();
            *sum = sum.plus(calls);
        }
        Self {
            accepted: self.accepted.saturating_add(other.accepted),
            received: self.received.saturating_add(other.received),
            sent: self.sent.saturating_add(other.sent),
            callers: self.callers,
        }
    }

    fn minus(mut self, other: &Self) -> Self {
        for (address, calls) in &mut self.callers {
            let before = other.callers.get(address).copied().unwrap_or_default();
            *calls = calls.minus(before);
        }
        Self {
            accepted: self.accepted.saturating_sub(other.accepted),
            received: self.received.saturating_sub(other.received),
            sent: self.sent.saturating_sub(other.sent),
            callers: self.callers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Calling;

    const CALLER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(172, 18, 0, 3));

    fn report(at: Instant, accepted: u64) -> Reading {
        Reading {
            report: Report {
                in_flight: 2,
                connections: 3,
                untouched: 1,
                accepted,
                received: accepted * 100,
                sent: accepted * 1000,
                listens: true,
                listens_anywhere: true,
                callers: vec![Calling {
                    address: CALLER,
                    calls: Calls {
                        opened: accepted,
                        requests: 1,
                    },
                }],
            },
            at,
        }
    }

    fn opened(meter: &Meter) -> Option<u64> {
        let calls = meter.calls(Color::Blue);
        calls.get(&CALLER).map(|calls| calls.opened)
    }

    fn connections(meter: &Meter) -> Option<u64> {
        meter
            .carried(Color::Blue)
            .map(|carried| carried.connections)
    }

    #[test]
    fn two_sidecars_of_one_container_count_once() {
        let began = Instant::now();
        let meter = Meter::default();
        meter.set(Color::Blue, &["b".into()]);
        assert_eq!(meter.sample_at(began), (None, None));
        assert_eq!(connections(&meter), None);

        let (first, readings) = watch::channel(Some(report(began, 10)));
        meter.add("b", readings);
        meter.sample_at(began);
        assert_eq!(connections(&meter), Some(10));
        assert_eq!(opened(&meter), Some(10));

        let (second, readings) = watch::channel(Some(report(began, 0)));
        meter.add("b", readings);
        let later = began + FRESH / 2;
        first.send_replace(Some(report(later, 20)));
        second.send_replace(Some(report(later, 9)));
        assert_eq!(opened(&meter), Some(20), "also before it is summed up");
        assert_eq!(meter.untouched(Color::Blue), Some(1));
        let (blue, green) = meter.sample_at(later);
        assert_eq!(connections(&meter), Some(20));
        assert_eq!(green, None);
        let blue = blue.expect("it is counted");
        assert_eq!((blue.in_flight, blue.connections), (Some(2), 3));
        assert!((blue.connections_per_second - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_next_sidecar_goes_on_where_one_fell_silent() {
        let began = Instant::now();
        let later = |times| began + FRESH * 2 * times;
        let meter = Meter::default();
        meter.set(Color::Blue, &["b".into()]);
        let (first, readings) = watch::channel(Some(report(began, 10)));
        meter.add("b", readings);
        meter.sample_at(began);
        first.send_replace(Some(report(began, 15)));
        let (second, readings) = watch::channel(None);
        meter.add("b", readings);
        let (blue, _) = meter.sample_at(later(1));
        assert_eq!(blue, None, "nothing counts now");
        assert_eq!(connections(&meter), Some(15));

        second.send_replace(Some(report(later(2), 4)));
        meter.sample_at(later(2));
        assert_eq!(connections(&meter), Some(19));
        assert_eq!(opened(&meter), Some(19));

        let (third, readings) = watch::channel(Some(report(later(2), 100)));
        meter.add("b", readings);
        meter.sample_at(later(2));
        third.send_replace(Some(report(later(3), 101)));
        meter.sample_at(later(3));
        assert_eq!(connections(&meter), Some(20), "the rest was counted before");
    }
}
