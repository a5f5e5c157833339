//! CPU and memory limits: as people write them, as Docker keeps them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use ts_rs::TS;

/// CPUs in billionths of a core, as Docker's `NanoCpus`; a number of cores in JSON (`1.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(into = "f64", try_from = "f64")]
#[ts(type = "number")]
pub struct Cpus(u64);

/// Memory in bytes; a number in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct Memory(u64);

/// The limits of a container or service. `None` means without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Limits {
    pub cpus: Option<Cpus>,
    pub memory: Option<Memory>,
}

/// What a rollout is asked to change. `None` leaves a limit as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LimitsChange {
    pub cpus: Option<Cpus>,
    pub memory: Option<Memory>,
}

/// Why a limit was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    #[error("`{0}` is not a number of CPUs: write a decimal such as `0.5` or `2`")]
    NoCpus(String),
    #[error("`{0}` CPUs is less than the least there is, `0.01`")]
    TooFewCpus(String),
    #[error(
        "`{0}` is not an amount of memory: write it as Compose does, such as `512M`, `1.5g` or a number of bytes"
    )]
    NoMemory(String),
    #[error("`{0}` is below Docker's minimum of `6M`")]
    TooLittleMemory(String),
}

impl Cpus {
    /// The least a limit can be: a hundredth of a core, as Docker documents for `--cpus`.
    pub const MIN: Self = Self(10_000_000);

    pub const fn from_nano(nano: u64) -> Self {
        Self(nano)
    }

    pub const fn nano(self) -> u64 {
        self.0
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "core counts are far below 2^53 billionths"
    )]
    pub fn cores(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The limit that so many microseconds of CPU time in each period come to; Docker's period is
    /// 100 ms where none is given.
    pub fn from_quota(quota: u64, period: Option<u64>) -> Option<Self> {
        let period = period.unwrap_or(100_000);
        let nano = u128::from(quota) * 1_000_000_000 / u128::from(period.max(1));
        u64::try_from(nano).ok().map(Self)
    }

    /// What the engine gets when these CPUs are written into a compose file: Compose counts them
    /// in single precision, so `2.123456789` becomes `2.1234567`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the very rounding that Compose does"
    )]
    #[must_use]
    pub fn as_compose_sets(self) -> Self {
        Self((self.cores() as f32 * 1e9) as u64)
    }
}

impl From<Cpus> for f64 {
    fn from(cpus: Cpus) -> Self {
        cpus.cores()
    }
}

impl TryFrom<f64> for Cpus {
    type Error = LimitError;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be finite, positive and small before"
    )]
    fn try_from(cores: f64) -> Result<Self, LimitError> {
        if !cores.is_finite() || cores <= 0.0 || cores > 1e6 {
            return Err(LimitError::NoCpus(cores.to_string()));
        }
        let cpus = Self((cores * 1e9).round() as u64);
        if cpus < Self::MIN {
            return Err(LimitError::TooFewCpus(cores.to_string()));
        }
        Ok(cpus)
    }
}

impl FromStr for Cpus {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let text = text.trim();
        let decimal = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let cores: f64 = text
            .parse()
            .ok()
            .filter(|_| decimal)
            .ok_or_else(|| LimitError::NoCpus(text.to_owned()))?;
        Self::try_from(cores).map_err(|error| match error {
            LimitError::TooFewCpus(_) => LimitError::TooFewCpus(text.to_owned()),
            _ => LimitError::NoCpus(text.to_owned()),
        })
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cores())
    }
}

impl Memory {
    /// Docker's own minimum for a memory limit.
    pub const MIN: Self = Self(6 * 1024 * 1024);

    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whether a control group with this limit holds it: the kernel keeps whole pages, so that what is
    /// no multiple of a page is rounded down. The largest page of Linux has 64 KiB.
    #[must_use]
    pub const fn is_held_by(self, control_group: Self) -> bool {
        const LARGEST_PAGE: u64 = 64 * 1024;
        control_group.0 <= self.0 && self.0 - control_group.0 < LARGEST_PAGE
    }
}

impl FromStr for Memory {
    type Err = LimitError;

    /// Reads an amount as Compose does: an optional fraction and `b`, `k`, `m`, `g`, `t` or `p`,
    /// with or without a following `b`/`ib`, in any case, in powers of 1024.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "amounts are checked to be positive and below 2^53"
    )]
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let none = || LimitError::NoMemory(text.trim().to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(lower.len());
        let (number, unit) = lower.split_at(digits);
        let number: f64 = number.parse().map_err(|_| none())?;
        let power = match unit.trim_start() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            "p" | "pb" | "pib" => 5,
            _ => return Err(none()),
        };
        let bytes = number * 1024_f64.powi(power);
        if !bytes.is_finite() || bytes > (1_u64 << 53) as f64 {
            return Err(none());
        }
        let memory = Self(bytes as u64);
        if memory < Self::MIN {
            return Err(LimitError::TooLittleMemory(text.trim().to_owned()));
        }
        Ok(memory)
    }
}

impl fmt::Display for Memory {
    /// The shortest exact form that Compose reads: `512M`, `1G`, else bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, size) in [("G", 1_u64 << 30), ("M", 1 << 20), ("K", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Limits {
    /// These limits with what `change` names replaced.
    #[must_use]
    pub fn with(self, change: LimitsChange) -> Self {
        Self {
            cpus: change.cpus.or(self.cpus),
            memory: change.memory.or(self.memory),
        }
    }

    /// What the engine gets when these limits are written into a compose file; see
    /// [`Cpus::as_compose_sets`].
    #[must_use]
    pub fn as_compose_sets(self) -> Self {
        Self {
            cpus: self.cpus.map(Cpus::as_compose_sets),
            ..self
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cpus {
            Some(cpus) => write!(f, "{cpus} CPU")?,
            None => write!(f, "no CPU limit")?,
        }
        match self.memory {
            Some(memory) => write!(f, ", {memory}"),
            None => write!(f, ", no memory limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_decimals() {
        for (text, nano) in [
            ("0.01", 10_000_000),
            ("0.5", 500_000_000),
            (".5", 500_000_000),
            ("1", 1_000_000_000),
            ("1.", 1_000_000_000),
            (" 1.50 ", 1_500_000_000),
            ("0.333333333", 333_333_333),
            ("128", 128_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Cpus::from_nano(nano)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_cpus_says_so() {
        for text in [
            "", ".", "-1", "+1", "1e3", "1,5", "1.5.0", "one", "500m", "inf", "NaN", "0x1", "0",
            "0.0", "99999999",
        ] {
            let error = text.parse::<Cpus>().unwrap_err();
            assert_eq!(error, LimitError::NoCpus(text.to_owned()), "{text}");
        }
        for text in ["0.009", "0.000000001"] {
            let error = text.parse::<Cpus>().unwrap_err();
            assert_eq!(error, LimitError::TooFewCpus(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn cpus_are_written_as_people_write_them() {
        for text in ["0.01", "0.5", "1", "1.5", "0.333333333", "64"] {
            let cpus: Cpus = text.parse().unwrap();
            assert_eq!(cpus.to_string(), text);
            assert_eq!(
                serde_json::to_value(cpus).unwrap(),
                serde_json::json!(cpus.cores())
            );
        }
        for refused in ["0", "-1", "0.001", "1e9", "null"] {
            assert!(serde_json::from_str::<Cpus>(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn compose_counts_cpus_in_single_precision() {
        let sets = |text: &str| text.parse::<Cpus>().unwrap().as_compose_sets().nano();
        assert_eq!(sets("1.5"), 1_500_000_000);
        assert_eq!(sets("0.3"), 300_000_000);
        assert_eq!(sets("0.333333333"), 333_333_344);
        assert_eq!(sets("2.123456789"), 2_123_456_768);

        // What Compose has set once, it sets again.
        for nano in (10_000_000..64_000_000_000).step_by(999_983) {
            let set = Cpus::from_nano(nano).as_compose_sets();
            assert_eq!(
                set.to_string().parse::<Cpus>().unwrap().as_compose_sets(),
                set
            );
        }
    }

    #[test]
    fn memory_is_what_compose_writes() {
        const MIB: u64 = 1 << 20;
        for (text, bytes) in [
            ("512M", 512 * MIB),
            ("512m", 512 * MIB),
            ("512mb", 512 * MIB),
            ("512MiB", 512 * MIB),
            (" 512 MB ", 512 * MIB),
            ("1.5g", 1536 * MIB),
            (".5G", 512 * MIB),
            ("1T", MIB * MIB),
            ("6291456", 6 * MIB),
            ("6291457b", 6 * MIB + 1),
            ("1.0000001g", 1_073_741_931),
        ] {
            assert_eq!(text.parse(), Ok(Memory::from_bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_of_memory_says_so() {
        for text in [
            "", "M", "-1", "512x", "5mm", "1,5g", "1e9", "12 34", "9999999p", "1..5g",
        ] {
            let error = text.parse::<Memory>().unwrap_err();
            assert_eq!(error, LimitError::NoMemory(text.to_owned()), "{text}");
        }
        for text in ["0", "5M", "6291455", "0.1k"] {
            let error = text.parse::<Memory>().unwrap_err();
            assert_eq!(
                error,
                LimitError::TooLittleMemory(text.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn memory_is_written_short_and_exact() {
        for (bytes, text) in [
            (1 << 30, "1G"),
            (3 << 29, "1536M"),
            (768 << 20, "768M"),
            ((8 << 20) + 1024, "8193K"),
            ((8 << 20) + 1, "8388609"),
        ] {
            let memory = Memory::from_bytes(bytes);
            assert_eq!(memory.to_string(), text);
            assert_eq!(text.parse(), Ok(memory));
        }
    }

    #[test]
    fn the_kernel_keeps_whole_pages() {
        let is_held =
            |wanted, found| Memory::from_bytes(wanted).is_held_by(Memory::from_bytes(found));
        assert!(is_held(1_000_000_000, 999_997_440), "pages of 4 KiB");
        assert!(is_held(1_000_000_000, 999_948_288), "pages of 64 KiB");
        assert!(is_held(512 << 20, 512 << 20));
        assert!(!is_held(512 << 20, (512 << 20) - 64 * 1024), "a page less");
        assert!(
            !is_held(512 << 20, (512 << 20) + 4096),
            "more than was asked for"
        );
        assert!(!is_held(512 << 20, u64::MAX), "no limit");
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let before = Limits {
            cpus: "1".parse().ok(),
            memory: "512M".parse().ok(),
        };
        let change = LimitsChange {
            cpus: None,
            memory: "768M".parse().ok(),
        };
        assert_eq!(before.with(change).to_string(), "1 CPU, 768M");
        assert_eq!(before.with(LimitsChange::default()), before);
        assert_eq!(
            Limits::default().to_string(),
            "no CPU limit, no memory limit"
        );
    }
}
