//! The program itself, rolling out on the real engine: what it prints and how it ends.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use teal_testkit::{Container, Project, Template};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const OVERRIDE: &str = "docker-compose.blue-green.yml";
const QUICK: &str = "--poll-interval 1s --drain-timeout 5s --answers 3";
const MIB: i64 = 1024 * 1024;

fn teal(project: &Project, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teal"));
    command
        .args(words.split_whitespace())
        .arg("--file")
        .arg(project.compose_file())
        .env("XDG_DATA_HOME", project.data_directory())
        .env("XDG_STATE_HOME", project.data_directory())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn run(project: &Project, words: &str) -> Output {
    teal(project, words).output().await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn assert_code(output: &Output, code: i32) {
    let found = output.status.code();
    assert_eq!(found, Some(code), "{}\n{}", stdout(output), stderr(output));
}

/// Standard output as the events it is.
fn events(output: &Output) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap();
    stdout(output).lines().map(parse).collect()
}

async fn limits(project: &Project) -> Vec<(Option<f64>, Option<i64>)> {
    let running = |container: &Container| container.state == "running";
    let containers = project.containers("hello").await;
    let running = containers.iter().filter(|container| running(container));
    running
        .map(|container| (container.cpus, container.memory))
        .collect()
}

/// A rollout that runs, read event by event.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(project: &Project, words: &str) -> Self {
        let mut child = teal(project, &format!("{words} --json"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until an event is as wanted.
    async fn until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next_line().await.unwrap();
            let line = line.expect("the rollout has ended before the event came");
            let event: Value = serde_json::from_str(&line).unwrap();
            if is_wanted(&event) {
                return event;
            }
        }
    }

    async fn interrupt(&self) {
        let id = self.child.id().unwrap().to_string();
        let killed = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .await
            .unwrap();
        assert!(killed.success());
    }

    async fn code(mut self) -> Option<i32> {
        while self.lines.next_line().await.unwrap().is_some() {}
        self.child.wait().await.unwrap().code()
    }
}

fn is_health_poll(event: &Value) -> bool {
    event["type"] == "healthPoll"
}

#[tokio::test]
async fn a_deploy_and_its_rollback_succeed_and_are_remembered() {
    let project = Project::up(Template::named("cli-success")).await;
    let traffic = project.traffic().start();

    let output = run(
        &project,
        &format!("deploy hello --cpus 1.5 --memory 768M {QUICK}"),
    )
    .await;
    assert_code(&output, 0);
    let text = stdout(&output);
    for phase in [
        "Preparation",
        "Deploy Green",
        "Health Check",
        "Verify Traffic",
        "Remove Blue",
        "Verification",
    ] {
        assert!(
            text.contains(&format!("{phase}: done in ")),
            "{phase}\n{text}"
        );
    }
    assert!(text.contains("1 CPU, 512M → 1.5 CPU, 768M"), "{text}");
    assert!(text.contains("\nSUCCESS after "), "{text}");
    for part in [
        "\nLive probe GET http://localhost:",
        " requests, 0 failed, longest gap ",
        "\n  before → during → after: ",
        "\n  Blue ",
        "; Green ",
        "\n  0 in-flight requests cut off\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(limits(&project).await, [(Some(1.5), Some(768 * MIB))]);

    let output = run(&project, &format!("rollback hello --json {QUICK}")).await;
    assert_code(&output, 0);
    let events = events(&output);
    assert_eq!(events.first().unwrap()["type"], "started");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["outcome"]),
        (&json!("ended"), &json!("success"))
    );
    assert_eq!(last["receipt"]["failed"], 0);
    for part in ["before", "during", "after", "blue", "green"] {
        assert!(
            last["receipt"][part]["requests"].as_u64() > Some(0),
            "{part}: {last}"
        );
    }
    assert_eq!(limits(&project).await, [(Some(1.0), Some(512 * MIB))]);
    traffic.stop().await.assert_none_failed();

    let output = run(&project, "history hello --json").await;
    assert_code(&output, 0);
    let history: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
    let numbers: Vec<_> = history
        .iter()
        .map(|revision| &revision["revision"])
        .collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(history[0]["origin"], "terminal");
    let output = run(&project, "history").await;
    assert!(stdout(&output).contains("3 (as 1)"), "{}", stdout(&output));
    assert!(
        stdout(&output).contains(" requests, 0 failed"),
        "{}",
        stdout(&output)
    );
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_changes_nothing() {
    let project = Project::up(Template::named("cli-dry")).await;
    let before = project.snapshot().await;
    let words = "deploy hello --cpus 1.5 --memory 768M --dry-run";

    let output = run(&project, words).await;
    assert_code(&output, 0);
    let text = stdout(&output);
    for part in [
        "1.5 CPU, 768M",
        OVERRIDE,
        "+          memory: 768M",
        "docker compose ",
        "--scale",
        "Green gets 50 %, then 100 % of the traffic",
        "Live probe: 10 requests/s",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let shares = "--steps 10,50,100 --probe-path /health --probe-rate 20 --expect-status 200";
    let output = run(&project, &format!("{words} {shares} --json")).await;
    assert_code(&output, 0);
    let plan: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(plan["options"]["steps"], json!([10, 50, 100]));
    assert_eq!(
        plan["options"]["probe"],
        json!({ "enabled": true, "path": "/health", "perSecond": 20, "expectStatus": 200 })
    );
    assert_eq!(
        plan["limitsAfter"],
        json!({ "cpus": 1.5, "memory": 768 * MIB })
    );

    before.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn the_plan_that_was_reviewed_is_started_or_nothing_is() {
    let mut project = Project::up(Template::named("cli-plan")).await;
    let words = format!("deploy hello --memory 256M {QUICK}");
    let output = run(&project, &format!("{words} --dry-run --json")).await;
    assert_code(&output, 0);
    let reviewed: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let reviewed = reviewed["id"].as_str().unwrap().to_owned();
    let output = run(&project, &format!("{words} --dry-run")).await;
    assert!(
        stdout(&output).contains(&format!("`--plan {reviewed}` deploys exactly this")),
        "{}",
        stdout(&output)
    );

    project.change(|template| template.environment("DELAY_MS", "1"));
    let changed = project.snapshot().await;
    let output = run(&project, &format!("{words} --plan {reviewed}")).await;
    assert_code(&output, 1);
    let text = stderr(&output);
    assert!(
        text.contains("the plan has changed since it was shown"),
        "{text}"
    );
    let output = run(&project, &format!("{words} --plan {reviewed} --json")).await;
    assert_code(&output, 1);
    let said = &events(&output)[0];
    assert_eq!(said["code"], "planChanged");
    let now = said["plan"]["id"].as_str().unwrap();
    assert_ne!(now, reviewed);
    assert!(
        text.contains(&format!("review the new plan, `{now}`")),
        "{text}"
    );
    changed.assert_unchanged(&project.snapshot().await);

    let output = run(&project, &format!("{words} --plan {now} --json")).await;
    assert_code(&output, 0);
    let events = events(&output);
    let planned = events.iter().find(|event| event["type"] == "planned");
    assert_eq!(planned.unwrap()["plan"]["id"], now);
    assert_eq!(limits(&project).await, [(Some(1.0), Some(256 * MIB))]);
}

#[tokio::test]
async fn what_is_refused_ends_with_1_and_changes_nothing() {
    let project = Project::up(Template::named("cli-refused").health_check(None)).await;
    let before = project.snapshot().await;

    let output = run(&project, "deploy helo --cpus 1.5").await;
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("hint: did you mean `hello`?"),
        "{}",
        stderr(&output)
    );
    let output = run(&project, "deploy hello --cpus 1.5").await;
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("health check"),
        "{}",
        stderr(&output)
    );
    let output = run(&project, "deploy hello --cpus 4096 --force --json").await;
    assert_code(&output, 1);
    assert_eq!(events(&output)[0]["code"], "refused", "{}", stdout(&output));
    let output = run(&project, "deploy hello --force --steps 50,20,100").await;
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("the steps 50,20,100 do not rise"),
        "{}",
        stderr(&output)
    );
    let output = run(&project, "rollback hello").await;
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("no revision"),
        "{}",
        stderr(&output)
    );

    before.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn without_a_compose_file_the_error_says_where_it_was_looked_for() {
    let project = Project::new(Template::named("cli-empty")).await;
    std::fs::remove_file(project.compose_file()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_teal"))
        .args(["services"])
        .current_dir(project.directory())
        .env("XDG_DATA_HOME", project.data_directory())
        .env("XDG_STATE_HOME", project.data_directory())
        .output()
        .await
        .unwrap();
    assert_code(&output, 1);
    let text = stderr(&output);
    assert!(text.contains("no compose file in `"), "{text}");
    assert!(text.contains("\nhint: name one with `-f`"), "{text}");
}

#[tokio::test]
async fn a_green_that_does_not_become_healthy_ends_with_4() {
    let mut project = Project::up(Template::named("cli-timeout")).await;
    let before = project.snapshot().await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let traffic = project.traffic().start();

    let output = run(
        &project,
        &format!("deploy hello --cpus 1.5 --health-timeout 3s {QUICK}"),
    )
    .await;
    assert_code(&output, 4);
    let text = stdout(&output);
    for part in [
        // By its first poll it may have been found unhealthy.
        "  T=",
        "\nerror: ",
        "\nhint: ",
        "\nRESTORED after ",
    ] {
        assert!(text.contains(part), "{part:?}\n{text}");
    }
    traffic.stop().await.assert_none_failed();
    changed.assert_unchanged(&project.snapshot().await);
    before.assert_same_but_for(&project.snapshot().await, &["compose.yaml"]);
}

#[tokio::test]
async fn a_green_that_crashes_ends_with_2_and_shows_its_log() {
    let mut project = Project::up(Template::named("cli-crash")).await;
    project.change(|template| {
        template
            .environment("CRASH_AFTER_MS", "300")
            .environment("CRASH_EXIT_CODE", "42")
            .environment("START_DELAY_MS", "600000")
    });
    let changed = project.snapshot().await;

    let output = run(&project, &format!("deploy hello --memory 640M {QUICK}")).await;
    assert_code(&output, 2);
    let text = stdout(&output);
    for part in [
        "exited with 42",
        "the last log lines of ",
        "\nRESTORED after ",
    ] {
        assert!(text.contains(part), "{part:?}\n{text}");
    }
    changed.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn an_interrupt_aborts_and_ends_with_5() {
    let mut project = Project::up(Template::named("cli-abort")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let changed = project.snapshot().await;
    let traffic = project.traffic().start();

    let mut rollout = Running::start(&project, &format!("deploy hello --cpus 1.5 {QUICK}"));
    rollout.until(is_health_poll).await;
    rollout.interrupt().await;
    let ended = rollout.until(|event| event["type"] == "ended").await;
    assert_eq!(ended["outcome"], "aborted");
    assert_eq!(rollout.code().await, Some(5));

    traffic.stop().await.assert_none_failed();
    changed.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn a_second_interrupt_says_what_is_left_and_ends_with_3() {
    let mut project = Project::up(Template::named("cli-leave")).await;
    project.change(|template| {
        let template = template.environment("START_DELAY_MS", "600000");
        // Green takes its time to stop: the rollback is not over when the second one comes.
        template.environment("IGNORE_SIGTERM", "1")
    });
    let changed = project.snapshot().await;
    let mut rollout = Running::start(&project, &format!("deploy hello --cpus 1.5 {QUICK}"));
    rollout.until(is_health_poll).await;
    rollout.interrupt().await;
    rollout.until(|event| event["type"] == "rollingBack").await;
    rollout.interrupt().await;
    let left = rollout.until(|event| event["type"] == "abandoned").await;
    assert_eq!(left["exitCode"], 3);
    assert_eq!(rollout.code().await, Some(3));

    // The command that it names works, wherever it is typed.
    let told = left["leftBehind"].as_array().unwrap().last().unwrap();
    let (_, words) = told.as_str().unwrap().split_once(": teal ").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_teal"))
        .args(words.split(' '))
        .current_dir("/")
        .env("XDG_DATA_HOME", project.data_directory())
        .env("XDG_STATE_HOME", project.data_directory())
        .output()
        .await
        .unwrap();
    assert_code(&output, 0);
    changed.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn a_second_rollout_of_the_same_service_ends_with_6() {
    let mut project = Project::up(Template::named("cli-busy")).await;
    project.change(|template| template.environment("START_DELAY_MS", "600000"));
    let words = format!("deploy hello --cpus 1.5 {QUICK}");
    let mut first = Running::start(&project, &words);
    first.until(is_health_poll).await;

    let output = run(&project, &words).await;
    assert_code(&output, 6);
    assert!(stderr(&output).contains("\nhint: "), "{}", stderr(&output));

    first.interrupt().await;
    assert_eq!(first.code().await, Some(5));
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_end_the_rollout() {
    let project = Project::up(Template::named("cli-pipe")).await;
    let mut rollout = Running::start(&project, &format!("deploy hello --cpus 1.5 {QUICK}"));
    rollout.until(|event| event["type"] == "started").await;
    drop(rollout.lines);
    let output = rollout.child.wait_with_output().await.unwrap();
    assert_code(&output, 0);
    assert_eq!(stderr(&output), "");
    assert_eq!(limits(&project).await, [(Some(1.5), Some(512 * MIB))]);
}

#[tokio::test]
async fn what_kill_9_cut_off_is_recovered() {
    let mut project = Project::up(Template::named("cli-killed")).await;
    project.change(|template| template.environment("NEVER_HEALTHY", "1"));
    let before = project.snapshot().await;
    let traffic = project.traffic().start();

    let mut running = Running::start(&project, &format!("deploy hello --memory 256M {QUICK}"));
    running.until(is_health_poll).await;
    running.child.kill().await.unwrap();
    let output = run(&project, &format!("deploy hello --memory 256M {QUICK}")).await;
    assert_code(&output, 1);
    assert!(
        stderr(&output).contains("teal recover hello"),
        "{}",
        stderr(&output)
    );

    let output = run(&project, "recover hello").await;
    assert_code(&output, 0);
    assert!(stdout(&output).contains("RESTORED"), "{}", stdout(&output));
    traffic.stop().await.assert_none_failed();
    before.assert_unchanged(&project.snapshot().await);
    assert_code(&run(&project, "recover hello").await, 1);
}

#[tokio::test]
async fn the_doctor_says_what_is_in_the_way_and_how_to_remove_it() {
    let template = Template::named("cli-doctor")
        .no_router()
        .health_check(None)
        .service_text("ports: [\"127.0.0.1:18799:8080\"]");
    let project = Project::up(template).await;
    let output = run(&project, "doctor hello").await;
    assert_code(&output, 1);
    let text = stdout(&output);
    for line in [
        "hello: needs changes",
        "  ~ publishes `127.0.0.1:18799:8080/tcp`",
        "    fix: `teal ready hello` puts Teal's edge proxy in front of it, on port 18799",
        "    fix: `teal ready hello` adds a health check",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }

    let output = run(&project, "doctor --json").await;
    assert_code(&output, 1);
    let said: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let hello = said.as_array().unwrap();
    let hello = hello
        .iter()
        .find(|said| said["service"] == "hello")
        .unwrap();
    assert_eq!(hello["readiness"], "readyAfterFix");
    let fix = &hello["verdicts"][0]["fix"];
    assert_eq!(fix["kind"], "useEdge");
    assert_eq!(fix["ports"][0]["published"], 18799);

    let output = run(&project, "doctor helo").await;
    assert_code(&output, 1);
    assert!(stderr(&output).contains("did you mean `hello`?"));
}

#[tokio::test]
async fn the_doctor_ends_well_where_nothing_is_in_the_way() {
    let project = Project::up(Template::named("cli-healthy")).await;
    let output = run(&project, "doctor hello").await;
    assert_code(&output, 0);
    assert!(stdout(&output).starts_with("hello: ready"));
}
