//! Rollouts: planned, started, aborted, looked back at.

use tauri::{AppHandle, Runtime, State};
use teal_engine::{
    Rollout,
    model::{
        Interrupted, LiveRequest, Origin, Plan, ProjectSource, Recovery, Revision, RolloutOptions,
        RolloutRequest,
    },
};

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

/// Starts only what the plan `plan` showed. Answers with the rollout's id as soon as it runs.
#[tauri::command]
pub(crate) async fn start_rollout<R: Runtime>(
    app: AppHandle<R>,
    desktop: State<'_, Desktop>,
    request: RolloutRequest,
    plan: String,
) -> Answer<String> {
    input::check_request(&request)?;
    input::check_plan_id(&plan)?;
    let request = RolloutRequest {
        origin: Origin::Window,
        ..request
    };
    let rollout = desktop
        .engine()
        .await?
        .roll_out_reviewed(request, &plan)
        .await;
    let rollout = desktop.answer(rollout).await?;
    Ok(begin(app, &desktop, rollout))
}

/// Keeps a rollout that runs, shows it in the tray, and says when it has ended.
fn begin<R: Runtime>(app: AppHandle<R>, desktop: &Desktop, rollout: Rollout) -> String {
    let id = rollout.id().to_owned();
    #[cfg(target_os = "linux")]
    tauri::async_runtime::spawn(crate::tray::tell_of(app.clone(), rollout.clone()));
    tauri::async_runtime::spawn(notice::of_the_end(app, rollout.clone()));
    desktop.keep(rollout);
    id
}

/// The rollouts that ended before they were done, and that nobody works on.
#[tauri::command]
pub(crate) async fn interrupted_rollouts(desktop: State<'_, Desktop>) -> Answer<Vec<Interrupted>> {
    let interrupted = desktop.engine().await?.interrupted().await;
    desktop.answer(interrupted).await
}

/// Settles an interrupted rollout. Answers with its id as soon as it goes on.
#[tauri::command]
pub(crate) async fn recover_rollout<R: Runtime>(
    app: AppHandle<R>,
    desktop: State<'_, Desktop>,
    source: ProjectSource,
    service: String,
    way: Recovery,
) -> Answer<String> {
    input::check_source(&source)?;
    input::check_name(&service)?;
    let engine = desktop.engine().await?;
    let recovery = engine
        .recover(&source, &service, Some(way), Origin::Window)
        .await;
    let recovery = desktop.answer(recovery).await?;
    Ok(begin(app, &desktop, recovery))
}

/// What a change of the limits of the running containers would do.
#[tauri::command]
pub(crate) async fn plan_live(desktop: State<'_, Desktop>, request: LiveRequest) -> Answer<Plan> {
    input::check_source(&request.source)?;
    input::check_name(&request.service)?;
    let plan = desktop.engine().await?.plan_live(&request).await;
    desktop.answer(plan).await
}

/// Changes the limits on the running containers, by the plan `plan` and no other.
#[tauri::command]
pub(crate) async fn update_live(
    desktop: State<'_, Desktop>,
    request: LiveRequest,
    plan: String,
) -> Answer<()> {
    input::check_source(&request.source)?;
    input::check_name(&request.service)?;
    input::check_plan_id(&plan)?;
    let request = LiveRequest {
        origin: Origin::Window,
        ..request
    };
    let engine = desktop.engine().await?;
    let updated = engine.update_live_reviewed(&request, &plan).await;
    desktop.answer(updated).await.map(drop)
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
    for name in project.iter().chain(&service) {
        input::check_name(name)?;
    }
    let engine = desktop.engine().await?;
    let revisions = engine.history(project.as_deref(), service.as_deref());
    desktop.answer(revisions).await
}

pub(super) fn unknown(id: &str) -> CommandError {
    CommandError::bad_input(format!(
        "this window has started no rollout `{}`",
        id.escape_debug()
    ))
}
