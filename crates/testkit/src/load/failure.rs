//! The ways in which a request fails.

use std::{error::Error, fmt, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::Kind;

/// In which way a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// No connection came about.
    Connection,
    /// The connection was reset or closed before an answer.
    NoAnswer,
    /// A complete answer whose status is not a success.
    Status,
    /// The answer broke off.
    Truncated,
    /// The answer is not the one that was asked for.
    WrongAnswer,
    /// The other side ended a WebSocket.
    Closed,
    /// It took far longer than it has to.
    Timeout,
}

/// One request that failed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadFailure {
    pub kind: Kind,
    /// The window in which it failed.
    pub window: String,
    pub cause: Cause,
    pub error: String,
    /// When the request was sent.
    pub sent: Timestamp,
    /// When it failed.
    pub failed: Timestamp,
    /// The start of the id of the container that answered, as far as it came to that.
    pub container: Option<String>,
}

impl fmt::Display for LoadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            window,
            cause,
            error,
            sent,
            failed,
            container,
        } = self;
        write!(
            f,
            "{window}: {kind:?} sent at {sent}, failed at {failed}, by {container:?}: {cause:?}: {error}"
        )
    }
}

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) cause: Cause,
    pub(super) error: String,
}

impl Broken {
    pub(super) fn new(cause: Cause, error: impl Into<String>) -> Self {
        Self {
            cause,
            error: error.into(),
        }
    }

    /// With the error and all that caused it.
    pub(super) fn by(cause: Cause, error: &dyn Error) -> Self {
        Self::new(cause, crate::traffic::error_chain(error))
    }

    pub(super) fn late(limit: Duration) -> Self {
        Self::new(Cause::Timeout, format!("not done within {limit:?}"))
    }
}
