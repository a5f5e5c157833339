//! Steps, the receipt, the keyboard: what a person sees and does beside the fields.

use teal_testkit::{Project, Template};

use crate::{
    app::{CONTROL, ENTER, ESCAPE, Theme},
    open, set_limits,
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
async fn a_rollout_and_its_end_need_no_mouse() {
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
    traffic.stop().await.assert_none_failed();
    app.end().await;
}
