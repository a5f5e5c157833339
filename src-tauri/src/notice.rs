//! Says that a rollout has ended to whoever looks elsewhere.

use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_notification::Notification;
use teal_engine::Rollout;

/// Waits for the rollout's end, and says how it went unless the window is being looked at.
pub(crate) async fn of_the_end<R: Runtime>(app: AppHandle<R>, rollout: Rollout) {
    let outcome = rollout.outcome().await;
    let is_seen = app
        .get_webview_window("main")
        .is_some_and(|window| window.is_focused().unwrap_or(false));
    if is_seen {
        return;
    }
    // Under test there is no desktop to tell.
    let Some(notifications) = app.try_state::<Notification<R>>() else {
        return;
    };
    let title = format!("{} of {}", rollout.service(), rollout.project());
    let shown = notifications
        .builder()
        .title(title)
        .body(format!("{}: {}", outcome.state(), outcome.meaning()))
        .show();
    if let Err(error) = shown {
        tracing::info!(%error, "no notification: the desktop takes none");
    }
}
