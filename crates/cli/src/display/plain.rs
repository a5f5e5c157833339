//! Plain lines, each with the time since the start: for pipes and log files.

use teal_engine::event::{Event, EventKind};

use super::{
    ending,
    plan::essentials,
    sentence::{self, Sentence},
};
use crate::{duration, screen::Screen, text::harmless};

/// Prints progress only once a phase has ended: a pipe keeps every line.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    progress: Option<String>,
}

impl Plain {
    pub(super) fn show(&mut self, event: &Event, screen: &mut Screen) {
        let stamp = |text: &str| format!("[{:>7}] {text}", duration::taken(event.elapsed_ms));
        match &event.kind {
            EventKind::Planned { plan } => {
                screen.line(&stamp(&sentence::headline(plan)));
                for line in essentials(plan) {
                    screen.line(&stamp(&line));
                }
            }
            EventKind::PhaseStarted { phase, deadline_ms } => {
                let deadline = sentence::deadline(*deadline_ms);
                screen.line(&stamp(&format!("{}{deadline}", phase.title())));
            }
            EventKind::PhaseDone { phase, elapsed_ms } => {
                if let Some(progress) = self.progress.take() {
                    screen.line(&stamp(&format!("  {progress}")));
                }
                let taken = duration::taken(*elapsed_ms);
                screen.line(&stamp(&format!("{}: done in {taken}", phase.title())));
            }
            EventKind::PhaseFailed {
                phase,
                elapsed_ms,
                failure,
            } => {
                if let Some(progress) = self.progress.take() {
                    screen.line(&stamp(&format!("  {progress}")));
                }
                screen.line(&stamp(&format!(
                    "{}: failed after {}: {}",
                    phase.title(),
                    duration::taken(*elapsed_ms),
                    harmless(&failure.message)
                )));
            }
            EventKind::Warning { text } => {
                screen.line(&stamp(&format!("  warning: {}", harmless(text))));
            }
            EventKind::RollingBack { reason } => {
                screen.line(&stamp(&format!("Rolling back: {}", harmless(reason))));
            }
            EventKind::Ended { .. } => screen.line(&ending::ending(event, screen.theme)),
            kind => match sentence::sentence(kind) {
                Some(Sentence::Line(text)) => screen.line(&stamp(&format!("  {text}"))),
                Some(Sentence::Progress(text)) => self.progress = Some(text),
                None => {}
            },
        }
    }
}
