//! Events in words, the same on a terminal and in a pipe.

use teal_engine::{
    event::{Color, EventKind},
    model::Plan,
};

use crate::{
    duration,
    text::{counted, harmless},
};

/// What happens now: lines that stay, and progress that the next of its kind replaces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sentence {
    Line(String),
    Progress(String),
}

/// The sentence for an event; none for those that are shown in a form of their own.
pub(super) fn sentence(kind: &EventKind) -> Option<Sentence> {
    let line = |text: String| Some(Sentence::Line(text));
    let progress = |text: String| Some(Sentence::Progress(text));
    match kind {
        EventKind::Step { text, .. } => line(harmless(text).into_owned()),
        EventKind::Containers { color, replicas } => {
            let names: Vec<_> = replicas
                .iter()
                .map(|replica| format!("{} {}", harmless(&replica.name), word(&replica.state)))
                .collect();
            (!names.is_empty())
                .then(|| Sentence::Line(format!("{}: {}", title(*color), names.join(", "))))
        }
        EventKind::HealthPoll {
            health,
            since_start_ms,
            ..
        } => line(format!("T={}s {}", since_start_ms / 1000, word(health))),
        EventKind::Split { green_percent } => line(format!(
            "Blue gets {} % of the traffic, Green {green_percent} %",
            100 - green_percent.min(&100)
        )),
        EventKind::Answers {
            blue,
            green,
            failed,
            wanted,
        } => progress(format!(
            "answers: Blue {blue}/{wanted}, Green {green}/{wanted}, {failed} failed"
        )),
        EventKind::Drain { in_flight, .. } => progress(match in_flight {
            Some(n) => format!("draining Blue: {} in flight", counted(*n, "request")),
            None => "draining Blue: its requests can't be counted".to_owned(),
        }),
        // Each is warned of as well.
        EventKind::Callers { color, callers } if callers.is_empty() => {
            line(format!("nobody keeps {} any more", title(*color)))
        }
        EventKind::Callers { .. }
        | EventKind::Started { .. }
        | EventKind::Planned { .. }
        | EventKind::PhaseStarted { .. }
        | EventKind::PhaseDone { .. }
        | EventKind::PhaseFailed { .. }
        | EventKind::Flow { .. }
        | EventKind::Probe { .. }
        | EventKind::Warning { .. }
        | EventKind::RollingBack { .. }
        | EventKind::Ended { .. } => None,
    }
}

/// `hello of sample: 1 CPU, 512M → 1.5 CPU, 768M (revision 2)`
pub(super) fn headline(plan: &Plan) -> String {
    let back = plan.to_revision.map_or_else(String::new, |to| {
        format!(", back to the limits of revision {to}")
    });
    format!(
        "{} of {}: {} → {} (revision {}{back})",
        harmless(&plan.service),
        harmless(&plan.project),
        plan.limits_before,
        plan.limits_after,
        plan.revision
    )
}

/// ` (gives up after 2m)`, for a phase that does.
pub(super) fn deadline(milliseconds: Option<u64>) -> String {
    milliseconds.map_or_else(String::new, |limit| {
        format!(" (gives up after {})", duration::limit(limit))
    })
}

pub(super) fn title(color: Color) -> &'static str {
    match color {
        Color::Blue => "Blue",
        Color::Green => "Green",
    }
}

/// The word that JSON has for a unit variant: Docker's own for states and health.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use teal_engine::{event::Phase, model::Health};

    use super::*;

    #[test]
    fn a_poll_reads_as_in_the_specification() {
        let poll = EventKind::HealthPoll {
            container: "c".into(),
            health: Health::Starting,
            since_start_ms: 5_012,
            output: None,
        };
        assert_eq!(
            sentence(&poll),
            Some(Sentence::Line("T=5s starting".into()))
        );
    }

    #[test]
    fn foreign_text_is_harmless() {
        let step = EventKind::Step {
            phase: Phase::DeployGreen,
            text: "start \u{1b}]0;x\u{7}".into(),
        };
        let Some(Sentence::Line(text)) = sentence(&step) else {
            panic!("no line")
        };
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
