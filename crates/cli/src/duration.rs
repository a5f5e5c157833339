//! Durations as Compose writes them, read and printed.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads `30s`, `2m`, `500ms`, `1m30s`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let explain = || {
        format!(
            "`{text}` is not a duration: write it as Compose does, such as `30s`, `2m` or `500ms`"
        )
    };
    // jiff's own format allows more than Compose does: signs, words, ISO 8601.
    let is_compact = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if !is_compact {
        return Err(explain());
    }
    let duration: SignedDuration = text.parse().map_err(|_| explain())?;
    Duration::try_from(duration).map_err(|_| explain())
}

/// Reads a duration that is longer than none.
pub(crate) fn parse_positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// Whole milliseconds, the most there are for a duration beyond them.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// A time taken, short: `0.4s`, `12.3s`, `2m 05s`.
pub(crate) fn taken(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    if seconds < 60 {
        format!("{seconds}.{}s", milliseconds % 1000 / 100)
    } else {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    }
}

/// A limit of time, as it would be typed: `30s`, `2m`, `1m30s`.
pub(crate) fn limit(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 60, seconds % 60, milliseconds % 1000) {
        (0, _, 1..) => format!("{milliseconds}ms"),
        (0, seconds, _) => format!("{seconds}s"),
        (minutes, 0, _) => format!("{minutes}m"),
        (minutes, seconds, _) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composes_durations_are_read() {
        for (text, expected) in [
            ("30s", 30_000),
            ("2m", 120_000),
            ("500ms", 500),
            ("1m30s", 90_000),
            ("1.5s", 1500),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text).map(milliseconds), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_words_are_refused_with_an_example() {
        for text in ["", "30", "-5s", "soon", "PT5S", "5 s", "5s ago", "5x"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("such as `30s`"), "{text}: {error}");
        }
        assert!(parse_positive("0s").is_err());
    }

    #[test]
    fn times_are_short() {
        assert_eq!(taken(0), "0.0s");
        assert_eq!(taken(12_399), "12.3s");
        assert_eq!(taken(59_999), "59.9s");
        assert_eq!(taken(125_400), "2m 05s");
        assert_eq!(limit(120_000), "2m");
        assert_eq!(limit(90_000), "1m30s");
        assert_eq!(limit(800), "800ms");
        assert_eq!(limit(45_000), "45s");
    }
}
