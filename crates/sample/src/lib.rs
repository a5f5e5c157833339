//! The sample project: Traefik and `hello`, for a first rollout and as the fixture of tests.
//!
//! The compose file and the program travel inside this library, so that [`up`] needs no registry
//! but for Traefik.

pub mod image;

mod compose;
mod files;

use std::path::Path;

use teal_engine::{Engine, Result, model::ProjectSource};

/// The image of `hello` that the sample's compose file names.
pub const HELLO: &str = "teal-sample/hello:latest";
/// The image of Traefik that the sample's compose file names.
pub const TRAEFIK: &str = "traefik:v3.7";
/// The name of its directory among Teal's data.
pub const DIRECTORY: &str = "sample";
/// The sample's project name.
pub const PROJECT: &str = "teal-sample";

/// What [`up`] does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    ImportHello,
    PullTraefik,
    Start,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ImportHello => write!(f, "Importing the image `{HELLO}`"),
            Self::PullTraefik => write!(f, "Pulling the image `{TRAEFIK}`"),
            Self::Start => write!(f, "Starting the project `{PROJECT}`"),
        }
    }
}

/// Starts the sample from `directory`, which is created, and waits until it is healthy. What is
/// there already stays as it is, the override of an earlier rollout too. `on_step` hears of the
/// steps that have something to do.
///
/// # Errors
/// No image of Traefik and no registry to pull it from; a build of Teal without `hello`; and
/// whatever keeps Compose from starting the project.
pub async fn up(
    engine: &Engine,
    directory: &Path,
    mut on_step: impl FnMut(Step),
) -> Result<ProjectSource> {
    let docker = engine.docker();
    if !image::is_current(docker, HELLO).await? {
        on_step(Step::ImportHello);
        image::import(docker, HELLO).await?;
    }
    if !image::exists(docker, TRAEFIK).await? {
        on_step(Step::PullTraefik);
        image::pull(docker, TRAEFIK).await?;
    }
    on_step(Step::Start);
    files::write(directory)?;
    compose::up(engine, directory).await?;
    Ok(source(directory))
}

/// Removes what [`up`] and rollouts of the sample made: containers, network, the image of `hello`
/// and the files in `directory`. Traefik's image stays. Does no harm where nothing is left.
pub async fn down(engine: &Engine, directory: &Path) -> Result<()> {
    files::write(directory)?;
    compose::down(engine, directory).await?;
    image::remove(engine.docker(), HELLO).await?;
    files::remove(directory)
}

/// The project that [`up`] with the same `directory` starts.
pub fn source(directory: &Path) -> ProjectSource {
    ProjectSource {
        files: vec![directory.join(files::COMPOSE)],
        ..ProjectSource::default()
    }
}
