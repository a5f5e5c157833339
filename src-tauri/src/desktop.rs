//! What the window knows: shared by all commands.

use std::{path::PathBuf, sync::Arc, time::Instant};

use serde::Serialize;
use teal_engine::{Engine, Paths, Result, Rollout, Settings, model::ProjectSource};
use ts_rs::TS;

use crate::{
    connection::Connection, recents::Recents, rollouts::Rollouts, subscriptions::Subscriptions,
};

/// What the window was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub(crate) struct Startup {
    /// The compose file named on the command line.
    pub(crate) source: Option<ProjectSource>,
    pub(crate) version: String,
}

/// The state of the program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desktop {
    pub(crate) connection: Arc<Connection>,
    pub(crate) rollouts: Arc<Rollouts>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) recents: Arc<Recents>,
    /// Where the sample project is put.
    pub(crate) sample: PathBuf,
    pub(crate) source: Option<ProjectSource>,
    pub(crate) started: Instant,
}

impl Desktop {
    /// `source` is opened first; `started` is when the process was.
    pub fn new(
        settings: Settings,
        paths: Paths,
        source: Option<ProjectSource>,
        started: Instant,
    ) -> Self {
        Self {
            connection: Arc::new(Connection::new(settings)),
            rollouts: Arc::default(),
            subscriptions: Subscriptions::default(),
            recents: Arc::new(Recents::new(paths.config)),
            sample: paths.data.join(teal_sample::DIRECTORY),
            source,
            started,
        }
    }

    pub(crate) async fn engine(&self) -> Result<Engine> {
        self.connection.engine().await
    }

    /// Keeps a rollout in the list, and notices its end.
    pub(crate) fn keep(&self, rollout: Rollout) {
        self.rollouts.add(rollout.clone());
        let rollouts = Arc::clone(&self.rollouts);
        tauri::async_runtime::spawn(async move {
            rollout.outcome().await;
            rollouts.set_ended(rollout.id());
        });
    }
}
