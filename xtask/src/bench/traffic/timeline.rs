//! What happened when, to say of a failure at what moment it was.

use jiff::Timestamp;

/// The phases of one change and their steps, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    phases: Vec<(Timestamp, String)>,
    steps: Vec<(Timestamp, String)>,
}

impl Timeline {
    pub(super) fn phase(&mut self, at: Timestamp, what: &str) {
        self.phases.push((at, what.to_owned()));
    }

    pub(super) fn step(&mut self, at: Timestamp, what: &str) {
        self.steps.push((at, what.to_owned()));
    }

    /// A phase begins now.
    pub(super) fn now(&mut self, what: &str) {
        self.phase(Timestamp::now(), what);
    }

    /// Goes on with what followed.
    pub(super) fn extend(&mut self, later: Self) {
        self.phases.extend(later.phases);
        self.steps.extend(later.steps);
    }

    /// The phase at a time.
    pub(super) fn phase_at(&self, at: Timestamp) -> &str {
        last(&self.phases, at).map_or("before it", |(_, what)| what)
    }

    /// Such as `120 ms after “Remove Blue” began, 3 ms after “Stopping Blue”`.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        let Some((began, phase)) = last(&self.phases, at) else {
            return "before it".to_owned();
        };
        let since = |begin: &Timestamp| at.duration_since(*begin).as_millis();
        let step = last(&self.steps, at).filter(|(begin, _)| begin >= began);
        let step = step.map(|(begin, step)| format!(", {} ms after “{step}”", since(begin)));
        format!("{} ms after “{phase}” began", since(began)) + &step.unwrap_or_default()
    }
}

/// The last of these that is not after `at`.
fn last(moments: &[(Timestamp, String)], at: Timestamp) -> Option<&(Timestamp, String)> {
    moments.iter().rev().find(|(begin, _)| *begin <= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_a_moment_follows() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let mut timeline = Timeline::default();
        timeline.phase(at(1000), "Deploy Green");
        timeline.step(at(1500), "Holding");
        timeline.phase(at(2000), "Health Check");
        assert_eq!(timeline.moment(at(999)), "before it");
        assert_eq!(
            timeline.moment(at(1999)),
            "999 ms after “Deploy Green” began, 499 ms after “Holding”"
        );
        assert_eq!(timeline.moment(at(2000)), "0 ms after “Health Check” began");
        assert_eq!(timeline.phase_at(at(2500)), "Health Check");
    }
}
