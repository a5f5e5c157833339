//! Colours on a terminal: Blue is blue, Green is green, red only for failure, amber for warning.

use std::{fmt::Display, io};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// The styles in use; all plain where colour is not wanted (`NO_COLOR`, a pipe).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Theme {
    pub(crate) blue: Style,
    pub(crate) green: Style,
    pub(crate) success: Style,
    pub(crate) failure: Style,
    pub(crate) warning: Style,
    pub(crate) hint: Style,
    pub(crate) strong: Style,
    pub(crate) dim: Style,
}

impl Theme {
    /// For standard output as it is.
    pub(crate) fn of_stdout() -> Self {
        Self::of_choice(AutoStream::choice(&io::stdout()))
    }

    /// For standard error as it is.
    pub(crate) fn of_stderr() -> Self {
        Self::of_choice(AutoStream::choice(&io::stderr()))
    }

    fn of_choice(choice: ColorChoice) -> Self {
        if choice == ColorChoice::Never {
            return Self::default();
        }
        Self {
            blue: AnsiColor::Blue.on_default(),
            green: AnsiColor::Green.on_default(),
            success: AnsiColor::Green.on_default().bold(),
            failure: AnsiColor::Red.on_default().bold(),
            warning: AnsiColor::Yellow.on_default().bold(),
            hint: AnsiColor::Cyan.on_default().bold(),
            strong: Style::new().bold(),
            dim: Style::new().dimmed(),
        }
    }
}

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_is_added() {
        let theme = Theme::of_choice(ColorChoice::Never);
        assert_eq!(paint(theme.failure, "error"), "error");
        let theme = Theme::of_choice(ColorChoice::Always);
        assert_eq!(paint(theme.strong, "x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
