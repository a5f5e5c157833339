//! How often Traefik takes up what its providers tell: all waits go by it.

use std::time::Duration;

use super::settings::Settings;

/// Where nobody says otherwise.
const DEFAULT: Duration = Duration::from_secs(2);
/// What Traefik needs besides, on a busy machine: it looks at each container of the engine.
const WORK: Duration = Duration::from_secs(4);

/// The shortest time between two configurations that Traefik takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Throttle(Duration);

impl Throttle {
    pub(super) fn of(settings: &Settings) -> Self {
        let said = settings.get("providers.providersthrottleduration");
        Self(said.and_then(|text| duration(text)).unwrap_or(DEFAULT))
    }

    /// The longest time in which Traefik serves what has just been started: it may have taken up
    /// something else just before, and may do so once more.
    pub(super) fn windows(self) -> Duration {
        self.0 * 2 + WORK
    }
}

/// A duration as Traefik reads it: `500ms`, `1m30s`; a bare number is in seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let is_figure = |character: char| character.is_ascii_digit() || character == '.';
        let (number, after) = rest.split_at(rest.find(|character| !is_figure(character))?);
        let end = after.find(is_figure).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_traefik_reads_them() {
        for (text, milliseconds) in [
            ("2", 2_000),
            ("0.1s", 100),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("0s", 0),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "2 s",
            "2d",
            "-1s",
            "1e400",
            "99999999999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_the_default() {
        let settings = [(
            "providers.providersthrottleduration".to_owned(),
            "soon".to_owned(),
        )];
        assert_eq!(Throttle::of(&settings.into()), Throttle(DEFAULT));
    }
}
