//! The editor of the limits: field and slider, what is out of bounds, what warns, what takes back.

use teal_testkit::{Project, Template, busybox, docker};

use crate::{
    app::{App, CONTROL, ENTER, Theme},
    open,
};

const ARROW_DOWN: &str = "\u{e015}";
const ARROW_LEFT: &str = "\u{e012}";
const ARROW_UP: &str = "\u{e013}";
const MIB: i64 = 1024 * 1024;

async fn until_memory(app: &App, memory: &str) {
    app.until_has("memory-field", "value", memory).await;
    app.until_is("memory-field-slider", "aria-valuetext", memory)
        .await;
}

#[tokio::test]
async fn field_and_slider_move_in_step_and_undo_takes_back() {
    let project = Project::up(Template::named("window-editor")).await;
    let before = project.snapshot().await;
    let app = open(&project, Theme::Light).await;
    app.click("service-row-hello").await;
    until_memory(&app, "512M").await;
    let stop = app.run("return arguments[0].valueAsNumber", "memory-field-slider");
    let stop = stop.await.as_u64().unwrap();

    // Between 512M and 1G there are stops at 640M, 768M and 896M.
    app.write("memory-field", "768M").await;
    app.until_has("memory-field-slider", "valueAsNumber", stop + 2)
        .await;
    app.until_text("plan-diff", "memory: 768M").await;
    app.picture("editor").await;
    app.click("undo-limits").await;
    until_memory(&app, "512M").await;

    app.focus("memory-field").await;
    app.press_keys(&format!("{ARROW_UP}{ARROW_UP}")).await;
    until_memory(&app, "768M").await;
    app.press_keys(ARROW_DOWN).await;
    until_memory(&app, "640M").await;
    app.focus("memory-field-slider").await;
    app.press_keys(ARROW_LEFT).await;
    until_memory(&app, "512M").await;
    app.press_keys(ARROW_LEFT).await;
    until_memory(&app, "448M").await;
    app.until_text("plan-diff", "memory: 448M").await;
    // The quick changes since the first undo are one.
    app.press_keys(&format!("{CONTROL}z{CONTROL}")).await;
    until_memory(&app, "512M").await;
    before.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn what_is_out_of_bounds_says_so_and_is_not_deployed() {
    let template = Template::named("window-bounds").reservations("0.5", "256M");
    let project = Project::up(template).await;
    let before = project.snapshot().await;
    let app = open(&project, Theme::Dark).await;
    app.click("service-row-hello").await;
    // What the other field says could be deployed.
    app.write("cpu-field", "1.5").await;
    app.write("memory-field", "768M").await;
    for (field, good, bad, problem) in [
        ("cpu-field", "1.5", "much", "much is not a number of CPUs"),
        ("cpu-field", "1.5", "4096", "is more than the engine has"),
        ("cpu-field", "1.5", "0.25", "below the reservation of 0.5"),
        (
            "memory-field",
            "768M",
            "12 apples",
            "not an amount of memory",
        ),
        ("memory-field", "768M", "5M", "below Docker's minimum of 6M"),
        ("memory-field", "768M", "4096T", "more than the engine has"),
        ("memory-field", "768M", "128M", "the reservation of 256M"),
    ] {
        app.until_has("deploy-button", "disabled", false).await;
        app.write(field, bad).await;
        app.until_text(&format!("{field}-hint"), problem).await;
        app.until_is(field, "aria-invalid", "true").await;
        app.until_has("deploy-button", "disabled", true).await;
        app.press_keys(&format!("{CONTROL}{ENTER}{CONTROL}")).await;
        app.until_is("state-chip", "data-state", "idle").await;
        app.write(field, good).await;
        app.until_is(field, "aria-invalid", "false").await;
    }
    app.write("memory-field", "5M").await;
    app.until_is("memory-field", "aria-invalid", "true").await;
    app.picture("out-of-bounds").await;
    before.assert_unchanged(&project.snapshot().await);
    app.end().await;
}

#[tokio::test]
async fn limits_below_use_and_beyond_the_host_warn() {
    let image = busybox(&docker().await).await;
    let holder = format!(
        r#"holder:
  image: {image}
  pull_policy: never
  init: true
  command: ["sh", "-c", "/bin/busybox head -c 48m /dev/zero > /dev/shm/held; exec sleep 1d"]
  healthcheck:
    test: ["CMD", "sh", "-c", "test $$(/bin/busybox stat -c %s /dev/shm/held) -eq 50331648"]
    interval: 500ms
  deploy: {{resources: {{limits: {{memory: 256M}}}}}}"#
    );
    let template = Template::named("window-warns").no_traefik().no_router();
    let project = Project::up(template.more_services(&holder)).await;
    let app = open(&project, Theme::Light).await;
    app.click("service-row-holder").await;
    app.write("memory-field", "16M").await;
    let told = app.content("verdict-limitBelowUse").await;
    assert!(told.contains("more than the new limit of 16M"), "{told}");
    app.click("verdict-limitBelowUse").await;
    app.until_text("verdict-why", "the kernel kills it").await;
    app.until_has("deploy-button", "disabled", false).await;
    app.picture("below-use").await;

    // Blue's limit and Green's together.
    let engine = project.docker().info().await.unwrap();
    let most = engine.mem_total.unwrap() / MIB;
    app.write("memory-field", &format!("{}M", most - 64)).await;
    let told = app.content("verdict-noRoom").await;
    assert!(told.contains("Blue (256M) and Green"), "{told}");
    app.until_gone("verdict-limitBelowUse").await;
    app.until_has("deploy-button", "disabled", false).await;
    app.end().await;
}
