//! What the tests of engine, terminal and window share: a Compose project of their own on the real
//! engine, a client that notices every failed request, and looks at what is left over.
//!
//! ```no_run
//! # async fn example() {
//! use teal_testkit::{Project, Template};
//!
//! let project = Project::up(Template::named("success").replicas(3)).await;
//! let before = project.snapshot().await;
//! let traffic = project.traffic().start();
//! // … roll out …
//! traffic.stop().await.assert_none_failed();
//! before.assert_same_but_for(&project.snapshot().await, &["docker-compose.blue-green.yml"]);
//! # }
//! ```
//!
//! Dropping a [`Project`] removes all that belongs to it, also when a test fails; `KEEP_FAILED=1`
//! keeps what belongs to a failed one. A test needs a Docker engine with Compose and the images
//! [`TRAEFIK`] and [`OLDEST_TRAEFIK`]: `cargo xtask setup` sees to that. Without them it fails and
//! says so.

mod background;
mod containers;
mod echo;
mod eventually;
mod files;
mod image;
#[cfg(unix)]
mod line;
mod load;
mod ports;
mod project;
mod report;
mod snapshot;
mod teardown;
mod template;
#[cfg(unix)]
mod tls_line;
mod traffic;
#[cfg(feature = "window")]
mod window;

pub use containers::Container;
pub use echo::Echo;
pub use eventually::eventually;
pub use image::{busybox, official_traefik};
#[cfg(unix)]
pub use line::Line;
pub use load::{Cause, Kind, Load, LoadFailure, LoadReport, RunningLoad, Seen, Tally};
pub use project::Project;
pub use report::{Answer, Report};
pub use snapshot::Snapshot;
pub use template::{HealthCheck, Template};
#[cfg(unix)]
pub use tls_line::TlsLine;
pub use traffic::{RunningTraffic, Traffic};
#[cfg(feature = "window")]
pub use window::Window;

use bollard::Docker;
pub use teal_sample::TRAEFIK;

/// The image of the oldest Traefik that Teal steers.
pub const OLDEST_TRAEFIK: &str = "traefik:v3.0";

/// The engine that `DOCKER_HOST` names, or the one at the default socket.
///
/// # Panics
/// No engine answers.
pub async fn docker() -> Docker {
    let docker = Docker::connect_with_defaults().expect("`DOCKER_HOST` can be read");
    match docker.negotiate_version().await {
        Ok(docker) => docker,
        Err(error) => {
            panic!("this test needs a Docker engine; `cargo xtask setup` starts one: {error}")
        }
    }
}
