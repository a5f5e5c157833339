//! The one time that a host port goes from a service's own containers to Teal's edge.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What gives way, and what the edge takes over. Requests meet one short gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Handover {
    pub ports: Vec<HandoverPort>,
    /// Other services that are behind the edge already: they meet the same gap.
    pub others: Vec<String>,
    /// The containers of the service that had the ports, by their full ids.
    #[serde(default)]
    pub blue: Vec<String>,
    /// The places in networks that are left for the time of the gap, or for good.
    pub attachments: Vec<Attachment>,
}

/// Ports that are a service's own again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct GivenBack {
    pub project: String,
    pub service: String,
    /// The files that are what they were before.
    pub files: Vec<PathBuf>,
    /// From the first change until the service was up with its ports, in milliseconds.
    #[ts(type = "number")]
    pub elapsed_ms: u64,
}

/// A port that the edge takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HandoverPort {
    /// The host's address that it is bound to; none for all of them.
    pub host_ip: Option<String>,
    pub published: u16,
    /// The port of the service's containers.
    pub target: u16,
    /// The port of the edge's container.
    pub entry: u16,
    /// Whether the edge sees requests, or only passes connections on.
    pub http: bool,
    /// Whether requests that only HTTP/2 carries, such as gRPC, reach the service as such.
    #[serde(default)]
    pub h2c: bool,
    /// Whether the engine chose it, or chose it from a range: a container that has once let go of it
    /// does not get it back, so the edge keeps it whatever becomes of the rollout.
    #[serde(default)]
    pub moves: bool,
}

/// A container's place in a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Attachment {
    /// The container's full id.
    pub container: String,
    pub network: String,
    pub aliases: Vec<String>,
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
    #[serde(default)]
    pub link_local: Vec<String>,
    #[serde(default)]
    pub mac: Option<String>,
    /// Other containers and what this one calls them, as `links:` has it.
    #[serde(default)]
    pub links: Vec<String>,
    #[serde(default)]
    pub driver_options: BTreeMap<String, String>,
    /// Which of its networks is the way out: the highest. `None` if the engine does not know it.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub gateway_priority: Option<i64>,
}
