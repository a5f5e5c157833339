//! The end of the program: never in the middle of a rollout.

use tauri::{AppHandle, Emitter, Manager, Runtime, Window, WindowEvent};

use crate::desktop::Desktop;

/// Tells the page that somebody closes the window while a rollout runs.
pub(crate) const CLOSE_REQUESTED: &str = "close-requested";

/// Keeps the window open while a rollout runs, and has the page ask what to do.
pub(crate) fn on_window_event<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else {
        return;
    };
    if window.state::<Desktop>().rollouts.running().is_empty() {
        return;
    }
    api.prevent_close();
    if let Err(error) = window.emit(CLOSE_REQUESTED, ()) {
        tracing::error!(%error, "the page can't be asked about closing");
    }
}

/// Ends the program once the rollouts that run have ended.
pub(crate) fn end_with_the_rollouts<R: Runtime>(app: AppHandle<R>, desktop: Desktop) {
    tauri::async_runtime::spawn(async move {
        for rollout in desktop.rollouts.running() {
            rollout.outcome().await;
        }
        app.exit(0);
    });
}

/// Aborts all rollouts that run.
pub(crate) fn abort_all(desktop: &Desktop) {
    for rollout in desktop.rollouts.running() {
        rollout.abort();
    }
}

/// Whoever ends the program from outside (Ctrl-C, the session's end) ends its rollouts first.
#[cfg(unix)]
pub(crate) fn end_on_signals<R: Runtime>(app: &AppHandle<R>, desktop: &Desktop) {
    use tokio::signal::unix::{SignalKind, signal};

    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let (app, desktop) = (app.clone(), desktop.clone());
        tauri::async_runtime::spawn(async move {
            match signal(kind) {
                Ok(mut signal) => {
                    signal.recv().await;
                    abort_all(&desktop);
                    end_with_the_rollouts(app, desktop);
                }
                Err(error) => tracing::warn!(%error, "a signal can't be listened to"),
            }
        });
    }
}
