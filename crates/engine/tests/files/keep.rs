//! Limits that last, and drift until they do.

use std::{fs, path::Path};

use teal_engine::{
    Error,
    event::Outcome,
    model::{ChangeKind, KeepRequest, KeyFamily, NextUp, Place},
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage};

fn request(stage: &Stage, place: Place) -> KeepRequest {
    KeepRequest {
        source: stage.source(),
        service: SERVICE.to_owned(),
        place,
    }
}

/// Rolls out, sees the drift, keeps, and has the user's usual command change nothing.
async fn keep_lasts(template: Template, place: Place) -> Stage {
    let stage = Stage::up(template).await;
    assert_eq!(stage.service().await.drift, None);
    assert_eq!(stage.roll_out("0.5", "256M").await, Outcome::Success);
    let drift = stage.service().await.drift.unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    assert!(drift.keepable, "{drift:?}");
    let told: Vec<_> = drift
        .differences
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(told, ["cpus", "memory"]);

    let request = request(&stage, place);
    let before = stage.files();
    let plan = stage.engine.keep(&request).await.unwrap();
    assert!(plan.settled);
    assert_eq!(stage.files(), before, "a plan changes nothing");
    let other = stage
        .engine
        .apply_keep(&request, "another")
        .await
        .unwrap_err();
    assert!(matches!(other, Error::PlanOutdated));
    assert_eq!(stage.files(), before);
    stage.engine.apply_keep(&request, &plan.id).await.unwrap();

    let service = stage.service().await;
    assert_eq!(service.drift, None);
    assert_eq!(service.applied[0].kind, ChangeKind::Keep);
    let ids = stage.ids().await;
    stage.plain(&["up", "-d"]).await;
    assert_eq!(stage.ids().await, ids, "plain up changes nothing");
    // And there is nothing more to keep.
    assert_eq!(stage.engine.keep(&request).await.unwrap().files, []);
    stage
}

#[tokio::test]
async fn plain_up_leaves_limits_that_are_kept_in_the_override() {
    let stage = keep_lasts(Template::named("keep").replicas(2), Place::Override).await;
    let text = stage.text("compose.override.yaml");
    assert!(
        text.contains("cpus: \"0.5\"") && text.contains("memory: 256M"),
        "{text}"
    );
}

#[tokio::test]
async fn plain_up_leaves_limits_that_are_kept_in_the_file_itself() {
    let template = Template::named("keepin").key_family(KeyFamily::Service);
    let stage = keep_lasts(template, Place::InFile).await;
    let text = stage.text("compose.yaml");
    assert!(
        text.contains("mem_limit: 256M") && !text.contains("deploy:"),
        "{text}"
    );
    let names: Vec<_> = stage.files().into_keys().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let is_backup = |name: &String| Path::new(name).extension() == Some("bak".as_ref());
    assert!(names.iter().any(is_backup), "{names:?}");

    let undone = stage
        .engine
        .undo_files(&stage.source(), SERVICE, ChangeKind::Keep)
        .await;
    assert_eq!(
        undone.unwrap(),
        [stage.project.directory().join("compose.yaml")]
    );
    let names: Vec<_> = stage.files().into_keys().collect();
    assert_eq!(names, ["compose.yaml", "docker-compose.blue-green.yml"]);
    assert!(stage.service().await.drift.unwrap().keepable);
}

#[tokio::test]
async fn without_the_labels_of_the_rollout_plain_up_would_replace_it() {
    let stage = Stage::up(Template::named("hash")).await;
    assert_eq!(stage.roll_out("0.5", "256M").await, Outcome::Success);
    let text =
        "services:\n  hello:\n    deploy: {resources: {limits: {cpus: '0.5', memory: 256M}}}\n";
    fs::write(
        stage.project.directory().join("compose.override.yaml"),
        text,
    )
    .unwrap();
    let drift = stage.service().await.drift.unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    assert_eq!(drift.differences[0].what, "other", "{drift:?}");
    let ids = stage.ids().await;
    stage.plain(&["up", "-d"]).await;
    assert_ne!(stage.ids().await, ids);
}

#[tokio::test]
async fn drift_is_what_the_next_up_does() {
    let stage = Stage::up(Template::named("drift")).await;
    let id = &stage.ids().await[0];
    let update = bollard_update(&stage, id).await;
    assert!(update.is_ok(), "{update:?}");
    let drift = stage.service().await.drift.unwrap();
    assert_eq!(drift.next_up, NextUp::Nothing);
    assert_eq!(drift.by_hand[0].after, "300M");
    stage.plain(&["up", "-d"]).await;
    assert_eq!(&stage.ids().await[0], id, "Compose does not see it");

    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace(
            "    labels:",
            "    environment: {ADDED: secret}\n    labels:",
        ),
    )
    .unwrap();
    let drift = stage.service().await.drift.unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    let environment = drift
        .differences
        .iter()
        .find(|one| one.what == "environment")
        .unwrap();
    assert_eq!(environment.after, "changed: ADDED");
    assert!(!drift.keepable);
    stage.plain(&["up", "-d"]).await;
    assert_ne!(&stage.ids().await[0], id);
    assert_eq!(stage.service().await.drift, None);
}

async fn bollard_update(stage: &Stage, id: &str) -> Result<(), bollard::errors::Error> {
    let body = bollard::models::ContainerUpdateBody {
        memory: Some(300 * 1024 * 1024),
        memory_swap: Some(-1),
        ..Default::default()
    };
    stage.project.docker().update_container(id, body).await
}

#[tokio::test]
async fn named_files_have_no_override_of_their_own() {
    let stage = Stage::up(Template::named("named")).await;
    let folder = stage.project.directory();
    fs::write(
        folder.join("more.yaml"),
        "services: {hello: {environment: {A: b}}}\n",
    )
    .unwrap();
    let mut request = request(&stage, Place::Override);
    request.source.files = vec![folder.join("compose.yaml"), folder.join("more.yaml")];
    let error = stage.engine.keep(&request).await.unwrap_err();
    assert!(
        error.to_string().contains("the files were named"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--in-file"));

    request.source.files = vec![folder.clone()];
    fs::write(folder.join(".env"), "COMPOSE_FILE=compose.yaml:more.yaml\n").unwrap();
    let error = stage.engine.keep(&request).await.unwrap_err();
    assert!(error.to_string().contains("COMPOSE_FILE"), "{error}");
    request.place = Place::InFile;
    let plan = stage.engine.keep(&request).await.unwrap();
    assert_eq!(
        plan.files,
        [],
        "the limits are in the file as they are in force"
    );
}
