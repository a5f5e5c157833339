//! The end of a rollout: what the service is left in, why, and the evidence.

use teal_engine::event::{Event, EventKind, Failure, Outcome};

use super::receipt::receipt as block;
use crate::{
    duration,
    text::{harmless, short_id},
    theme::{Theme, paint},
};

/// The last lines; empty for any other event than the last.
pub(super) fn ending(event: &Event, theme: Theme) -> String {
    let EventKind::Ended {
        outcome,
        failure,
        receipt,
        left_behind,
    } = &event.kind
    else {
        return String::new();
    };
    let mut lines = Vec::new();
    if let Some(failure) = failure {
        lines.extend(explanation(failure, theme));
    }
    if !left_behind.is_empty() {
        lines.push(paint(theme.warning, "Left behind:"));
        lines.extend(
            left_behind
                .iter()
                .map(|text| format!("  {}", harmless(text))),
        );
    }
    if let Some(receipt) = receipt {
        lines.extend(block(receipt, theme));
    }
    let style = match outcome {
        Outcome::Success => theme.success,
        Outcome::Refused | Outcome::NotRolledBack => theme.failure,
        Outcome::RolledBack | Outcome::HealthTimeout | Outcome::Aborted => theme.warning,
    };
    lines.push(format!(
        "{} after {}: {}",
        paint(style, outcome.state()),
        duration::taken(event.elapsed_ms),
        outcome.meaning()
    ));
    lines.join("\n")
}

/// A failure with everything a person needs to see.
fn explanation(failure: &Failure, theme: Theme) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {}",
        paint(theme.failure, "error:"),
        harmless(&failure.message)
    )];
    let container = failure.container.as_deref().map(short_id);
    let container = harmless(container.unwrap_or("the container"));
    if failure.out_of_memory {
        lines.push(format!("  {container} ran out of memory"));
    }
    if let Some(code) = failure.exit_code {
        lines.push(format!("  {container} exited with {code}"));
    }
    if let Some(output) = &failure.probe_output {
        lines.push("  the last health probe printed:".to_owned());
        lines.extend(quoted(output.lines(), theme));
    }
    if !failure.log.is_empty() {
        lines.push(format!("  the last log lines of {container}:"));
        lines.extend(quoted(failure.log.iter().map(String::as_str), theme));
    }
    if !failure.hint.is_empty() {
        lines.push(format!(
            "{} {}",
            paint(theme.hint, "hint:"),
            harmless(&failure.hint)
        ));
    }
    lines
}

fn quoted<'a>(lines: impl Iterator<Item = &'a str>, theme: Theme) -> impl Iterator<Item = String> {
    lines.map(move |line| format!("    {} {}", paint(theme.dim, "|"), harmless(line)))
}

#[cfg(test)]
mod tests {
    use teal_engine::event::{FailureCode, Receipt};

    use super::*;

    fn ended(kind: EventKind) -> String {
        let event = Event {
            rollout: "r".into(),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            elapsed_ms: 65_300,
            kind,
        };
        ending(&event, Theme::default())
    }

    #[test]
    fn success_ends_with_the_receipt_and_the_word() {
        let text = ended(EventKind::Ended {
            outcome: Outcome::Success,
            failure: None,
            receipt: Some(Receipt {
                target: Some("GET http://localhost:8000/".into()),
                requests: 300,
                ..Receipt::default()
            }),
            left_behind: Vec::new(),
        });
        assert_eq!(
            text,
            "Live probe GET http://localhost:8000/\n  \
               300 requests, 0 failed, longest gap 0 ms, p50 0 ms, p99 0 ms\n\
             SUCCESS after 1m 05s: Green has replaced Blue"
        );
    }

    #[test]
    fn a_failure_shows_its_cause_and_what_to_do() {
        let text = ended(EventKind::Ended {
            outcome: Outcome::RolledBack,
            failure: Some(Failure {
                code: FailureCode::OutOfMemory,
                message: "Green was killed".into(),
                hint: "raise `--memory`".into(),
                container: Some("shop-web-2".into()),
                exit_code: Some(137),
                out_of_memory: true,
                probe_output: Some("connection refused\n".into()),
                log: vec!["loading".into(), "\u{1b}[31mred".into()],
            }),
            receipt: None,
            left_behind: Vec::new(),
        });
        assert_eq!(
            text,
            "error: Green was killed\n  \
               shop-web-2 ran out of memory\n  \
               shop-web-2 exited with 137\n  \
               the last health probe printed:\n    \
                 | connection refused\n  \
               the last log lines of shop-web-2:\n    \
                 | loading\n    \
                 | \\u{1b}[31mred\n\
             hint: raise `--memory`\n\
             RESTORED after 1m 05s: a phase failed; Blue serves as before"
        );
    }

    #[test]
    fn what_is_left_behind_is_named() {
        let text = ended(EventKind::Ended {
            outcome: Outcome::NotRolledBack,
            failure: None,
            receipt: None,
            left_behind: vec!["docker rm -f shop-web-2".into()],
        });
        assert!(
            text.starts_with("Left behind:\n  docker rm -f shop-web-2\nFAIL"),
            "{text}"
        );
    }
}
