//! The project's own files: made ready, limits kept, drift followed, all in the window.

use std::{fs, time::Duration};

use teal_testkit::{Container, Project, TRAEFIK, Template, eventually};

use crate::{
    app::{CONTROL, ENTER, Theme},
    assert_limits, open, set_limits,
};

/// For the end of giving ports back, on a busy machine.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// `hello` as people write it: a fixed name, a host port, no health check, no Traefik.
async fn as_people_write_it() -> (Project, String) {
    let mut project = Project::new(
        Template::named("window-ready")
            .no_traefik()
            .health_check(None),
    )
    .await;
    let port = host_port(&project);
    let name = format!("{}-fixed", project.name());
    project.change(|template| {
        template.service_text(&format!(
            "ports: [\"127.0.0.1:{port}:8080\"]\ncontainer_name: {name}"
        ))
    });
    project
        .compose_in_folder(&["up", "--detach", "--wait"])
        .await;
    (project, name)
}

/// The one that the kit gives the project and its Traefik does not need.
fn host_port(project: &Project) -> String {
    let url = project.url("");
    url.rsplit(':').next().unwrap().trim_end_matches('/').into()
}

#[tokio::test]
async fn a_service_is_made_ready_rolled_out_behind_the_edge_and_put_back() {
    let (project, _) = as_people_write_it().await;
    let compose = fs::read(project.compose_file()).unwrap();
    let app = open(&project, Theme::Light).await;

    app.click("service-row-hello").await;
    app.find("verdict-hostPort").await;
    app.find("verdict-containerName").await;
    app.find("verdict-noHealthCheck").await;
    app.picture("unready").await;
    app.click("make-ready").await;
    app.until_text("health-result", "Passed").await;
    app.find("fix-useEdge").await;
    app.write("edge-image", &format!("{TRAEFIK}{ENTER}")).await;
    app.until_text("file-diff", TRAEFIK).await;
    app.picture("make-ready").await;
    app.click("ready-apply").await;
    app.find("applied-ready").await;
    assert_eq!(fs::read(project.compose_file()).unwrap(), compose);

    app.write("memory-field", "768M").await;
    app.until_text("plan-diff", "memory: 768M").await;
    app.click("deploy-button").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    app.until_text("front", "edge").await;
    app.click("tab-traffic").await;
    app.find("receipt-table").await;
    app.picture("edge").await;
    let traffic = project.traffic().start();
    app.click("dismiss").await;
    app.write("memory-field", "512M").await;
    app.until_text("plan-diff", "memory: 512M").await;
    app.click("deploy-button").await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    traffic.stop().await.assert_none_failed();

    app.click("give-back").await;
    app.click("undo-ready").await;
    app.until_gone("applied-ready").await;
    assert_eq!(fs::read(project.compose_file()).unwrap(), compose);
    assert!(!project.directory().join("compose.override.yaml").exists());
    // The files come first. Without a window nobody would do the rest, and if it were done while
    // the project is removed it would be there again.
    eventually("the service has its port again", BACK_WITHIN, async || {
        let all = project.all_containers().await;
        let is_edge = |container: &Container| container.service.as_deref() == Some("teal-edge");
        let is_back = !all.iter().any(is_edge) && project.traffic().once().await.is_success();
        is_back.then_some(())
    })
    .await;
    app.end().await;
}

#[tokio::test]
async fn limits_are_kept_and_what_the_file_says_is_rolled_out() {
    let project = Project::up(Template::named("window-keep")).await;
    let app = open(&project, Theme::Light).await;
    set_limits(&app, "1.5", "768M").await;
    app.click("deploy-button").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    app.click("dismiss").await;

    app.until_text("drift", "recreates").await;
    app.picture("drift").await;
    app.click("keep-button").await;
    app.click("place-inFile").await;
    app.until_text("file-diff", "/compose.yaml").await;
    app.picture("keep").await;
    app.click("keep-apply").await;
    app.find("applied-keep").await;
    app.until_gone("drift").await;
    let kept = project.containers("hello").await;
    project.compose_in_folder(&["up", "--detach"]).await;
    let now = project.containers("hello").await;
    assert_eq!(ids(&kept), ids(&now));

    let text = fs::read_to_string(project.compose_file()).unwrap();
    fs::write(project.compose_file(), text.replace("768M", "640M")).unwrap();
    app.press_keys(&format!("{CONTROL}r{CONTROL}")).await;
    app.until_text("drift", "640M").await;
    let traffic = project.traffic().start();
    app.click("follow-files").await;
    app.click("proposal-confirm").await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    traffic.stop().await.assert_none_failed();
    assert_limits(&project, 1.5, 640).await;
    app.end().await;
}

#[tokio::test]
async fn a_live_update_keeps_the_container() {
    let project = Project::up(Template::named("window-live")).await;
    let before = project.containers("hello").await;
    let app = open(&project, Theme::Dark).await;
    set_limits(&app, "1.5", "768M").await;
    app.find("way").await;
    app.picture("live").await;
    app.click("way-live").await;
    app.until_text("deploy-button", "Update live").await;
    app.click("deploy-button").await;
    app.until_text("limits-blue", "768M").await;
    assert_limits(&project, 1.5, 768).await;
    assert_eq!(ids(&before), ids(&project.containers("hello").await));
    app.click("tab-history").await;
    app.find("history-row-2").await;
    app.end().await;
}

fn ids(containers: &[Container]) -> Vec<&str> {
    containers
        .iter()
        .map(|container| container.id.as_str())
        .collect()
}
