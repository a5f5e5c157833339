//! The engine's public face.

use std::path::PathBuf;

use futures_util::stream::{self, Stream};

use crate::{
    Error, LogLine, Result, Usage,
    event::{Event, Outcome},
    model::{
        EngineInfo, Origin, Plan, Project, ProjectSource, ProjectSummary, Revision, RolloutOptions,
        RolloutRequest,
    },
};

/// Where the engine finds things. The default asks the environment, as Docker's own tools do.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Instead of `DOCKER_HOST`, the current Docker context and the default socket.
    pub docker_host: Option<String>,
    /// Instead of the data directory of the platform.
    pub data_directory: Option<PathBuf>,
}

/// A connection to one Docker engine and the Compose beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {}

/// A rollout that runs, or has ended. Cheap to clone; dropping it does not stop the rollout.
#[derive(Debug, Clone)]
pub struct Rollout {}

/// The events of a rollout from its first one, whenever the listener came.
#[derive(Debug)]
pub struct RolloutEvents {}

fn not_yet<T>() -> Result<T> {
    Err(Error::Unexpected("not built yet".into()))
}

impl Engine {
    /// Connects to the engine and finds Compose.
    ///
    /// # Errors
    /// No engine, no Compose, or one that is too old.
    pub async fn connect(_settings: Settings) -> Result<Self> {
        not_yet()
    }

    pub fn info(&self) -> &EngineInfo {
        unimplemented!()
    }

    /// The projects on this engine, by Compose's labels, running or not, by name.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>> {
        not_yet()
    }

    /// Opens a project from its files, with what the engine runs of it.
    pub async fn project(&self, _source: &ProjectSource) -> Result<Project> {
        not_yet()
    }

    /// What a rollout would do. Changes nothing. A plan with refusals comes back as a plan.
    pub async fn plan(&self, _request: &RolloutRequest) -> Result<Plan> {
        not_yet()
    }

    /// Starts a rollout; it goes on in the background until it has ended.
    ///
    /// # Errors
    /// [`Error::Busy`] where one of this service runs already, and everything that keeps a plan
    /// from being made. A plan that is refused starts nothing and is [`Error::Refused`].
    pub async fn roll_out(&self, _request: RolloutRequest) -> Result<Rollout> {
        not_yet()
    }

    /// The request that takes a service back to an earlier revision: the previous one that took
    /// effect, or `to`.
    pub async fn rollback_request(
        &self,
        _source: &ProjectSource,
        _service: &str,
        _to: Option<u32>,
        _options: RolloutOptions,
        _origin: Origin,
    ) -> Result<RolloutRequest> {
        not_yet()
    }

    /// Past rollouts on this engine, the newest first; of one project or service, where named.
    pub fn history(&self, _project: Option<&str>, _service: Option<&str>) -> Result<Vec<Revision>> {
        not_yet()
    }

    /// Use of one container, a sample about each second until it stops.
    pub fn usage(&self, _container: &str) -> impl Stream<Item = Result<Usage>> + Send + use<> {
        stream::empty()
    }

    /// The last `tail` lines of a container's log, and those that follow.
    pub fn logs(
        &self,
        _container: &str,
        _tail: u32,
    ) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        stream::empty()
    }

    /// One item whenever a container of a Compose project starts, stops, changes its health or is
    /// removed: the project's name. Ends when the engine goes away.
    pub fn changes(&self) -> impl Stream<Item = Result<String>> + Send + use<> {
        stream::empty()
    }
}

impl Rollout {
    pub fn id(&self) -> &str {
        unimplemented!()
    }

    pub fn project(&self) -> &str {
        unimplemented!()
    }

    pub fn service(&self) -> &str {
        unimplemented!()
    }

    /// All events, from the first.
    pub fn events(&self) -> RolloutEvents {
        RolloutEvents {}
    }

    /// Asks the rollout to stop and to return to Blue. Does nothing once it has ended.
    pub fn abort(&self) {}

    /// Waits until the rollout has ended.
    pub async fn outcome(&self) -> Outcome {
        unimplemented!()
    }
}

impl RolloutEvents {
    /// The next event; none after [`EventKind::Ended`](crate::event::EventKind::Ended).
    pub async fn next(&mut self) -> Option<Event> {
        None
    }
}
