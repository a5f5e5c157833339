//! Limits changed on the running containers.

use std::{fs, time::Duration};

use teal_engine::{
    Engine, Error, OVERRIDE_FILE, Settings,
    event::Outcome,
    model::{Level, LimitsChange, LiveRequest, Origin, RevisionKind, VerdictCode},
};
use teal_testkit::Template;

use crate::{
    faulty::FaultyEngine,
    stage::{SERVICE, Stage, change, limits, quick},
};

const MIB: i64 = 1024 * 1024;

fn request(stage: &Stage, change: LimitsChange) -> LiveRequest {
    LiveRequest {
        source: stage.project.source(),
        service: SERVICE.to_owned(),
        change,
        origin: Origin::Terminal,
        force: false,
    }
}

#[tokio::test]
async fn limits_grow_on_the_running_containers_and_last() {
    let stage = Stage::up(Template::named("live").replicas(2)).await;
    let change = change(Some("1.5"), Some("2g"));
    let plan = stage
        .engine
        .plan(&stage.request(change, quick()))
        .await
        .unwrap();
    assert!(plan.live_update.recommended, "{:?}", plan.live_update);

    // Twice the old memory is less than this: memory and swap have to grow together.
    let plan = stage
        .engine
        .update_live(&request(&stage, change))
        .await
        .unwrap();
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(
        now.iter()
            .map(|container| &container.id)
            .collect::<Vec<_>>(),
        stage
            .blue
            .iter()
            .map(|container| &container.id)
            .collect::<Vec<_>>(),
    );
    for container in &now {
        assert_eq!(
            (container.cpus, container.memory),
            (Some(1.5), Some(2048 * MIB))
        );
    }
    let text = fs::read_to_string(&plan.override_file).unwrap();
    assert!(text.contains("1.5") && text.contains("2G"), "{text}");

    let history = stage
        .engine
        .history(Some(stage.project.name()), Some(SERVICE))
        .unwrap();
    let kinds: Vec<_> = history
        .iter()
        .map(|revision| (revision.revision, revision.kind, revision.limits_after))
        .collect();
    assert_eq!(
        kinds,
        [
            (2, RevisionKind::Live, limits("1.5", "2g")),
            (1, RevisionKind::Rollout, limits("1", "512M")),
        ]
    );

    // A rollout starts from there, and a rollback to before it returns to the live limits.
    let ended = stage
        .roll_out(crate::stage::change(Some("1"), None), quick())
        .await;
    ended.assert_outcome(Outcome::Success);
    let (_, report) = stage.assert_succeeded(limits("1", "2g")).await;
    report.assert_none_failed();
}

#[tokio::test]
async fn memory_below_present_use_takes_a_new_container() {
    let template = Template::named("live-below").environment("LEAK_MB_PER_S", "8");
    let stage = Stage::up(template).await;
    let smaller = request(&stage, change(None, Some("8M")));
    let verdict = teal_testkit::eventually(
        "more than 8M are in use",
        Duration::from_secs(30),
        async || {
            let plan = stage.engine.plan_live(&smaller).await.unwrap();
            let mut verdicts = plan.verdicts.into_iter();
            verdicts
                .find(|verdict| verdict.code == VerdictCode::NotLive && !plan.live_update.possible)
        },
    )
    .await;
    assert!(
        verdict.reason.contains("a new container is needed"),
        "{}",
        verdict.reason
    );
    let refused = stage.engine.update_live(&smaller).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(now[0].memory, Some(512 * MIB));
    assert!(
        !stage
            .project
            .compose_file()
            .with_file_name(OVERRIDE_FILE)
            .exists()
    );
}

#[tokio::test]
async fn a_container_that_fails_takes_all_back() {
    let mut stage = Stage::up(Template::named("live-fails").replicas(2)).await;
    let second = stage.blue[1].id.clone();
    let faulty = FaultyEngine::start(move |method, path| {
        method == "POST" && path.ends_with(&format!("/containers/{second}/update"))
    });
    stage.engine = Engine::connect(Settings {
        docker_host: Some(faulty.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let error = stage
        .engine
        .update_live(&request(&stage, change(Some("2"), Some("1g"))))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(error.to_string().contains("on purpose"), "{error}");
    let history = stage
        .engine
        .history(Some(stage.project.name()), None)
        .unwrap();
    assert_eq!(history, []);
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_history_that_can_not_be_written_costs_no_update() {
    let stage = Stage::up(Template::named("live-disk")).await;
    // A file where the folder of the configurations would be: nobody can write into it.
    let data = stage.project.data_directory();
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("revisions"), "in the way").unwrap();
    let update = request(&stage, change(None, Some("768M")));
    let plan = stage.engine.update_live(&update).await.unwrap();
    let warning = plan.verdicts.iter().find(|verdict| {
        verdict.code == VerdictCode::RevisionLost && verdict.level == Level::Warning
    });
    assert!(warning.is_some(), "{:?}", plan.verdicts);
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(now[0].memory, Some(768 * MIB));
    assert!(plan.override_file.exists());
}

#[tokio::test]
async fn a_service_that_can_not_be_rolled_can_be_updated() {
    let template = Template::named("live-port")
        .no_router()
        .service_text("ports: [\"127.0.0.1:18766:8080\"]");
    let stage = Stage::up(template).await;
    stage
        .engine
        .update_live(&request(&stage, change(None, Some("768M"))))
        .await
        .unwrap();
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(now[0].id, stage.blue[0].id);
    assert_eq!(now[0].memory, Some(768 * MIB));
}
