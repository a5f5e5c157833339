//! Everything the page can ask for. A command checks what it is given, asks the engine, and answers.

pub(crate) mod files;
pub(crate) mod follow;
pub(crate) mod project_files;
pub(crate) mod projects;
pub(crate) mod rollouts;
pub(crate) mod sample;
pub(crate) mod window;

use crate::{command_error::CommandError, desktop::Desktop};

type Answer<T> = Result<T, CommandError>;

impl Desktop {
    /// An answer of the engine's, with what is behind a failure.
    async fn answer<T>(&self, result: teal_engine::Result<T>) -> Answer<T> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                let error = self.connection.explain(error).await;
                tracing::warn!(%error, "a command failed");
                Err(error.into())
            }
        }
    }
}
