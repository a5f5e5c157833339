//! Teal's engine: rolls one service of a Docker Compose project from Blue to Green.
//!
//! [`Engine`] is the whole public face: connect, list projects, plan, roll out, look back. It knows
//! no window and prints nothing; who wants to show a rollout follows its [`event::Event`]s.

pub mod error;
pub mod event;
pub mod model;

#[expect(
    dead_code,
    unused_imports,
    reason = "the driver that uses it is being built"
)]
mod compose;
mod engine;
mod observe;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the driver that uses it is being built")
)]
mod readiness;
#[allow(
    dead_code,
    unused_imports,
    reason = "the rollout driver does not call it yet"
)]
mod traffic;

pub use engine::{Engine, Rollout, RolloutEvents, Settings};
pub use error::{Error, Result};
pub use observe::{LogLine, Usage};
