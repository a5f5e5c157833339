//! Commands inside of running containers.

use std::time::Duration;

use bollard::{
    Docker,
    errors::Error as BollardError,
    exec::{StartExecOptions, StartExecResults},
    models::ExecConfig,
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{Missing, failed};
use teal_model::Result;

/// The most of a command's output that is kept.
const OUTPUT: usize = 2_000;

/// How a command in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnd {
    Done,
    Failed {
        exit_code: i64,
        output: String,
    },
    /// It still runs.
    TimedOut {
        output: String,
    },
    /// The container is gone or does not run.
    NoContainer,
}

/// Runs a command in a container and waits for its end, at most this long.
pub async fn exec(
    docker: &Docker,
    container: &str,
    config: ExecConfig,
    at_most: Duration,
) -> Result<ExecEnd> {
    let operation = || format!("run a command in container `{container}`");
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..config
    };
    let created = match docker.create_exec(container, config).await {
        // It is paused or has stopped.
        Err(BollardError::DockerResponseServerError {
            status_code: 409, ..
        }) => return Ok(ExecEnd::NoContainer),
        created => created.missing().map_err(failed(operation()))?,
    };
    let Some(created) = created else {
        return Ok(ExecEnd::NoContainer);
    };
    let started = docker
        .start_exec(&created.id, None::<StartExecOptions>)
        .await
        .map_err(failed(operation()))?;
    let mut output = Vec::new();
    if let StartExecResults::Attached {
        output: mut chunks, ..
    } = started
    {
        let read = async {
            while let Some(Ok(chunk)) = chunks.next().await {
                let room = OUTPUT.saturating_sub(output.len());
                output.extend(chunk.into_bytes().iter().take(room));
            }
        };
        if timeout(at_most, read).await.is_err() {
            return Ok(ExecEnd::TimedOut {
                output: text(&output),
            });
        }
    }
    let ended = docker
        .inspect_exec(&created.id)
        .await
        .map_err(failed(operation()))?;
    Ok(match ended.exit_code {
        Some(0) => ExecEnd::Done,
        code => ExecEnd::Failed {
            exit_code: code.unwrap_or(-1),
            output: text(&output),
        },
    })
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().to_owned()
}
