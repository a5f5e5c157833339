//! What the page saves for a person.

use std::{io, path::PathBuf};

use tauri::{AppHandle, Runtime};
use tauri_plugin_dialog::DialogExt;
use tokio::sync::oneshot;

use super::Answer;
use crate::{command_error::CommandError, input};

/// Asks where to, and writes it there. The page names a file, never a place.
#[tauri::command]
pub(crate) async fn save_text<R: Runtime>(
    app: AppHandle<R>,
    name: String,
    text: String,
) -> Answer<()> {
    input::check_file_name(&name)?;
    let (answer, chosen) = oneshot::channel();
    app.dialog()
        .file()
        .set_file_name(name)
        .save_file(move |file| {
            // Nobody waits any more: the window is gone.
            answer.send(file).ok();
        });
    let Ok(Some(file)) = chosen.await else {
        return Ok(());
    };
    let path = file
        .into_path()
        .map_err(|error| CommandError::bad_input(error.to_string()))?;
    tokio::fs::write(&path, text)
        .await
        .map_err(|error| not_written(path, &error))
}

fn not_written(path: PathBuf, error: &io::Error) -> CommandError {
    CommandError {
        code: "file".to_owned(),
        message: format!("could not write `{}`", path.display()),
        hint: Some("choose a place where you may write".to_owned()),
        causes: vec![error.to_string()],
        plan: None,
    }
}
