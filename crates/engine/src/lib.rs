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
mod file_name;
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
mod record;
mod rollout;
mod traffic;

pub use clean_up::{CleanedUp, Kept};
pub use docker::sidecar_architectures;
pub use engine::{Engine, Settings};
pub use error::{Error, Result};
pub use model::OVERRIDE_FILE;
pub use observe::{LogLine, Usage};
pub use paths::Paths;
pub use rollout::{Rollout, RolloutEvents};
