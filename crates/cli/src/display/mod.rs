//! A rollout as it is shown: as JSON, in place on a terminal, or as plain lines in a pipe.

mod ending;
pub(crate) mod files;
mod live;
mod plain;
mod plan;
mod receipt;
mod sentence;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod verdict;

use teal_engine::event::Event;

pub(crate) use plan::{id, override_and_commands, plan, told};
pub(crate) use receipt::in_short;
pub(crate) use table::table;
pub(crate) use verdict::{all_ready, diagnoses, is_ready, nothing_runs, verdict};

use crate::screen::{Screen, notices};

/// One way to show the events of a rollout.
#[derive(Debug)]
pub(crate) enum Display {
    Json,
    Live(live::Live),
    Plain(plain::Plain),
}

impl Display {
    /// The one that fits the screen.
    pub(crate) fn of(screen: &Screen) -> Self {
        if screen.is_json {
            Self::Json
        } else if screen.is_live() {
            Self::Live(live::Live::new(screen.theme))
        } else {
            Self::Plain(plain::Plain::default())
        }
    }

    pub(crate) fn show(&mut self, event: &Event, screen: &mut Screen) {
        match self {
            Self::Json => screen.json(event),
            Self::Live(live) => live.show(event, screen),
            Self::Plain(plain) => plain.show(event, screen),
        }
    }

    /// Says something that is not an event. `--json` has nothing but events.
    pub(crate) fn say(&mut self, text: &str, screen: &mut Screen) {
        match self {
            Self::Json => {}
            Self::Live(live) => live.say(text),
            Self::Plain(_) => screen.line(text),
        }
    }

    /// Prints what a person should know of the project's files to standard error.
    pub(crate) fn notices(&self, found: &[String]) {
        match self {
            Self::Live(live) => live.beside(|| notices(found)),
            Self::Json | Self::Plain(_) => notices(found),
        }
    }

    /// Leaves the terminal as lines that were printed.
    pub(crate) fn close(&mut self) {
        if let Self::Live(live) = self {
            live.close();
        }
    }
}
