//! Standard output and standard error.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use serde::Serialize;

use crate::{
    text::harmless,
    theme::{Theme, paint},
};

/// Where everything is printed. A reader that goes away (`teal … | head`) is not an error, and never
/// the end of a rollout.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) is_json: bool,
    pub(crate) theme: Theme,
    unwritten: Option<io::Error>,
}

impl Screen {
    pub(crate) fn new(is_json: bool) -> Self {
        Self {
            is_json,
            theme: Theme::of_stdout(),
            unwritten: None,
        }
    }

    /// Whether progress can be shown in place.
    pub(crate) fn is_live(&self) -> bool {
        !self.is_json && io::stdout().is_terminal()
    }

    /// Prints a line, or several.
    pub(crate) fn line(&mut self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// Prints a value as JSON on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.line(&text),
            Err(error) => self.unwritten = Some(error.into()),
        }
    }

    /// Prints bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.unwritten.is_some() {
            return;
        }
        let mut stdout = anstream::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        self.unwritten = written.err();
    }

    /// The exit code, once everything that could be printed was.
    pub(crate) fn finish(self, code: u8) -> ExitCode {
        match self.unwritten {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                complain(
                    &format!("could not write to standard output: {error}"),
                    None,
                );
                ExitCode::from(if code == 0 { 1 } else { code })
            }
            _ => ExitCode::from(code),
        }
    }
}

/// Prints what a person should know of the project's files to standard error, as Compose does: what
/// reads standard output does not meet it.
pub(crate) fn notices(notices: &[String]) {
    let theme = Theme::of_stderr();
    for notice in notices {
        let line = format!(
            "{} {}\n",
            paint(theme.warning, "warning:"),
            harmless(notice)
        );
        // There is no third place to say that standard error is gone.
        anstream::stderr().write_all(line.as_bytes()).ok();
    }
}

/// Prints an error, and what to do about it, to standard error.
pub(crate) fn complain(text: &str, hint: Option<&str>) {
    let theme = Theme::of_stderr();
    let hint = hint.map_or_else(String::new, |hint| {
        format!("{} {hint}\n", paint(theme.hint, "hint:"))
    });
    let lines = format!("{} {text}\n{hint}", paint(theme.failure, "error:"));
    // There is no third place to say that standard error is gone.
    anstream::stderr().write_all(lines.as_bytes()).ok();
}
