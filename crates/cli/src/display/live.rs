//! Progress in place: one line a phase that is over, and a last one that moves.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use teal_engine::event::{Event, EventKind, Phase};

use super::{
    ending, in_short,
    plan::essentials,
    sentence::{self, Sentence},
};
use crate::{
    duration,
    screen::Screen,
    text::harmless,
    theme::{Theme, paint},
};

const TICK: Duration = Duration::from_millis(100);

/// The moving line: phase, its time and deadline, what happens now, the live probe.
#[derive(Debug)]
pub(crate) struct Live {
    bar: ProgressBar,
    theme: Theme,
    now: String,
    probe: String,
}

impl Live {
    pub(super) fn new(theme: Theme) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix}  {elapsed:>4}  {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        bar.set_prefix(Phase::Preparation.title());
        Self {
            bar,
            theme,
            now: String::new(),
            probe: String::new(),
        }
    }

    pub(super) fn show(&mut self, event: &Event, screen: &mut Screen) {
        let theme = self.theme;
        match &event.kind {
            EventKind::Planned { plan } => {
                self.say(&paint(theme.strong, sentence::headline(plan)));
                for line in essentials(plan) {
                    self.say(&line);
                }
            }
            EventKind::PhaseStarted { phase, deadline_ms } => {
                self.bar.set_prefix(phase.title());
                self.bar.reset_elapsed();
                self.tell(sentence::deadline(*deadline_ms).trim_start().to_owned());
            }
            EventKind::PhaseDone { phase, elapsed_ms } => {
                self.mark(&paint(theme.green, "✓"), *phase, *elapsed_ms, "");
            }
            EventKind::PhaseFailed {
                phase,
                elapsed_ms,
                failure,
            } => self.mark(
                &paint(theme.failure, "✗"),
                *phase,
                *elapsed_ms,
                &harmless(&failure.message),
            ),
            EventKind::Warning { text } => {
                self.say(&format!(
                    "{} {}",
                    paint(theme.warning, "warning:"),
                    harmless(text)
                ));
            }
            EventKind::RollingBack { reason } => {
                self.say(&format!(
                    "{} {}",
                    paint(theme.warning, "Rolling back:"),
                    harmless(reason)
                ));
                self.bar.set_prefix("Rolling back");
                self.bar.reset_elapsed();
                self.tell("Blue keeps serving".to_owned());
            }
            EventKind::Probe { receipt } => {
                self.probe = format!("{}, p99 {:.0} ms", in_short(receipt), receipt.p99_ms);
                self.refresh();
            }
            EventKind::Ended { .. } => {
                self.close();
                screen.line(&ending::ending(event, theme));
            }
            kind => {
                if let Some(Sentence::Line(text) | Sentence::Progress(text)) =
                    sentence::sentence(kind)
                {
                    self.tell(text);
                }
            }
        }
    }

    /// Prints a line above the moving one.
    pub(super) fn say(&self, text: &str) {
        self.bar.println(text);
    }

    /// Prints something else while the moving line is away.
    pub(super) fn beside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(super) fn close(&self) {
        self.bar.finish_and_clear();
    }

    fn mark(&self, mark: &str, phase: Phase, elapsed_ms: u64, text: &str) {
        let taken = duration::taken(elapsed_ms);
        let line = format!("{mark} {:<14} {taken:>7}  {text}", phase.title());
        self.say(line.trim_end());
    }

    fn tell(&mut self, now: String) {
        self.now = now;
        self.refresh();
    }

    fn refresh(&self) {
        let parts: Vec<_> = [&self.now, &self.probe]
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect();
        // The line has room for one line only.
        self.bar.set_message(parts.join("  ·  ").replace('\n', " "));
    }
}
