//! A service that can't be rolled out is made ready, rolled out, and given back as it was.

use std::fs;

use teal_engine::{
    Error,
    event::{EventKind, Outcome},
    model::{ChangeKind, Fix, HealthTest, Place, ReadyPlan, ReadyRequest, VerdictCode},
};
use teal_testkit::{Project, Template};

use crate::stage::{SERVICE, Stage};

fn request(stage: &Stage) -> ReadyRequest {
    ReadyRequest {
        source: stage.source(),
        service: SERVICE.to_owned(),
        place: Place::Override,
        fixes: None,
        health: None,
        edge_image: None,
    }
}

fn in_the_way(plan: &ReadyPlan) -> Vec<VerdictCode> {
    let verdicts = plan.verdicts_after.iter();
    verdicts.map(|verdict| verdict.code).collect()
}

async fn apply(stage: &Stage, request: &ReadyRequest) -> ReadyPlan {
    let before = stage.files();
    let plan = stage.engine.make_ready(request).await.unwrap();
    assert_eq!(stage.files(), before, "a plan changes nothing");
    stage.engine.apply_ready(request, &plan.id).await.unwrap()
}

/// The name that a test gives its container, unique on this engine.
fn named(template: &str) -> (Template, String) {
    let name = format!("teal-{template}-{}", std::process::id());
    let template = Template::named(template).service_text(&format!("container_name: {name}"));
    (template, name)
}

#[tokio::test]
async fn a_fixed_name_and_no_health_check_are_fixed_and_undone() {
    let (template, name) = named("ready");
    let stage = Stage::up(template.health_check(None)).await;
    let before = stage.files();
    let request = request(&stage);
    let plan = apply(&stage, &request).await;
    let fixes: Vec<_> = plan.fixes.iter().map(|change| change.fix.clone()).collect();
    assert!(
        fixes.contains(&Fix::RemoveContainerName { name: name.clone() }),
        "{fixes:?}"
    );
    assert!(fixes.contains(&Fix::AddHealthCheck), "{fixes:?}");
    // Its image holds one program, so Teal asks.
    let health = plan.health.as_ref().unwrap();
    assert!(health.passed, "{health:?}");
    assert_eq!(
        health.test,
        HealthTest::Teal {
            port: 8080,
            path: Some("/health".into())
        },
        "{health:?}"
    );
    assert_eq!(in_the_way(&plan), []);
    assert_eq!(plan.files[0].before, None);
    assert!(
        plan.files[0]
            .diff
            .starts_with("--- /dev/null\n+++ b/compose.override.yaml\n")
    );
    assert_eq!(stage.service().await.verdicts, []);
    assert_eq!(stage.text("compose.override.yaml"), plan.files[0].after);

    // Whoever finds the project on the engine finds the new file too, before Compose has read it.
    let projects = stage.engine.projects().await.unwrap();
    let mut named = projects.iter();
    let found = named
        .find(|found| found.name == stage.project.name())
        .unwrap();
    assert_eq!(found.source.files, plan.source_after.files);
    assert_eq!(plan.source_after.files.len(), 2);

    let rollout = stage.start("0.5", "256M").await;
    assert_eq!(rollout.outcome().await, Outcome::Success);
    let mut events = rollout.events();
    let mut answers = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::HealthPoll { output, .. } = event.kind {
            answers.extend(output);
        }
    }
    assert!(
        answers
            .iter()
            .any(|answer| answer.starts_with("HTTP/1.1 200")),
        "{answers:?}"
    );
    // Callers find it by its old name.
    let green = &stage.project.containers(SERVICE).await[0];
    assert_ne!(green.name, name);
    assert!(stage.resolves(&name).await);

    let undone = stage
        .engine
        .undo_files(&stage.source(), SERVICE, ChangeKind::Ready)
        .await;
    assert_eq!(
        undone.unwrap(),
        [stage.project.directory().join("compose.override.yaml")]
    );
    let mut after = stage.files();
    after.remove(teal_engine::OVERRIDE_FILE);
    assert_eq!(after, before);
    assert!(!stage.service().await.verdicts.is_empty());
}

#[tokio::test]
async fn an_override_of_their_own_is_edited_and_given_back_byte_for_byte() {
    let (template, name) = named("own");
    let mut project = Project::new(template).await;
    project.change(|template| template);
    let theirs = "# ours\r\nservices:\r\n  hello:   # the web\r\n    environment: {A: 'b'} # keep\r\n    networks: [default]\r\n\r\n  # the end";
    fs::write(
        project.directory().join("docker-compose.override.yml"),
        theirs,
    )
    .unwrap();
    project.compose(&["up", "--detach", "--wait"]).await;
    let stage = Stage::of(project).await;
    let plan = apply(&stage, &request(&stage)).await;
    let text = stage.text("docker-compose.override.yml");
    assert_eq!(
        text,
        format!(
            "# ours\r\nservices:\r\n  hello:   # the web\r\n    environment: {{A: 'b'}} # keep\r\n    networks: {{\"default\": {{\"aliases\": [\"{name}\"]}}}}\r\n    container_name: !reset null\r\n\r\n  # the end"
        )
    );
    assert_eq!(in_the_way(&plan), []);
    stage
        .engine
        .undo_files(&stage.source(), SERVICE, ChangeKind::Ready)
        .await
        .unwrap();
    assert_eq!(stage.text("docker-compose.override.yml"), theirs);
}

#[tokio::test]
async fn in_the_file_itself_with_a_backup() {
    let (template, name) = named("infile");
    let stage = Stage::up(template).await;
    let before = stage.files();
    let request = ReadyRequest {
        place: Place::InFile,
        ..request(&stage)
    };
    let plan = apply(&stage, &request).await;
    assert!(plan.files[0].backup);
    let text = stage.text("compose.yaml");
    assert!(
        !text.contains("container_name") && text.contains(&name),
        "{text}"
    );
    assert_eq!(stage.files().len(), 2);
    stage.plain(&["up", "-d", "--wait"]).await;
    assert!(stage.resolves(&name).await);
    stage
        .engine
        .undo_files(&stage.source(), SERVICE, ChangeKind::Ready)
        .await
        .unwrap();
    assert_eq!(stage.files(), before);
}

#[tokio::test]
async fn a_check_by_the_images_own_wget_is_tried_first() {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let tool = format!("tool:\n  image: {image}\n  pull_policy: never\n  stop_signal: SIGKILL");
    let stage = Stage::up(Template::named("wget").more_services(&tool)).await;
    let mut request = request(&stage);
    request.service = "tool".to_owned();
    let plan = stage.engine.make_ready(&request).await.unwrap();
    let after = in_the_way(&plan);
    let health = plan.health.unwrap();
    assert!(health.passed, "{health:?}");
    let HealthTest::Command { test } = &health.test else {
        panic!("{health:?}")
    };
    assert_eq!(test[1], "wget");
    assert_eq!(test.last().unwrap(), "http://127.0.0.1:8080/health");
    assert_eq!(after, []);

    // One of their own, with a variable of the shell's in it.
    request.health = Some(HealthTest::Command {
        test: [
            "CMD-SHELL",
            "p=8080; wget -q -O /dev/null http://127.0.0.1:$p/health",
        ]
        .map(String::from)
        .to_vec(),
    });
    let plan = apply(&stage, &request).await;
    assert!(
        plan.files[0].after.contains("127.0.0.1:$$p/health"),
        "{}",
        plan.files[0].after
    );
    stage.plain(&["up", "-d", "--wait", "tool"]).await;

    // And one that fails is not accepted.
    stage
        .engine
        .undo_files(&stage.source(), "tool", ChangeKind::Ready)
        .await
        .unwrap();
    stage.plain(&["up", "-d", "--wait", "tool"]).await;
    request.health = Some(HealthTest::Command {
        test: ["CMD", "wget", "-q", "http://127.0.0.1:1/"]
            .map(String::from)
            .to_vec(),
    });
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert!(!plan.health.as_ref().unwrap().passed);
    let error = stage
        .engine
        .apply_ready(&request, &plan.id)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::CannotChange { .. }), "{error:?}");
}

#[tokio::test]
async fn a_worker_gets_the_check_that_somebody_asks_for_and_no_other() {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let worker = format!(
        "worker:\n  image: {image}\n  pull_policy: never\n  init: true\n  command: [sleep, \"100000\"]"
    );
    let stage = Stage::up(Template::named("worker-check").more_services(&worker)).await;
    let mut request = request(&stage);
    request.service = "worker".to_owned();
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert!(plan.files.is_empty() && plan.health.is_none(), "{plan:#?}");
    assert!(in_the_way(&plan).contains(&VerdictCode::NoHealthCheck));

    request.health = Some(HealthTest::Command {
        test: ["CMD-SHELL", "true"].map(String::from).to_vec(),
    });
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert!(plan.health.as_ref().is_some_and(|health| health.passed));
    assert!(!in_the_way(&plan).contains(&VerdictCode::NoHealthCheck));
    assert!(
        plan.files[0].after.contains("CMD-SHELL"),
        "{}",
        plan.files[0].after
    );
}

#[tokio::test]
async fn a_green_that_never_answers_teal_is_rolled_back() {
    let stage = Stage::up(
        Template::named("asked")
            .health_check(None)
            .label("dev.teal.health", "http:8080/health"),
    )
    .await;
    assert_eq!(stage.service().await.verdicts, []);
    let (mut project, engine) = (stage.project, stage.engine);
    project.change(|template| template.environment("LISTEN_DELAY_MS", "600000"));
    let stage = Stage { project, engine };
    let rollout = stage.start_with("0.5", "256M", 3_000).await;
    let mut events = rollout.events();
    let mut failures = Vec::new();
    while let Some(event) = events.next().await {
        if let EventKind::PhaseFailed { failure, .. } = event.kind {
            failures.push(failure.message);
        }
    }
    let outcome = rollout.outcome().await;
    assert_eq!(outcome, Outcome::HealthTimeout, "{failures:?}");
}

#[tokio::test]
async fn two_checkouts_of_one_project_undo_each_its_own_files() {
    let (template, _name) = named("worktrees");
    let stage = Stage::up(template).await;
    let first = stage.project.directory();
    let second = first.with_file_name("second");
    fs::create_dir(&second).unwrap();
    fs::copy(first.join("compose.yaml"), second.join("compose.yaml")).unwrap();
    let mut of_the_second = request(&stage);
    of_the_second.source.files = vec![second.clone()];
    for request in [&request(&stage), &of_the_second] {
        let plan = stage.engine.make_ready(request).await.unwrap();
        stage.engine.apply_ready(request, &plan.id).await.unwrap();
    }
    // The first was edited since: nothing of it is touched, and nothing asked of it.
    let file = first.join("compose.override.yaml");
    let edited = format!("{}# theirs\n", fs::read_to_string(&file).unwrap());
    fs::write(&file, &edited).unwrap();
    let undo = |source| stage.engine.undo_files(source, SERVICE, ChangeKind::Ready);
    let undone = undo(&of_the_second.source).await.unwrap();
    assert_eq!(undone, [second.join("compose.override.yaml")]);
    assert!(!second.join("compose.override.yaml").exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), edited);
    let again = undo(&of_the_second.source).await;
    assert!(
        matches!(again, Err(Error::NothingToUndo { .. })),
        "{again:?}"
    );
}
