//! The receipt of a rollout: what its own requests saw, what went through the containers besides,
//! and what could not be promised.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::UnnamedVolume;

/// The evidence of a rollout. Fields that an older Teal did not write are at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct Receipt {
    /// What the live probe asked, such as `GET http://localhost:8000/`; `None` if it did not.
    pub target: Option<String>,
    /// Why nothing was asked.
    pub unasked: Option<String>,
    /// The status of a good answer: what was asked for, or what Blue answered at first.
    pub expected_status: Option<u16>,
    pub requests: u32,
    pub failed: u32,
    /// The longest time between two good answers, in milliseconds.
    pub worst_gap_ms: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// What fell into the announced gap of a handover of ports; `None` if no port changed hands. It
    /// is in none of the other figures.
    pub handover: Option<HandoverGap>,
    /// Requests that were answered 429: somebody limits how often is asked, so they tell nothing of
    /// the service. They are no failures.
    pub limited: u32,
    /// The first failures, as sentences.
    pub failures: Vec<String>,
    /// Why good answers prove nothing of the service, as a part of a sentence: `all answered 404: no
    /// proof …`. `None` if they do.
    pub unproved: Option<String>,
    /// Asked before Green was given traffic.
    pub before: Figures,
    /// Asked from then on until all traffic was back in the service's own hands.
    pub during: Figures,
    /// Asked afterwards, for a short while.
    pub after: Figures,
    /// Answers while Blue alone got the traffic.
    pub blue: Figures,
    /// Answers while Green alone got the traffic. Who gave the others is not known: both got some.
    pub green: Figures,
    /// What went through Blue besides, as far as it was counted.
    pub blue_traffic: Option<Carried>,
    pub green_traffic: Option<Carried>,
    /// Requests that were still in flight on a set when it was stopped; `None` if nothing was
    /// stopped, or where they could not be counted.
    pub cut: Option<u32>,
    /// Connections of unknown use that were open on a set when it was stopped: nothing had moved on
    /// them since before they were watched, so they may have been idle, or `WebSockets` and event
    /// streams with nothing to say. `None` if nothing was stopped, or where they could not be counted.
    pub closed: Option<u32>,
    /// Who still called a set that was stopped all the same: one sentence each.
    pub left: Vec<String>,
    /// What this rollout could not promise, and why: one sentence each.
    pub unpromised: Vec<String>,
    /// Services of the project that reach this one by its name, and so past Traefik.
    pub bypass: Vec<String>,
    /// Volumes that outlive the containers which had them, since they may hold data.
    pub kept_volumes: Vec<UnnamedVolume>,
}

/// What the live probe saw of the gap while host ports went from a service's own containers to
/// Teal's edge, or back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct HandoverGap {
    /// Requests that failed in it.
    pub failed: u32,
    /// The longest time between two good answers around it, in milliseconds.
    pub gap_ms: f64,
    /// Requests that were in flight as the ports changed hands, as far as they could be counted.
    pub cut: u32,
}

/// Some of the live probe's requests, summed up. Times are of good answers, zero of none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct Figures {
    pub requests: u32,
    pub failed: u32,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// What went through the containers of a set, whoever asked: users, the live probe, health checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct Carried {
    /// Connections that the containers accepted. Traefik sends many requests over one.
    #[ts(type = "number")]
    pub connections: u64,
    #[ts(type = "number")]
    pub bytes_received: u64,
    #[ts(type = "number")]
    pub bytes_sent: u64,
}

/// What goes through the containers of a set now, whoever asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Flow {
    /// Requests in flight; `None` if they can't be counted.
    pub in_flight: Option<u32>,
    /// Connections that are open.
    pub connections: u32,
    /// New connections each second. Traefik sends many requests over one.
    pub connections_per_second: f64,
    pub bytes_received_per_second: f64,
    pub bytes_sent_per_second: f64,
}
