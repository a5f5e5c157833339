//! Requests summed up as they come: what an hour of them takes is no more than what a minute does.

use std::{collections::BTreeMap, time::Duration};

use teal_model::event::Figures;

/// So many binary digits of a time in microseconds tell one from another: to 0.2 %.
const DIGITS: u32 = 10;

/// Requests, by how long their good answers took.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    failed: u32,
    /// By the time in microseconds without its last digits.
    took: BTreeMap<u128, Bucket>,
}

/// Answers that took about as long.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    count: u32,
    longest: Duration,
}

impl Tally {
    /// Of how long each good answer took, none for each request that failed.
    pub(super) fn of(requests: impl Iterator<Item = Option<Duration>>) -> Self {
        let mut tally = Self::default();
        requests.for_each(|took| tally.add(took));
        tally
    }

    pub(super) fn sum<'a>(tallies: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            sum.failed = sum.failed.saturating_add(tally.failed);
            for (time, bucket) in &tally.took {
                sum.take(*time, *bucket);
            }
        }
        sum
    }

    /// Adds a request by how long its good answer took, `None` where it failed.
    pub(super) fn add(&mut self, took: Option<Duration>) {
        match took {
            Some(longest) => self.take(about(longest), Bucket { count: 1, longest }),
            None => self.failed = self.failed.saturating_add(1),
        }
    }

    fn take(&mut self, time: u128, more: Bucket) {
        let bucket = self.took.entry(time).or_default();
        bucket.count = bucket.count.saturating_add(more.count);
        bucket.longest = bucket.longest.max(more.longest);
    }

    pub(super) fn figures(&self) -> Figures {
        let counts = self.took.values().map(|bucket| bucket.count);
        let good = counts.fold(0, u32::saturating_add);
        Figures {
            requests: good.saturating_add(self.failed),
            failed: self.failed,
            p50_ms: millis(self.percentile(good, 50)),
            p99_ms: millis(self.percentile(good, 99)),
        }
    }

    /// By the nearest rank; zero of nothing.
    fn percentile(&self, good: u32, percent: u64) -> Duration {
        let rank = (u64::from(good) * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let mut buckets = self.took.values();
        let found = buckets.find(|bucket| {
            seen += u64::from(bucket.count);
            seen >= rank
        });
        found.map_or(Duration::ZERO, |bucket| bucket.longest)
    }
}

fn about(took: Duration) -> u128 {
    let micros = took.as_micros();
    let dropped = (u128::BITS - micros.leading_zeros()).saturating_sub(DIGITS);
    micros >> dropped << dropped
}

/// To the microsecond: what is written is what is read again.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn assert_about(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= wanted * 0.002, "{found} {wanted}");
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let figures = |times: &[Duration]| Tally::of(times.iter().copied().map(Some)).figures();
        let many: Vec<_> = (1..=200).map(ms).collect();
        assert_about(figures(&many).p50_ms, 100.0);
        assert_about(figures(&many).p99_ms, 198.0);
        assert_about(figures(&many[..1]).p99_ms, 1.0);
        assert_about(figures(&[]).p99_ms, 0.0);
    }

    #[test]
    fn an_hour_of_answers_takes_little_room() {
        let mut tally = Tally::default();
        for number in 0..360_000_u64 {
            tally.add(
                (number % 100 != 0).then(|| Duration::from_micros(200 + number * 25 % 900_000)),
            );
        }
        assert!(tally.took.len() < 6_000, "{}", tally.took.len());
        let figures = tally.figures();
        assert_eq!((figures.requests, figures.failed), (360_000, 3_600));
        assert_about(figures.p50_ms, 450.2);
        assert_about(figures.p99_ms, 891.2);
        let twice = Tally::sum([&tally, &tally].into_iter()).figures();
        assert_eq!(twice.requests, 720_000);
        assert_about(twice.p50_ms, figures.p50_ms);
    }
}
