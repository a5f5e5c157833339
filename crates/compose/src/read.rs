//! Values in the forms that Compose has printed them in, from version to version.

use jiff::SignedDuration;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};

use teal_model::{Cpus, Error, Memory};

type Result<T, E> = std::result::Result<T, E>;

/// Reads what `config --format json` prints.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> teal_model::Result<T> {
    // Compose doubles every `$` of the output, so that it could be read as a compose file again.
    let text = text.replace("$$", "$");
    serde_json::from_str(&text).map_err(|error| Error::ProjectInvalid {
        message: format!("the model that Compose printed can't be read: {error}"),
    })
}

/// A number as Compose prints it: some of them, in some versions, as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Decimal(f32),
    Text(String),
}

/// CPUs as Compose hands them to the engine: it counts in single precision. 0 means no limit.
pub(super) fn cpus<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cpus>, D::Error> {
    let cores = match Option::<Number>::deserialize(from)? {
        None => return Ok(None),
        #[expect(clippy::cast_precision_loss, reason = "Compose counts so")]
        Some(Number::Whole(cores)) => cores as f32,
        Some(Number::Decimal(cores)) => cores,
        Some(Number::Text(text)) => text.parse().map_err(D::Error::custom)?,
    };
    let cpus = Cpus::try_from(f64::from(cores)).ok();
    Ok(cpus.map(Cpus::as_compose_sets))
}

/// 0 and less means no limit.
pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Memory>, D::Error> {
    let bytes = match Option::<Number>::deserialize(from)? {
        None => return Ok(None),
        Some(Number::Whole(bytes)) => bytes,
        Some(Number::Decimal(bytes)) => {
            let reason = format!("{bytes} is not a number of bytes");
            return Err(D::Error::custom(reason));
        }
        Some(Number::Text(text)) => text.parse().map_err(D::Error::custom)?,
    };
    let bytes = u64::try_from(bytes).ok().filter(|&bytes| bytes > 0);
    Ok(bytes.map(Memory::from_bytes))
}

/// A number of microseconds; 0 is none.
pub(super) fn microseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = match Option::<Number>::deserialize(from)? {
        None => return Ok(None),
        Some(Number::Whole(number)) => number,
        Some(Number::Decimal(number)) => {
            let reason = format!("{number} is not a number of microseconds");
            return Err(D::Error::custom(reason));
        }
        Some(Number::Text(text)) => text.parse().map_err(D::Error::custom)?,
    };
    Ok(u64::try_from(number).ok().filter(|number| *number > 0))
}

/// A port, or a range of them; Compose has printed both as text and as a number.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Number>::deserialize(from)? {
        Some(Number::Whole(number)) => Some(number.to_string()),
        Some(Number::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// A time as Go prints it: `1m30s`.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let duration: SignedDuration = text.parse().ok()?;
    u64::try_from(duration.as_millis()).ok()
}
