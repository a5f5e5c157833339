//! The connection to the Docker engine: made when it is first needed, and again after it was lost.

use teal_engine::{Engine, Error, Result, Settings};
use tokio::sync::Mutex;

/// At most one engine, shared by all commands.
#[derive(Debug)]
pub(crate) struct Connection {
    settings: Settings,
    engine: Mutex<Option<Engine>>,
}

impl Connection {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            engine: Mutex::new(None),
        }
    }

    /// The engine; connects where there is none yet.
    pub(crate) async fn engine(&self) -> Result<Engine> {
        let mut engine = self.engine.lock().await;
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let connected = Engine::connect(self.settings.clone()).await?;
        *engine = Some(connected.clone());
        Ok(connected)
    }

    /// Forgets an engine that no longer answers.
    pub(crate) async fn lose(&self) {
        *self.engine.lock().await = None;
    }

    /// What is behind a failure: where the engine itself failed, it is asked again, so that one that
    /// is gone is reported as such.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        if !matches!(error, Error::Engine { .. }) {
            return error;
        }
        self.lose().await;
        match self.engine().await {
            Ok(_) => error,
            Err(gone) => gone,
        }
    }
}
