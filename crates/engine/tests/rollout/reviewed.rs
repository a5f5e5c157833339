//! What was reviewed is what is done: a plan is started by its id, or nothing is.

use std::{fs, process::Command};

use teal_engine::{
    Engine, Error, Settings,
    event::{EventKind, Outcome},
    model::{LiveRequest, Origin, Plan, RolloutRequest},
};
use teal_testkit::{Line, Template};

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

fn request(stage: &Stage) -> RolloutRequest {
    stage.request(change(None, Some("256M")), quick())
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Starting the reviewed plan fails with another one.
async fn changed(stage: &Stage, reviewed: &Plan) -> Plan {
    let started = stage
        .engine
        .roll_out_reviewed(request(stage), &reviewed.id)
        .await;
    match started {
        Err(Error::PlanChanged { plan }) => {
            assert_ne!(plan.id, reviewed.id);
            *plan
        }
        other => panic!("it was not noticed: {other:?}"),
    }
}

#[tokio::test]
async fn the_plan_that_was_reviewed_is_started() {
    let stage = Stage::up(Template::named("reviewed")).await;
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    let again = stage.engine.plan(&request(&stage)).await.unwrap();
    assert_eq!(plan.id, again.id, "nothing has changed");
    let rollout = stage.engine.roll_out_reviewed(request(&stage), &plan.id);
    let ended = follow(&rollout.await.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    let planned = ended.events.iter().find_map(|event| match &event.kind {
        EventKind::Planned { plan } => Some(plan.id.clone()),
        _ => None,
    });
    assert_eq!(planned, Some(plan.id));
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_variable_that_changed_in_an_env_file_is_noticed() {
    let template =
        Template::named("reviewed-env").service_text("environment: {TOKEN: \"${TOKEN:-first}\"}");
    let stage = Stage::up(template).await;
    let env = stage.project.directory().join(".env");
    fs::write(&env, "TOKEN=second").unwrap();
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    // Both are told as `changed: TOKEN`.
    fs::write(&env, "TOKEN=third").unwrap();
    let now = changed(&stage, &plan).await;
    assert_eq!(now.differences, plan.differences);
    fs::remove_file(&env).unwrap();
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_key_that_changed_in_the_compose_file_is_noticed() {
    let mut stage = Stage::up(Template::named("reviewed-file")).await;
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    let unchanged = fs::read(stage.project.compose_file()).unwrap();
    stage
        .project
        .change(|template| template.service_text("stop_grace_period: 7s"));
    changed(&stage, &plan).await;
    fs::write(stage.project.compose_file(), unchanged).unwrap();
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_tag_that_means_another_image_is_noticed() {
    let stage = Stage::up(Template::named("reviewed-image")).await;
    let name = format!("teal-testkit/moved:{}", stage.project.name());
    docker(&["tag", stage.project.image(), &name]);
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(stage.project.image(), &name)).unwrap();
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    let made = docker(&["create", stage.project.image()]);
    docker(&["commit", "--change", "LABEL moved=1", &made, &name]);
    docker(&["rm", &made]);
    let now = changed(&stage, &plan).await;
    docker(&["rmi", &name]);
    fs::write(&file, text).unwrap();
    let told = |plan: &Plan| plan.differences.iter().any(|one| one.what == "image");
    assert!(told(&now) && !told(&plan));
    stage.assert_restored().await;
}

#[tokio::test]
async fn containers_that_were_made_anew_are_noticed() {
    let mut stage = Stage::up(Template::named("reviewed-blue")).await;
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    stage
        .project
        .compose(&["up", "-d", "--wait", "--force-recreate", SERVICE])
        .await;
    stage.before = stage.project.snapshot().await;
    let now = changed(&stage, &plan).await;
    assert_ne!(now.blue[0].id, plan.blue[0].id);
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn another_engine_is_noticed() {
    let stage = Stage::up(Template::named("reviewed-engine")).await;
    let plan = stage.engine.plan(&request(&stage)).await.unwrap();
    let line = Line::to_another_engine().await;
    let other = Engine::connect(Settings {
        docker_host: Some(line.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    });
    let other = other.await.unwrap();
    assert_ne!(other.info().id, stage.engine.info().id);
    let started = other.roll_out_reviewed(request(&stage), &plan.id).await;
    assert!(
        matches!(started, Err(Error::PlanChanged { .. })),
        "{started:?}"
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_live_update_is_made_as_it_was_reviewed() {
    let mut stage = Stage::up(Template::named("reviewed-live")).await;
    let request = LiveRequest {
        source: stage.project.source(),
        service: SERVICE.to_owned(),
        change: change(Some("1.5"), None),
        origin: Origin::Terminal,
        force: true,
    };
    let plan = stage.engine.plan_live(&request).await.unwrap();
    stage
        .project
        .change(|template| template.environment("NEW", "1"));
    let updated = stage.engine.update_live_reviewed(&request, &plan.id).await;
    let Err(Error::PlanChanged { plan: now }) = updated else {
        panic!("it was not noticed: {updated:?}");
    };
    stage
        .before
        .assert_same_but_for(&stage.project.snapshot().await, &["compose.yaml"]);
    let updated = stage.engine.update_live_reviewed(&request, &now.id).await;
    assert_eq!(updated.unwrap().limits_after, limits("1.5", "512M"));
}

#[tokio::test]
async fn files_that_change_between_the_plan_and_green_end_it() {
    let stage = Stage::up(Template::named("reviewed-late")).await;
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let image = format!("image: {}", stage.project.image());
    let other = text.replace(&image, &format!("hostname: other\n    {image}"));
    assert_ne!(other, text);
    let rollout = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = rollout.unwrap();
    let ended = follow(&rollout, |event| {
        let is_held = |text: &str| text.starts_with("Holding all traffic");
        if matches!(&event.kind, EventKind::Step { text, .. } if is_held(text)) {
            fs::write(&file, &other).unwrap();
        }
    });
    let ended = ended.await;
    fs::write(&file, text).unwrap();
    ended.assert_outcome(Outcome::RolledBack);
    let said = &ended.failure().message;
    assert!(said.contains("compose files changed while Green"), "{said}");
    stage.assert_restored().await;
}
