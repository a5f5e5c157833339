//! Teal's engine: rolls one service of a Docker Compose project from Blue to Green.
//!
//! [`Engine`] is the whole public face: connect, list projects, plan, roll out, look back. It knows
//! no window and prints nothing; who wants to show a rollout follows its [`event::Event`]s.

pub mod error;
pub mod event;
pub mod model;
pub mod telemetry;

mod applied;
mod clean_up;
mod compose;
mod configuration;
mod docker;
mod drift;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod keep;
mod live;
mod lock;
mod observe;
mod paths;
mod plan;
mod private;
mod project;
mod readiness;
mod ready;
mod receipt;
mod rollout;
mod traffic;

pub use clean_up::{CleanedUp, Kept};
pub use engine::{Engine, Settings};
pub use error::{Error, Result};
pub use observe::{LogLine, Usage};
pub use paths::Paths;
pub use rollout::{Rollout, RolloutEvents};
pub use traffic::sidecar_architectures;

/// The override that a rollout writes beside the compose file: the specification's name.
pub const OVERRIDE_FILE: &str = "docker-compose.blue-green.yml";
