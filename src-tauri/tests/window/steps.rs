//! Steps, the receipt, the keyboard: what a person sees and does beside the fields.

use teal_testkit::{Project, Template};

use crate::{
    app::{ALT, CONTROL, ENTER, ESCAPE, Theme},
    assert_limits, open, set_limits,
};

#[tokio::test]
async fn green_gets_its_share_in_steps_and_the_receipt_tells_each_set() {
    let project = Project::up(Template::named("window-steps")).await;
    let traffic = project.traffic().start();
    let app = open(&project, Theme::Light).await;
    set_limits(&app, "1.5", "768M").await;
    app.click("options-summary").await;
    app.write("steps", &format!("20, 100{ENTER}")).await;
    app.write("probe-path", &format!("/health{ENTER}")).await;
    app.click("deploy-button").await;
    app.until_text("serving", "Green 20 %").await;
    app.picture("steps").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    app.click("tab-traffic").await;
    app.until_text("receipt-table", "Green").await;
    app.until_text("receipt-sentence", " 0 failed").await;
    app.picture("receipt").await;
    traffic.stop().await.assert_none_failed();
    app.end().await;
}

#[tokio::test]
async fn a_rollout_and_its_rollback_need_no_mouse() {
    let project = Project::up(Template::named("window-keys")).await;
    let traffic = project.traffic().start();
    let app = open(&project, Theme::Dark).await;
    app.press_keys("?").await;
    app.find("shortcuts").await;
    app.picture("shortcuts").await;
    app.press_keys(ESCAPE).await;
    app.until_gone("shortcuts").await;
    app.focus("service-row-hello").await;
    app.press_keys(ENTER).await;
    app.focus("memory-field").await;
    app.write("memory-field", "768M").await;
    app.until_text("plan-diff", "memory: 768M").await;
    app.press_keys(&format!("{CONTROL}{ENTER}{CONTROL}")).await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    assert_limits(&project, 1.0, 768).await;

    // To a revision of the history.
    app.press_keys(&format!("{ALT}4{ALT}")).await;
    app.focus("rollback-to-1").await;
    app.press_keys(ENTER).await;
    app.until_text("proposal", "memory: 512M").await;
    app.until_has("proposal-confirm", "disabled", false).await;
    app.focus("proposal-confirm").await;
    app.press_keys(ENTER).await;
    app.until_is("state-chip", "data-state", "progressing")
        .await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    assert_limits(&project, 1.0, 512).await;
    traffic.stop().await.assert_none_failed();
    app.end().await;
}

#[tokio::test]
async fn a_key_aborts_a_rollout() {
    let mut project = Project::up(Template::named("window-stop")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let traffic = project.traffic().start();
    let app = open(&project, Theme::Light).await;
    app.focus("service-row-hello").await;
    app.press_keys(ENTER).await;
    app.write("memory-field", "768M").await;
    app.until_text("plan-diff", "memory: 768M").await;
    app.press_keys(&format!("{CONTROL}{ENTER}{CONTROL}")).await;
    app.until_is("phase-healthCheck", "data-status", "running")
        .await;
    app.press_keys(&format!("{CONTROL}.{CONTROL}")).await;
    app.until_is("state-chip", "data-state", "restored").await;
    // And not by the health check's deadline.
    assert_eq!(app.content("state-chip").await, "Restored · aborted");
    traffic.stop().await.assert_none_failed();
    changed.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn a_revision_is_chosen_in_the_history_and_its_diff_comes_first() {
    let project = Project::up(Template::named("window-chosen")).await;
    let app = open(&project, Theme::Light).await;
    app.click("service-row-hello").await;
    for memory in ["640M", "768M"] {
        app.write("memory-field", memory).await;
        app.until_text("plan-diff", &format!("memory: {memory}"))
            .await;
        app.click("way-live").await;
        app.until_text("deploy-button", "Update live").await;
        app.click("deploy-button").await;
        app.until_text("limits-blue", memory).await;
    }
    let traffic = project.traffic().start();
    app.click("tab-history").await;
    app.click("rollback-to-1").await;
    app.until_text("proposal", "memory: 512M").await;
    assert_limits(&project, 1.0, 768).await;
    app.click("proposal-confirm").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    traffic.stop().await.assert_none_failed();
    assert_limits(&project, 1.0, 512).await;
    app.end().await;
}
