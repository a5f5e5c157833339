//! What can go wrong while traffic is steered.

use std::time::Duration;

use bollard::errors::Error as DockerError;
use thiserror::Error;

use super::verify::percent;
use teal_model::event::Figures;

/// Why traffic could not be steered or verified. What was in force before still is.
#[derive(Debug, Error)]
pub enum TrafficError {
    #[error("Traefik does not serve the new split after {} s: {seen}", .waited.as_secs())]
    NotServed { waited: Duration, seen: String },
    #[error("nothing can prove where Traefik `{traefik}` sends requests: {reasons}")]
    Unproved { traefik: String, reasons: String },
    #[error(
        "Traefik `{traefik}` does not take up what changes on the engine: `providers.docker.watch` is off"
    )]
    Unwatching { traefik: String },
    #[error(
        "Traefik serves requests by routers that Teal can't steer, and they may fail: {}", .routers.join("; ")
    )]
    Unserved { routers: Vec<String> },
    #[error("Traefik `{traefik}` does not run, and did not come back within {} s", .waited.as_secs())]
    Away { traefik: String, waited: Duration },
    #[error("container `{container}` can't be pinned: {reason}")]
    Unpinnable { container: String, reason: String },
    #[error("traffic can't go to no container at all")]
    Nowhere,
    #[error("traffic can't be shared unevenly: {reason}")]
    NoWeights { reason: String },
    #[error("Teal's edge can't be made: {reason}")]
    NotMade { reason: String },
    #[error("Teal's edge does not run")]
    NoEdge,
    #[error("`{container}` does not answer through Teal's edge: {reason}")]
    Unanswered { container: String, reason: String },
    #[error("Teal has no sidecar for the architecture of this engine")]
    NoSidecar,
    #[error("this traffic was split {levels} times already; there is no room for another")]
    NoLevel { levels: u32 },
    #[error(
        "Green failed {} of {} requests through Traefik ({:.0} %), Blue {} of {} ({:.0} %), and {allowed} % more are allowed; {last}",
        .green.failed, .green.requests, percent(*green), .blue.failed, .blue.requests, percent(*blue)
    )]
    MoreFailures {
        blue: Figures,
        green: Figures,
        /// In percentage points.
        allowed: u8,
        /// A container and its last failure.
        last: String,
    },
    #[error(
        "`{container}` gave {good} good answers to {asked} requests through Traefik, where {wanted} are needed; the last: {last}"
    )]
    TooFewAnswers {
        container: String,
        good: u32,
        asked: u32,
        wanted: u32,
        last: String,
    },
    #[error(
        "Green answers more slowly than Blue: {green_ms:.0} ms against {blue_ms:.0} ms (median), where {allowed_ms:.0} ms are allowed"
    )]
    Slower {
        blue_ms: f64,
        green_ms: f64,
        allowed_ms: f64,
    },
    #[error("the Docker engine failed to {operation}")]
    Engine {
        operation: &'static str,
        #[source]
        source: DockerError,
    },
}

impl TrafficError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotServed { .. } => "look at Traefik: is it running, and what does its log say?",
            Self::Unproved { .. } => {
                "let Teal ask Traefik: give it an entry point of the service's that lets it in, or Traefik's API (`--api.insecure=true`, its port published on 127.0.0.1)"
            }
            Self::Unwatching { .. } => {
                "switch it on, or change the limits of the running containers with `teal update`"
            }
            Self::Unserved { .. } => {
                "mend what Traefik's log says of Teal's routers, or go on with `--force`"
            }
            Self::Away { .. } => "start Traefik, then deploy again",
            Self::Unpinnable { .. } => "look at the container: has it stopped?",
            Self::Nowhere | Self::NoLevel { .. } => "deploy again",
            Self::NoWeights { .. } => "deploy without steps",
            Self::NotMade { .. } => {
                "see whether its image is there: `docker compose pull teal-edge`"
            }
            Self::NoEdge => "start it with `docker compose up -d teal-edge`",
            Self::NoSidecar => "take a Teal that was built for it",
            Self::MoreFailures { .. } | Self::TooFewAnswers { .. } | Self::Unanswered { .. } => {
                "look at the container's log"
            }
            Self::Slower { .. } => "the new limits may be too low",
            Self::Engine { .. } => "look at the Docker engine's log",
        }
    }

    pub(super) fn engine(operation: &'static str) -> impl FnOnce(DockerError) -> Self {
        move |source| Self::Engine { operation, source }
    }
}
