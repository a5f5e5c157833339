//! Live looks at containers: use of CPU and memory, log lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a container uses at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Usage {
    /// The container's id.
    pub container: String,
    /// Cores in use since the last sample: 0.5 is half a core.
    pub cpu: f64,
    /// Bytes in use, without the page cache, as `docker stats` counts them.
    #[ts(type = "number")]
    pub memory: u64,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LogLine {
    /// The container's id.
    pub container: String,
    #[ts(type = "string | null")]
    pub at: Option<Timestamp>,
    pub stderr: bool,
    pub text: String,
}
