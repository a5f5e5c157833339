//! The sample project, for a first rollout.

use tauri::State;
use teal_engine::model::ProjectSource;

use super::Answer;
use crate::desktop::Desktop;

/// Starts the sample and answers with what opens it.
#[tauri::command]
pub(crate) async fn sample_up(desktop: State<'_, Desktop>) -> Answer<ProjectSource> {
    let engine = desktop.engine().await?;
    let on_step = |step| tracing::info!(%step, "sample");
    let source = teal_sample::up(&engine, &desktop.sample, on_step).await;
    desktop.answer(source).await
}

/// Removes all that the sample has made.
#[tauri::command]
pub(crate) async fn sample_down(desktop: State<'_, Desktop>) -> Answer<()> {
    let engine = desktop.engine().await?;
    let removed = teal_sample::down(&engine, &desktop.sample).await;
    desktop.answer(removed).await
}
