//! Limits that last, and drift until they do.

use std::{fs, path::Path};

use teal_engine::{
    Error,
    event::Outcome,
    model::{ChangeKind, KeepRequest, KeyFamily, LimitsChange, LiveRequest, NextUp, Origin, Place},
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

#[tokio::test]
async fn services_that_borrow_from_another_container_show_no_drift_of_their_own() {
    let stage = Stage::up(Template::fixture("borrowed")).await;
    let said = stage.plain(&["up", "-d"]).await;
    assert!(!said.contains("Recreate"), "{said}");
    let project = stage.engine.project(&stage.source()).await.unwrap();
    for service in &project.services {
        assert_eq!(service.drift, None, "{}", service.name);
    }

    // What does change is still seen.
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.replace(
        "    volumes_from:",
        "    stop_grace_period: 7s\n    volumes_from:",
    );
    fs::write(&file, changed).unwrap();
    let drift = stage.service().await.drift.unwrap();
    assert_eq!(drift.next_up, NextUp::Recreate);
    assert_eq!(
        drift.differences[0].after,
        "another key of the service has changed"
    );
}

#[tokio::test]
async fn a_quota_is_a_cpu_limit_that_may_stay() {
    let stage = Stage::up(Template::fixture("cpu-quota")).await;
    let service = stage.service().await;
    assert_eq!(service.drift, None);
    assert_eq!(service.limits.to_string(), "0.5 CPU, 256M");
    let change = |cpus: Option<&str>, memory: &str| LiveRequest {
        source: stage.source(),
        service: SERVICE.to_owned(),
        change: LimitsChange {
            cpus: cpus.map(|cpus| cpus.parse().unwrap()),
            memory: Some(memory.parse().unwrap()),
        },
        origin: Origin::Terminal,
        force: false,
    };
    let plan = stage
        .engine
        .update_live(&change(None, "300M"))
        .await
        .unwrap();
    assert!(
        !plan.override_after.contains("cpus"),
        "{}",
        plan.override_after
    );
    let ended = stage.roll_out_memory("320M").await;
    assert_eq!(ended, Outcome::Success);
    let service = stage.service().await;
    assert_eq!(service.replicas[0].limits.to_string(), "0.5 CPU, 320M");
    assert_eq!(service.drift.unwrap().by_hand, []);

    let error = stage
        .engine
        .update_live(&change(Some("1"), "320M"))
        .await
        .unwrap_err();
    let Error::Refused { verdicts, .. } = error else {
        panic!("{error:?}")
    };
    assert!(
        verdicts[0].reason.contains("cpu_quota"),
        "{:?}",
        verdicts[0]
    );
}

#[tokio::test]
async fn after_a_live_update_and_keep_plain_up_changes_nothing() {
    // Made by plain `up`, and by a rollout.
    for rolled_out in [false, true] {
        let stage = Stage::up(Template::named("keeplive")).await;
        if rolled_out {
            assert_eq!(stage.roll_out("0.5", "256M").await, Outcome::Success);
        }
        let made_with = stage.service().await.limits;
        for memory in ["300M", "320M"] {
            let update = LiveRequest {
                source: stage.source(),
                service: SERVICE.to_owned(),
                change: LimitsChange {
                    cpus: None,
                    memory: Some(memory.parse().unwrap()),
                },
                origin: Origin::Terminal,
                force: true,
            };
            stage.engine.update_live(&update).await.unwrap();
        }
        let drift = stage.service().await.drift.unwrap();
        let is_kept_already = drift.next_up == NextUp::Nothing;
        assert_eq!(
            (is_kept_already, drift.keepable),
            (!rolled_out, rolled_out),
            "{drift:?}"
        );
        assert_eq!(drift.live[0].after, "320M");
        assert_eq!(drift.by_hand, []);
        assert!(
            drift.differences.iter().all(|one| one.what != "other"),
            "{drift:?}"
        );

        let request = request(&stage, Place::Override);
        let plan = stage.engine.keep(&request).await.unwrap();
        assert!(plan.settled);
        assert_eq!(plan.limits, made_with);
        assert_eq!(plan.live.unwrap().memory, Some("320M".parse().unwrap()));
        stage.engine.apply_keep(&request, &plan.id).await.unwrap();
        let ids = stage.ids().await;
        stage.plain(&["up", "-d"]).await;
        assert_eq!(stage.ids().await, ids, "plain up changes nothing");
        let limits = stage.service().await.replicas[0].limits;
        assert_eq!(limits.memory, Some("320M".parse().unwrap()));

        // Nothing but the limits was changed, so there is nothing to roll out.
        let plan = stage.engine.plan(&stage.for_the_files()).await.unwrap();
        assert_eq!(plan.differences, []);
        assert_eq!(plan.limits_after, limits);
    }
}
