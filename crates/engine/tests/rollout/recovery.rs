//! Rollouts that were interrupted, settled both ways.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::StreamExt;
use teal_engine::{
    Engine, Error, Settings,
    event::{EventKind, Outcome, Phase},
    model::{Interrupted, Origin, Recovery},
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage, change, engine, follow, limits, quick};

/// A rollout that was left in Health Check, since Green is not healthy for a while.
async fn left_in_health_check(name: &str) -> Stage {
    let mut stage = Stage::up(Template::named(name).default_throttle()).await;
    stage
        .project
        .change(|template| template.environment("START_DELAY_MS", "6000"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.health_timeout_ms = Some(1_500);
    options.no_rollback = true;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::NotRolledBack);
    stage
}

/// The one of this stage's service: others have theirs on the same engine.
pub(crate) async fn interrupted(engine: &Engine, stage: &Stage) -> Option<Interrupted> {
    let mut all = engine.interrupted().await.unwrap();
    all.retain(|interrupted| interrupted.project == stage.project.name());
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}

#[tokio::test]
async fn a_rollout_is_finished_without_the_data_of_who_began_it() {
    let stage = left_in_health_check("finish").await;
    fs::remove_dir_all(stage.project.data_directory()).unwrap();
    let engine = engine(&stage.project).await;
    let found = interrupted(&engine, &stage).await.expect("it is listed");
    assert_eq!(found.phase, Phase::HealthCheck);
    assert_eq!(found.green_percent, Some(0));
    assert!(found.can_roll_back);
    let refused = stage.start(change(None, Some("128M")), quick()).await;
    assert!(
        matches!(refused, Err(Error::Interrupted { .. })),
        "{refused:?}"
    );

    // Its own deadline is too short for Green, so that it is given up once more: nothing is lost.
    let way = Some(Recovery::Finish);
    let recover = || engine.recover(&found.source, SERVICE, way, Origin::Terminal);
    for _ in 0..20 {
        let ended = follow(&recover().await.unwrap(), |_| ()).await;
        if ended.outcome == Outcome::Success {
            break;
        }
        ended.assert_outcome(Outcome::NotRolledBack);
    }
    assert_eq!(interrupted(&engine, &stage).await, None);
    let again = recover().await;
    assert!(
        matches!(again, Err(Error::NothingToRecover { .. })),
        "{again:?}"
    );
    let history = engine.history(Some(stage.project.name()), None).unwrap();
    assert_eq!(history[0].outcome, Some(Outcome::Success));
    let memory = limits("1", "256M").memory;
    assert_eq!(history[0].limits_after.memory, memory);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_rollout_is_taken_back_without_the_data_and_the_files_it_began_with() {
    let stage = left_in_health_check("back").await;
    fs::remove_dir_all(stage.project.data_directory()).unwrap();
    let text = fs::read(stage.project.compose_file()).unwrap();
    fs::remove_file(stage.project.compose_file()).unwrap();
    let engine = engine(&stage.project).await;
    let found = interrupted(&engine, &stage).await.expect("it is listed");
    let way = Some(Recovery::RollBack);
    let recovery = engine
        .recover(&found.source, SERVICE, way, Origin::Terminal)
        .await
        .unwrap();
    let ended = follow(&recovery, |_| ()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(interrupted(&engine, &stage).await, None);
    fs::write(stage.project.compose_file(), text).unwrap();
    stage.assert_restored().await;
}

#[tokio::test]
async fn without_blue_a_rollout_is_finished_and_can_not_be_taken_back() {
    let stage = Stage::up(Template::named("gone").default_throttle()).await;
    let mut options = quick();
    options.no_rollback = true;
    let rollout = stage
        .start(change(None, Some("256M")), options)
        .await
        .unwrap();
    let blue = stage.blue[0].id.clone();
    // Somebody removes Blue when it has been stopped, and breaks Green's limits for a while.
    let ended = follow(&rollout, |event| {
        let is_last = matches!(
            event.kind,
            EventKind::PhaseStarted {
                phase: Phase::Verification,
                ..
            }
        );
        if is_last {
            docker(&["rm", "-f", &blue]);
            let name = green(stage.project.name());
            docker(&["update", "--cpus", "0.3", &name]);
        }
    })
    .await;
    ended.assert_outcome(Outcome::NotRolledBack);
    docker(&["update", "--cpus", "1", &green(stage.project.name())]);

    let found = interrupted(&stage.engine, &stage).await.unwrap();
    assert_eq!(
        (found.phase, found.can_roll_back),
        (Phase::Verification, false)
    );
    let recover = |way| {
        stage
            .engine
            .recover(&found.source, SERVICE, way, Origin::Window)
    };
    let refused = recover(Some(Recovery::RollBack)).await;
    assert!(
        matches!(refused, Err(Error::BlueIsGone { .. })),
        "{refused:?}"
    );
    let ended = follow(&recover(None).await.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

/// Two with the same data, as a window and a terminal are, and one with other data.
#[tokio::test]
async fn three_at_one_service_hear_of_each_other_and_of_the_end() {
    let mut stage = Stage::up(Template::named("three").default_throttle()).await;
    stage
        .project
        .change(|template| template.environment("START_DELAY_MS", "10000"));
    stage.before = stage.project.snapshot().await;
    let data = tempfile::tempdir().unwrap();
    let other = Engine::connect(Settings {
        data_directory: Some(data.path().to_owned()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let mut changes = std::pin::pin!(other.changes());
    let (says, waits) = tokio::sync::oneshot::channel();
    let mut says = Some(says);
    let is_over = Arc::new(AtomicBool::new(false));
    let may_die = Arc::clone(&is_over);
    let request = stage.request(change(None, Some("256M")), quick());
    let killed = stage.kill_at(request, move |event| {
        if matches!(event.kind, EventKind::HealthPoll { .. }) {
            says.take().map(|says| says.send(()));
        }
        may_die.load(Ordering::Relaxed)
    });
    waits.await.unwrap();
    let source = stage.project.source();
    let way = Some(Recovery::Finish);
    let recover = || other.recover(&source, SERVICE, way, Origin::Terminal);
    let request = stage.request(change(None, Some("128M")), quick());
    let (own, others, recovery) = tokio::join!(
        stage.engine.roll_out(request.clone()),
        other.roll_out(request),
        recover(),
    );
    let own_process = format!("process {}", std::process::id());
    for refused in [own, others, recovery] {
        assert!(
            matches!(&refused, Err(Error::Busy { holder, .. }) if holder.starts_with(&own_process)),
            "{refused:?}"
        );
    }
    assert_eq!(interrupted(&stage.engine, &stage).await, None);
    assert_eq!(interrupted(&other, &stage).await, None);
    is_over.store(true, Ordering::Relaxed);
    loop {
        let name = changes.next().await.unwrap().unwrap();
        if name == stage.project.name() {
            break;
        }
    }

    killed.await.unwrap();
    // Whoever has the same data knows at once that it is dead.
    assert_ne!(interrupted(&stage.engine, &stage).await, None);
    let ended = follow(&recover().await.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

fn docker(words: &[&str]) {
    let done = std::process::Command::new("docker").args(words).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn green(project: &str) -> String {
    format!("{project}-{SERVICE}-2")
}
