//! Rollouts through the library's public face, on the real engine with real Compose and Traefik.
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]

mod callers;
mod clean_up;
#[cfg(unix)]
mod data;
mod dead;
#[cfg(target_os = "linux")]
mod disk;
mod drain;
mod failure;
mod faulty;
mod files;
mod limits;
mod live;
mod load;
mod many;
mod meddling;
#[cfg(unix)]
mod outage;
mod own_commands;
mod proof;
mod receipt;
mod recovery;
mod refused;
#[cfg(unix)]
mod reviewed;
mod routes;
mod shares;
mod silent;
mod stage;
#[cfg(unix)]
mod stopping;
mod success;
mod traefik_faults;
mod unhealthy;
mod worker;
