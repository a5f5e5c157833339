//! Rollouts: planned, started, aborted, looked back at.

use tauri::{AppHandle, Runtime, State};
use teal_engine::model::{Origin, Plan, ProjectSource, Revision, RolloutOptions, RolloutRequest};

use super::Answer;
use crate::{command_error::CommandError, desktop::Desktop, input, notice, rollouts::RolloutInfo};

#[tauri::command]
pub(crate) async fn plan_rollout(
    desktop: State<'_, Desktop>,
    request: RolloutRequest,
) -> Answer<Plan> {
    input::check_request(&request)?;
    let plan = desktop.engine().await?.plan(&request).await;
    desktop.answer(plan).await
}

/// Answers with the rollout's id as soon as it runs.
#[tauri::command]
pub(crate) async fn start_rollout<R: Runtime>(
    app: AppHandle<R>,
    desktop: State<'_, Desktop>,
    request: RolloutRequest,
) -> Answer<String> {
    input::check_request(&request)?;
    let request = RolloutRequest {
        origin: Origin::Window,
        ..request
    };
    let rollout = desktop.engine().await?.roll_out(request).await;
    let rollout = desktop.answer(rollout).await?;
    let id = rollout.id().to_owned();
    tauri::async_runtime::spawn(notice::of_the_end(app, rollout.clone()));
    desktop.keep(rollout);
    Ok(id)
}

#[tauri::command]
pub(crate) fn abort_rollout(desktop: State<'_, Desktop>, id: &str) -> Answer<()> {
    let rollout = desktop.rollouts.find(id).ok_or_else(|| unknown(id))?;
    rollout.abort();
    Ok(())
}

#[tauri::command]
pub(crate) fn running_rollouts(desktop: State<'_, Desktop>) -> Vec<RolloutInfo> {
    desktop.rollouts.infos()
}

#[tauri::command]
pub(crate) async fn rollback_request(
    desktop: State<'_, Desktop>,
    source: ProjectSource,
    service: String,
    to: Option<u32>,
) -> Answer<RolloutRequest> {
    input::check_source(&source)?;
    input::check_name(&service)?;
    let engine = desktop.engine().await?;
    let options = RolloutOptions::default();
    let request = engine
        .rollback_request(&source, &service, to, options, Origin::Window)
        .await;
    desktop.answer(request).await
}

#[tauri::command]
pub(crate) async fn history(
    desktop: State<'_, Desktop>,
    project: Option<String>,
    service: Option<String>,
) -> Answer<Vec<Revision>> {
    let engine = desktop.engine().await?;
    let revisions = engine.history(project.as_deref(), service.as_deref());
    desktop.answer(revisions).await
}

pub(super) fn unknown(id: &str) -> CommandError {
    CommandError::bad_input(format!("this window has started no rollout `{id}`"))
}
