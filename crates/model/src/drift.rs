//! What a service's containers are, against what its files say.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Difference;

/// How a service's containers and its files have come apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Drift {
    /// What the next plain `docker compose up -d` would do to the service.
    pub next_up: NextUp,
    /// What it would change: `before` as it runs now, `after` as the files say. Values of the
    /// environment are not told, only their names.
    pub differences: Vec<Difference>,
    /// What was changed in the running containers, such as by `docker update`: `before` as they
    /// were made, `after` as they are. Compose does not see it.
    pub by_hand: Vec<Difference>,
    /// Limits that Teal changed on the running containers: `before` as they were made, `after` as
    /// they are. They last until the containers are made again.
    #[serde(default)]
    pub live: Vec<Difference>,
    /// Whether keeping the limits in the file settles it: nothing else differs.
    pub keepable: bool,
    /// The command meant by `next_up`, as its words.
    pub command: Vec<String>,
}

/// What Compose does with the containers of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum NextUp {
    /// Leaves them as they are.
    Nothing,
    /// Removes them and creates others, which interrupts the service.
    Recreate,
    /// Adds or removes some of them.
    Scale,
}
