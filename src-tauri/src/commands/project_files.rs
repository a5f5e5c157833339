//! The project's own files: made ready for rollouts, limits kept, and put back.

use std::path::PathBuf;

use tauri::State;
use teal_engine::model::{
    ChangeKind, GivenBack, KeepPlan, KeepRequest, ProjectSource, ReadyPlan, ReadyRequest,
};

use super::Answer;
use crate::{desktop::Desktop, input};

#[tauri::command]
pub(crate) async fn plan_ready(
    desktop: State<'_, Desktop>,
    request: ReadyRequest,
) -> Answer<ReadyPlan> {
    input::check_ready(&request)?;
    let plan = desktop.engine().await?.make_ready(&request).await;
    desktop.answer(plan).await
}

/// Only what the plan `id` showed is written.
#[tauri::command]
pub(crate) async fn apply_ready(
    desktop: State<'_, Desktop>,
    request: ReadyRequest,
    id: String,
) -> Answer<ReadyPlan> {
    input::check_ready(&request)?;
    let plan = desktop.engine().await?.apply_ready(&request, &id).await;
    desktop.answer(plan).await
}

#[tauri::command]
pub(crate) async fn plan_keep(
    desktop: State<'_, Desktop>,
    request: KeepRequest,
) -> Answer<KeepPlan> {
    input::check_source(&request.source)?;
    input::check_name(&request.service)?;
    let plan = desktop.engine().await?.keep(&request).await;
    desktop.answer(plan).await
}

/// Only what the plan `id` showed is written.
#[tauri::command]
pub(crate) async fn apply_keep(
    desktop: State<'_, Desktop>,
    request: KeepRequest,
    id: String,
) -> Answer<KeepPlan> {
    input::check_source(&request.source)?;
    input::check_name(&request.service)?;
    let plan = desktop.engine().await?.apply_keep(&request, &id).await;
    desktop.answer(plan).await
}

/// Answers with the files that were put back.
#[tauri::command]
pub(crate) async fn undo_files(
    desktop: State<'_, Desktop>,
    source: ProjectSource,
    service: String,
    kind: ChangeKind,
) -> Answer<Vec<PathBuf>> {
    input::check_source(&source)?;
    input::check_name(&service)?;
    let engine = desktop.engine().await?;
    let files = engine.undo_files(&source, &service, kind).await;
    desktop.answer(files).await
}

/// Gives the host ports of a service back from the edge, and undoes that it was made ready.
#[tauri::command]
pub(crate) async fn give_back(
    desktop: State<'_, Desktop>,
    source: ProjectSource,
    service: String,
) -> Answer<GivenBack> {
    input::check_source(&source)?;
    input::check_name(&service)?;
    let engine = desktop.engine().await?;
    let given_back = engine.give_back(&source, &service).await;
    desktop.answer(given_back).await
}
