//! Streams to the page, each by a channel of its own until the page unfollows it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tauri::{State, ipc::Channel};
use teal_engine::{LogLine, Usage, event::Event};

use super::{Answer, rollouts};
use crate::{
    change::{self, Change},
    desktop::Desktop,
    input,
};

/// Lines that come together are sent together, up to this many.
const BATCH: usize = 500;

/// Replays a rollout from its first event, then tells what happens.
#[tauri::command]
pub(crate) fn follow_rollout(
    desktop: State<'_, Desktop>,
    id: &str,
    events: Channel<Event>,
) -> Answer<u32> {
    let rollout = desktop
        .rollouts
        .find(id)
        .ok_or_else(|| rollouts::unknown(id))?;
    Ok(desktop.subscriptions.start(async move {
        let mut stream = rollout.events();
        while let Some(event) = stream.next().await {
            if events.send(event).is_err() {
                break;
            }
        }
    }))
}

/// A sample of each container about each second; a container that stops has no more.
#[tauri::command]
pub(crate) async fn follow_usage(
    desktop: State<'_, Desktop>,
    containers: Vec<String>,
    samples: Channel<Usage>,
) -> Answer<u32> {
    input::check_containers(&containers)?;
    let engine = desktop.engine().await?;
    let streams = containers
        .iter()
        .map(|container| Box::pin(engine.usage(container)));
    let mut all = stream::select_all(streams);
    Ok(desktop.subscriptions.start(async move {
        while let Some(sample) = all.next().await {
            match sample {
                Ok(sample) => {
                    if samples.send(sample).is_err() {
                        break;
                    }
                }
                Err(error) => tracing::debug!(%error, "no more samples of a container"),
            }
        }
    }))
}

/// The last `tail` lines and those that follow; after a pause those after the last one that came.
#[tauri::command]
pub(crate) async fn follow_logs(
    desktop: State<'_, Desktop>,
    container: String,
    tail: u32,
    after: Option<&str>,
    lines: Channel<Vec<LogLine>>,
) -> Answer<u32> {
    input::check_name(&container)?;
    input::check_tail(tail)?;
    let after = after.map(input::moment).transpose()?;
    let batches = desktop
        .engine()
        .await?
        .logs(&container, tail, after)
        .ready_chunks(BATCH);
    Ok(desktop.subscriptions.start(async move {
        let mut batches = std::pin::pin!(batches);
        while let Some(batch) = batches.next().await {
            let read = batch.into_iter().filter_map(|line| {
                line.inspect_err(|error| tracing::debug!(%error, "no more lines of a log"))
                    .ok()
            });
            if lines.send(read.collect()).is_err() {
                break;
            }
        }
    }))
}

/// Tells when a project changes, and when the engine goes or comes back.
#[tauri::command]
pub(crate) fn follow_changes(desktop: State<'_, Desktop>, changes: Channel<Change>) -> u32 {
    let connection = Arc::clone(&desktop.connection);
    desktop
        .subscriptions
        .start(async move { change::feed(&connection, &changes).await })
}

#[tauri::command]
pub(crate) fn unfollow(desktop: State<'_, Desktop>, subscription: u32) {
    desktop.subscriptions.end(subscription);
}
