//! Somebody starts the program while it runs: the window that is there takes what they opened.

use std::path::Path;

use clap::Parser;
use tauri::{AppHandle, Emitter, Manager, Runtime};

use crate::args::Args;

/// Tells the page what to open.
const OPEN: &str = "open";

/// Brings the window to the front, hidden or not.
pub(crate) fn show_window<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window("main") {
        let shown = window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!(%error, "the window can't be brought to the front");
        }
    }
}

/// Shows the window, and opens what the second start was given.
pub(crate) fn started<R: Runtime>(app: &AppHandle<R>, words: Vec<String>, directory: &str) {
    show_window(app);
    let source = Args::try_parse_from(words)
        .ok()
        .and_then(|args| args.source_in(Path::new(directory)));
    if let Some(source) = source
        && let Err(error) = app.emit(OPEN, source)
    {
        tracing::error!(%error, "the page can't be told what to open");
    }
}
