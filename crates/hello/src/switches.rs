//! What the environment asks of the service.

use std::{env, path::PathBuf, str::FromStr, time::Duration};

/// Each field is an environment variable of the same name in capitals; durations end in `_MS`.
/// Nothing set means a service that behaves.
#[derive(Debug, Clone)]
pub(crate) struct Switches {
    /// Where it listens; 8080.
    pub port: u16,
    /// `/health` answers 503 for this long after the start.
    pub start_delay: Duration,
    /// Nothing listens for this long after the start.
    pub listen_delay: Duration,
    /// `/health` never answers anything but 503.
    pub never_healthy: bool,
    /// `/health` answers 503 from this long after the start.
    pub unhealthy_after: Option<Duration>,
    /// `/health` answers 503 while there is a file at this path: a test puts it into one container of
    /// several.
    pub sick_file: Option<PathBuf>,
    /// `/health` answers 200 for so long, then 503 for so long, and so on.
    pub flap: Option<Duration>,
    /// Exits this long after the start, with `crash_exit_code`; 0 is at once, before listening.
    pub crash_after: Option<Duration>,
    /// 1 if not set.
    pub crash_exit_code: u8,
    /// SIGTERM changes nothing; only SIGKILL ends it.
    pub ignore_sigterm: bool,
    /// Takes this many MB more each second. Needs a memory limit.
    pub leak_mb_per_s: u32,
    /// Takes more than its memory limit instead of serving. Needs a memory limit.
    pub oom_at_start: bool,
    /// This path answers 500.
    pub fail_path: Option<String>,
    /// Every answer but `/health` takes at least this long.
    pub delay: Duration,
    /// A request that comes so much later than the answer before it on its connection is not
    /// answered: the connection is reset.
    pub keep_alive: Option<Duration>,
}

impl Switches {
    pub(crate) fn from_environment() -> Result<Self, String> {
        Ok(Self {
            port: number("PORT")?.unwrap_or(8080),
            start_delay: millis("START_DELAY_MS")?.unwrap_or_default(),
            listen_delay: millis("LISTEN_DELAY_MS")?.unwrap_or_default(),
            never_healthy: flag("NEVER_HEALTHY")?,
            unhealthy_after: millis("UNHEALTHY_AFTER_MS")?,
            sick_file: env::var_os("SICK_FILE").map(PathBuf::from),
            flap: millis("FLAP_MS")?,
            crash_after: millis("CRASH_AFTER_MS")?,
            crash_exit_code: number("CRASH_EXIT_CODE")?.unwrap_or(1),
            ignore_sigterm: flag("IGNORE_SIGTERM")?,
            leak_mb_per_s: number("LEAK_MB_PER_S")?.unwrap_or(0),
            oom_at_start: flag("OOM_AT_START")?,
            fail_path: env::var("FAIL_PATH").ok(),
            delay: millis("DELAY_MS")?.unwrap_or_default(),
            keep_alive: millis("KEEP_ALIVE_MS")?,
        })
    }

    /// Whether `/health` says so after the service has run for `age`.
    pub(crate) fn is_healthy_at(&self, age: Duration) -> bool {
        !self.never_healthy
            && age >= self.start_delay
            && self.unhealthy_after.is_none_or(|after| age < after)
            && self.flap.is_none_or(|flap| is_up(age, flap))
            && !self.sick_file.as_ref().is_some_and(|file| file.exists())
    }
}

/// Whether an even number of periods is over.
fn is_up(age: Duration, period: Duration) -> bool {
    let over = age.as_nanos().checked_div(period.as_nanos());
    over.is_none_or(|over| over % 2 == 0)
}

fn number<T: FromStr>(name: &str) -> Result<Option<T>, String> {
    let Ok(text) = env::var(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(format!("`{name}` is not a number in range: `{text}`")),
    }
}

fn millis(name: &str) -> Result<Option<Duration>, String> {
    Ok(number(name)?.map(Duration::from_millis))
}

fn flag(name: &str) -> Result<bool, String> {
    match env::var(name).as_deref() {
        Ok("1" | "true") => Ok(true),
        Err(_) | Ok("" | "0" | "false") => Ok(false),
        Ok(text) => Err(format!("`{name}` is neither 0 nor 1: `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaving() -> Switches {
        Switches {
            port: 8080,
            start_delay: Duration::ZERO,
            listen_delay: Duration::ZERO,
            never_healthy: false,
            unhealthy_after: None,
            sick_file: None,
            flap: None,
            crash_after: None,
            crash_exit_code: 1,
            ignore_sigterm: false,
            leak_mb_per_s: 0,
            oom_at_start: false,
            fail_path: None,
            delay: Duration::ZERO,
            keep_alive: None,
        }
    }

    #[test]
    fn health_follows_the_switches() {
        let second = Duration::from_secs(1);
        assert!(behaving().is_healthy_at(Duration::ZERO));
        let slow = Switches {
            start_delay: second,
            ..behaving()
        };
        assert!(!slow.is_healthy_at(second / 2));
        assert!(slow.is_healthy_at(second));
        let later_ill = Switches {
            unhealthy_after: Some(second),
            ..behaving()
        };
        assert!(later_ill.is_healthy_at(second / 2));
        assert!(!later_ill.is_healthy_at(second));
        let flapping = Switches {
            flap: Some(second),
            ..behaving()
        };
        let flaps = [0, 1, 2, 3].map(|age| flapping.is_healthy_at(second * age));
        assert_eq!(flaps, [true, false, true, false]);
        let here = Switches {
            sick_file: Some(PathBuf::from("/")),
            ..behaving()
        };
        assert!(!here.is_healthy_at(second));
        let nowhere = Switches {
            sick_file: Some(PathBuf::from("/there is no such file")),
            ..behaving()
        };
        assert!(nowhere.is_healthy_at(second));
        let never = Switches {
            never_healthy: true,
            ..behaving()
        };
        assert!(!never.is_healthy_at(second));
    }
}
