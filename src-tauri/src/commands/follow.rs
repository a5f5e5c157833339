//! Streams to the page, each by a channel of its own until the page unfollows it.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    stream::{self, FusedStream},
};
use tauri::{State, ipc::Channel};
use teal_engine::{LogLine, Usage, event::Event};
use tokio::time::{Instant, timeout_at};

use super::{Answer, rollouts};
use crate::{
    change::{self, Change},
    desktop::Desktop,
    input,
};

/// Items that come within this time of the first are sent together: a log may write a line each
/// millisecond, and the page draws itself again for each message.
const TOGETHER: Duration = Duration::from_millis(50);
/// The most that are sent together.
const BATCH: usize = 1000;

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
    let log = desktop.engine().await?.logs(&container, tail, after);
    let read = log.filter_map(async |line| {
        line.inspect_err(|error| tracing::debug!(%error, "no more lines of a log"))
            .ok()
    });
    Ok(desktop.subscriptions.start(async move {
        let mut read = pin!(read.fuse());
        while let Some(batch) = next_batch(&mut read).await {
            if lines.send(batch).is_err() {
                break;
            }
        }
    }))
}

/// The next item and those that come with it; none at the end.
async fn next_batch<T>(items: &mut (impl FusedStream<Item = T> + Unpin)) -> Option<Vec<T>> {
    let mut batch = vec![items.next().await?];
    let end = Instant::now() + TOGETHER;
    while batch.len() < BATCH
        && let Ok(Some(item)) = timeout_at(end, items.next()).await
    {
        batch.push(item);
    }
    Some(batch)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_one_by_one_is_sent_together() {
        let trickle = stream::iter(0..2500).then(async |item| {
            tokio::task::yield_now().await;
            item
        });
        let mut trickle = pin!(trickle.fuse());
        let mut sizes = Vec::new();
        while let Some(batch) = next_batch(&mut trickle).await {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [BATCH, BATCH, 500]);
    }
}
