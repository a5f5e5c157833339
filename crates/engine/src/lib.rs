//! Teal's engine: rolls one service of a Docker Compose project from Blue to Green.
//!
//! [`Engine`] is the whole public face: connect, list projects, plan, roll out, look back. It knows
//! no window and prints nothing; who wants to show a rollout follows its [`event::Event`]s.

pub mod telemetry;

mod applied;
mod clean_up;
mod drift;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod keep;
mod observe;
mod project;
mod ready;

pub use clean_up::{CleanedUp, Kept};
pub use engine::{Engine, Settings};
pub use observe::{LogLine, Usage};
pub use teal_docker::sidecar_architectures;
pub use teal_files::Paths;
pub use teal_model::{self as model, Error, OVERRIDE_FILE, Result, error, event};
pub use teal_rollout::{Rollout, RolloutEvents};
