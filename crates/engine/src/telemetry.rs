//! The log file: one a day in the state directory, a week of them kept.

use std::path::Path;

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::EnvFilter;

use teal_files::private;
use teal_model::{Error, Result};

const DAYS_KEPT: usize = 7;
/// The targets of all of Teal begin with its name.
const DEFAULT_FILTER: &str = "info,teal=debug";

/// Starts writing the log of `program`. `RUST_LOG` says what goes in. Lines are written as long as
/// the guard lives.
///
/// # Errors
/// The directory can't be written to. A program may well go on without a log.
pub fn init(state: &Path, program: &str) -> Result<WorkerGuard> {
    let directory = state.join("logs");
    // The appender prints to standard error where there is nothing to prune.
    let closed = private::close(state).and_then(|()| private::create_folder(&directory));
    closed.map_err(|source| Error::File {
        operation: "create",
        path: directory.clone(),
        source,
    })?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(program)
        .filename_suffix("log")
        .max_log_files(DAYS_KEPT)
        .build(&directory)
        .map_err(|error| {
            Error::Unexpected(format!(
                "no log is written to `{}`: {error}",
                directory.display()
            ))
        })?;
    close_files(&directory);
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .map_err(|error| Error::Unexpected(format!("the log is set up already: {error}")))?;
    Ok(guard)
}

/// What is logged is nobody else's business. Files of later days are only in a closed folder.
fn close_files(directory: &Path) {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for file in files {
        if let Err(error) = private::close(&file.path()) {
            tracing::warn!(%error, "others may read the log");
        }
    }
}
