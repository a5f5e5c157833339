//! What changes on the engine, and whether there is one.

use std::time::Duration;

use futures_util::StreamExt;
use serde::Serialize;
use tauri::ipc::Channel;
use ts_rs::TS;

use crate::connection::Connection;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Something changed on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export)]
pub(crate) enum Change {
    /// A container of this project started, stopped, changed its health or was removed.
    Project { name: String },
    /// The engine was lost, or answers (again). Comes first, and whenever it changes.
    Engine { connected: bool },
}

/// Tells the page until it no longer listens, over as many connections as it takes.
pub(crate) async fn feed(connection: &Connection, changes: &Channel<Change>) {
    let mut retry = FIRST_RETRY;
    let mut said = None;
    loop {
        let is_connected = watch(connection, changes, &mut said).await;
        if tell(changes, &mut said, false).is_err() {
            return;
        }
        retry = if is_connected {
            FIRST_RETRY
        } else {
            (retry * 2).min(LAST_RETRY)
        };
        tokio::time::sleep(retry).await;
    }
}

/// Passes one connection's changes on until it is lost. Whether there was a connection at all.
async fn watch(
    connection: &Connection,
    changes: &Channel<Change>,
    said: &mut Option<bool>,
) -> bool {
    let engine = match connection.engine().await {
        Ok(engine) => engine,
        Err(error) => {
            tracing::debug!(%error, "no engine yet");
            return false;
        }
    };
    let mut stream = std::pin::pin!(engine.changes());
    if tell(changes, said, true).is_err() {
        return true;
    }
    while let Some(change) = stream.next().await {
        match change {
            Ok(name) => {
                if changes.send(Change::Project { name }).is_err() {
                    return true;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the engine's events broke off");
                break;
            }
        }
    }
    connection.lose().await;
    true
}

/// Says whether there is an engine, unless that was the last thing said about it.
fn tell(changes: &Channel<Change>, said: &mut Option<bool>, connected: bool) -> tauri::Result<()> {
    if said.replace(connected) == Some(connected) {
        return Ok(());
    }
    changes.send(Change::Engine { connected })
}
