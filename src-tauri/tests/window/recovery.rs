//! A rollout whose program was killed: another start offers both ways out.

use teal_testkit::{Project, Template};
use tokio::process::Command;

use crate::{
    app::{App, Theme},
    assert_limits, open, set_limits,
};

/// Kills the program while Green starts, and starts it again.
async fn interrupted(project: &Project) -> App {
    let first = open(project, Theme::Light).await;
    set_limits(&first, "1.5", "768M").await;
    first.click("deploy-button").await;
    first
        .until_is("phase-healthCheck", "data-status", "running")
        .await;
    for id in first.processes().await {
        let killed = Command::new("kill").args(["-KILL", &id]).status().await;
        assert!(killed.unwrap().success());
    }
    first.until_ended().await;
    drop(first);
    let second = open(project, Theme::Light).await;
    second.until_text("interrupted", "Health Check").await;
    second
}

#[tokio::test]
async fn a_rollout_that_was_cut_off_returns_to_blue() {
    let mut project = Project::up(Template::named("window-return")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let traffic = project.traffic().start();
    let app = interrupted(&project).await;
    app.picture("interrupted").await;
    app.click("recover").await;
    app.until_is("state-chip", "data-state", "restored").await;
    app.until_gone("interrupted").await;
    traffic.stop().await.assert_none_failed();
    changed.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn a_rollout_that_was_cut_off_is_finished() {
    let template = Template::named("window-finish").environment("START_DELAY_MS", "5000");
    let project = Project::up(template.health_check(crate::patient())).await;
    let traffic = project.traffic().start();
    let app = interrupted(&project).await;
    app.click("finish").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    app.until_gone("interrupted").await;
    traffic.stop().await.assert_none_failed();
    assert_limits(&project, 1.5, 768).await;
    app.end().await;
}
