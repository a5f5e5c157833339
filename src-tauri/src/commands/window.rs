//! The window itself: what it starts with, when it shows something, how it closes.

use serde::Deserialize;
use tauri::{AppHandle, Runtime, State, WebviewWindow};
use ts_rs::TS;

use super::Answer;
use crate::{
    closing,
    command_error::CommandError,
    desktop::{Desktop, Startup},
};

/// What becomes of the rollouts that run when the window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub(crate) enum CloseChoice {
    /// The window goes, the program stays until they have ended.
    Background,
    /// They are aborted; the program ends once Blue serves as before.
    RollBack,
}

#[tauri::command]
pub(crate) fn startup(desktop: State<'_, Desktop>) -> Startup {
    Startup {
        source: desktop.source.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The page has shown its first frame.
#[tauri::command]
pub(crate) fn painted(desktop: State<'_, Desktop>) {
    let milliseconds = desktop.started.elapsed().as_millis();
    tracing::info!(milliseconds, "first paint");
}

#[tauri::command]
pub(crate) async fn close_window<R: Runtime>(
    app: AppHandle<R>,
    window: WebviewWindow<R>,
    desktop: State<'_, Desktop>,
    choice: CloseChoice,
) -> Answer<()> {
    match choice {
        CloseChoice::Background => window.hide().map_err(|error| CommandError {
            code: "unexpected".to_owned(),
            message: "could not hide the window".to_owned(),
            hint: None,
            causes: vec![error.to_string()],
            plan: None,
        })?,
        CloseChoice::RollBack => closing::abort_all(&desktop),
    }
    closing::end_with_the_rollouts(app, desktop.inner().clone());
    Ok(())
}
