//! The logs of both sides: long, coloured, followed, told apart and searched.

use std::time::Duration;

use serde_json::Value;
use teal_testkit::{Project, Template, busybox, docker, eventually};
use tokio::process::Command;

use crate::{
    app::{App, BACKSPACE, PAGE_UP, Theme},
    open,
};

/// What the window reads of a log that was written before anybody looked.
const TAIL: usize = 10_000;
/// What it keeps in all.
const MOST: usize = 20_000;
const SOON: Duration = Duration::from_secs(20);
/// Pixels of a line.
const HEIGHT: usize = 21;

/// Beside `hello` a service that writes 12,000 lines with coloured words at once, then no more.
async fn talkative(name: &str) -> Project {
    let image = busybox(&docker().await).await;
    let writer = format!(
        r#"writer:
  image: {image}
  pull_policy: never
  init: true
  command:
    - sh
    - -c
    - |
      /bin/busybox awk 'BEGIN {{ for (n = 1; n <= 12000; n++) printf "\033[31mline\033[0m %05d\n", n }}'
      exec sleep 1d
  healthcheck:
    test: ["CMD", "true"]
    interval: 500ms"#
    );
    let template = Template::named(name).no_traefik().no_router();
    Project::up(template.more_services(&writer)).await
}

/// Writes a line into the log of the service's newest container.
async fn write_line(project: &Project, text: &str) {
    let containers = project.containers("writer").await;
    let [container] = &containers[..] else {
        panic!("there is one container: {containers:?}");
    };
    let script = format!("echo '{text}' > /proc/1/fd/1");
    let written = Command::new("docker")
        .args(["exec", &container.id, "sh", "-c", &script])
        .status()
        .await;
    assert!(written.unwrap().success());
}

async fn until_lines(app: &App, lines: usize) {
    app.until_has("lines", "scrollHeight", lines * HEIGHT).await;
}

async fn assert_at_end(app: &App) {
    let script = "const { scrollTop, clientHeight, scrollHeight } = arguments[0];
        return scrollHeight - clientHeight - scrollTop;";
    let below = app.run(script, "lines").await;
    assert_eq!(below.as_f64(), Some(0.0), "pixels below what is in sight");
}

/// The uppermost line that can be read in whole.
async fn first_in_sight(app: &App) -> Value {
    let script = "const { left, top } = arguments[0].getBoundingClientRect();
        return document.elementFromPoint(left + 5, top + 30).closest('.row').textContent;";
    app.run(script, "lines").await
}

/// Goes up by a page, as whoever reads above does, and waits until the list is still.
async fn read_above(app: &App) {
    app.focus("lines").await;
    let script = "return arguments[0].parentElement.querySelector('[data-testid=follow]') !== null";
    // A page that is laid out again just then takes the list to its end once more.
    eventually("the list follows no more", SOON, async || {
        app.press_keys(PAGE_UP).await;
        (app.run(script, "lines").await == Value::Bool(true)).then_some(())
    })
    .await;
    app.until_still("lines", "scrollTop").await;
}

/// How many elements there are below the list.
async fn count(app: &App, css: &str) -> u64 {
    let script = format!("return arguments[0].querySelectorAll('{css}').length");
    app.run(&script, "lines").await.as_u64().unwrap()
}

#[tokio::test]
async fn a_long_log_is_followed_until_somebody_reads_above() {
    let project = talkative("window-logs").await;
    let app = open(&project, Theme::Dark).await;
    app.click("service-row-writer").await;
    app.until_text("lines", "line 12000").await;
    until_lines(&app, TAIL).await;
    assert_at_end(&app).await;
    let drawn = count(&app, ".row").await;
    assert!(drawn < 100, "{drawn} of {TAIL} lines are drawn");
    assert_eq!(count(&app, ".row .red").await, drawn);
    app.picture("logs").await;

    write_line(&project, "written while it follows").await;
    app.until_text("lines", "written while it follows").await;
    assert_at_end(&app).await;

    read_above(&app).await;
    let read = first_in_sight(&app).await;
    write_line(&project, "written while somebody reads").await;
    until_lines(&app, TAIL + 2).await;
    assert_eq!(first_in_sight(&app).await, read);

    app.click("follow").await;
    app.until_gone("follow").await;
    app.until_text("lines", "written while somebody reads")
        .await;
    write_line(&project, "written when it follows again").await;
    app.until_text("lines", "written when it follows again")
        .await;
    assert_at_end(&app).await;
    app.end().await;
}

#[tokio::test]
async fn lines_of_blue_and_green_are_told_apart_and_found() {
    let project = talkative("window-found").await;
    let app = open(&project, Theme::Light).await;
    app.click("service-row-writer").await;
    app.until_text("lines", "line 12000").await;
    app.write("memory-field", "128M").await;
    app.until_text("plan-diff", "memory: 128M").await;
    app.click("deploy-button").await;
    app.until_is("state-chip", "data-state", "succeeded").await;
    until_lines(&app, MOST).await;
    assert_at_end(&app).await;

    // Each side has a hundred lines that end in 119xx.
    app.write("log-find", "LINE 119").await;
    app.until_text("log-matches", "200").await;
    until_lines(&app, 200).await;
    assert!(count(&app, ".match").await > 0);
    assert!(count(&app, ".row i.green").await > 0);
    app.picture("logs-found").await;
    app.click("log-green").await;
    app.until_text("log-matches", "100").await;
    assert_eq!(count(&app, ".row i.green").await, 0);
    app.click("log-green").await;
    app.click("log-blue").await;
    app.until_text("log-matches", "100").await;
    assert_eq!(count(&app, ".row i.blue").await, 0);
    app.click("log-blue").await;
    app.write("log-find", BACKSPACE).await;
    until_lines(&app, MOST).await;

    // The oldest line goes for each that comes: what somebody reads stays where it is.
    read_above(&app).await;
    let read = first_in_sight(&app).await;
    let top = app.run("return arguments[0].scrollTop", "lines").await;
    write_line(&project, "written while somebody reads").await;
    let moved = top.as_u64().unwrap() - u64::try_from(HEIGHT).unwrap();
    app.until_has("lines", "scrollTop", moved).await;
    assert_eq!(first_in_sight(&app).await, read);
    app.end().await;
}
