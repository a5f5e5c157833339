//! The engine, its projects, and those that were open before.

use tauri::State;
use teal_engine::model::{EngineInfo, Project, ProjectSource, ProjectSummary};

use super::Answer;
use crate::{desktop::Desktop, input, recents::RecentProject};

#[tauri::command]
pub(crate) async fn engine_info(desktop: State<'_, Desktop>) -> Answer<EngineInfo> {
    Ok(desktop.engine().await?.info().clone())
}

#[tauri::command]
pub(crate) async fn list_projects(desktop: State<'_, Desktop>) -> Answer<Vec<ProjectSummary>> {
    let projects = desktop.engine().await?.projects().await;
    desktop.answer(projects).await
}

#[tauri::command]
pub(crate) fn recent_projects(desktop: State<'_, Desktop>) -> Answer<Vec<RecentProject>> {
    Ok(desktop.recents.list()?)
}

#[tauri::command]
pub(crate) fn forget_project(desktop: State<'_, Desktop>, source: ProjectSource) -> Answer<()> {
    Ok(desktop.recents.forget(&source)?)
}

/// Starts what of a project does not run.
#[tauri::command]
pub(crate) async fn start_project(
    desktop: State<'_, Desktop>,
    source: ProjectSource,
) -> Answer<()> {
    input::check_source(&source)?;
    let started = desktop.engine().await?.start_project(&source).await;
    desktop.answer(started).await
}

#[tauri::command]
pub(crate) async fn open_project(
    desktop: State<'_, Desktop>,
    source: ProjectSource,
) -> Answer<Project> {
    input::check_source(&source)?;
    let project = desktop.engine().await?.project(&source).await;
    let project = desktop.answer(project).await?;
    let recent = RecentProject {
        name: project.name.clone(),
        working_directory: project.working_directory.clone(),
        source: project.source.clone(),
    };
    // The project is open all the same.
    if let Err(error) = desktop.recents.record(recent) {
        tracing::warn!(%error, "the project is not among the recent ones");
    }
    Ok(project)
}
