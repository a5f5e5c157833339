//! What became of the requests.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

/// One request and what came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When it was sent.
    pub at: Instant,
    /// Until the last byte of the answer, or until it failed.
    pub took: Duration,
    /// The start of the id of the container that answered, as `hello` says it.
    pub container: Option<String>,
    /// The status of a complete answer, or why there was none.
    pub result: Result<u16, String>,
}

impl Answer {
    /// Complete, and with a status of success.
    pub fn is_success(&self) -> bool {
        matches!(self.result, Ok(200..=299))
    }
}

/// All requests of one stream of traffic, in the order of their sending.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub answers: Vec<Answer>,
    /// Whether the traffic reached its own bound before it was stopped.
    pub ended_early: bool,
}

impl Report {
    pub fn total(&self) -> usize {
        self.answers.len()
    }

    pub fn failed(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| !answer.is_success())
    }

    /// How many successes each container gave, by the start of its id.
    pub fn by_container(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        let successes = self.answers.iter().filter(|answer| answer.is_success());
        for container in successes.filter_map(|answer| answer.container.as_deref()) {
            *counts.entry(container).or_default() += 1;
        }
        counts
    }

    /// How many successes the container with this id gave.
    pub fn from_container(&self, id: &str) -> usize {
        let counts = self.by_container();
        let own = counts.iter().filter(|(start, _)| id.starts_with(**start));
        own.map(|(_, count)| count).sum()
    }

    /// The longest time from the end of one success to the end of the next; none of fewer than two.
    pub fn worst_gap(&self) -> Option<Duration> {
        let successes = self.answers.iter().filter(|answer| answer.is_success());
        let mut ends: Vec<Instant> = successes.map(|answer| answer.at + answer.took).collect();
        ends.sort();
        ends.windows(2).map(|pair| pair[1] - pair[0]).max()
    }

    /// The part of it that was sent from `begin` on and before `end`.
    #[must_use]
    pub fn between(&self, begin: Instant, end: Instant) -> Self {
        let sent_then = |answer: &&Answer| (begin..end).contains(&answer.at);
        Self {
            answers: self.answers.iter().filter(sent_then).cloned().collect(),
            ended_early: self.ended_early,
        }
    }

    /// There were requests up to the moment of the stop, and each was answered with success.
    ///
    /// # Panics
    /// It is not so; the message says which failed and how.
    pub fn assert_none_failed(&self) {
        assert!(self.total() > 0, "no request was sent");
        assert!(self.failed().next().is_none(), "{self}");
        assert!(
            !self.ended_early,
            "the traffic ended before the test: {self}"
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed().count();
        write!(f, "{} requests, {failed} failed", self.total())?;
        for (container, count) in self.by_container() {
            write!(f, "\n  {count} answered by {container}")?;
        }
        let begin = self.answers.first().map(|answer| answer.at);
        for (answer, begin) in self.failed().take(10).zip(begin.iter().cycle()) {
            let Answer {
                at,
                took,
                container,
                result,
            } = answer;
            write!(
                f,
                "\n  failed at {:?} after {took:?}, by {container:?}: {result:?}",
                at.duration_since(*begin)
            )?;
        }
        Ok(())
    }
}
