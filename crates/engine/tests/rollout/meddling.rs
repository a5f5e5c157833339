//! Somebody does things by hand in the middle of a rollout: to its containers, its files, to Compose.

use std::{fs, process::Command};

use teal_engine::{
    Engine, Error, OVERRIDE_FILE, Settings,
    event::{Color, Event, EventKind, FailureCode, Outcome, Phase},
    model::{Origin, Recovery},
};
use teal_testkit::{Project, Template, eventually};

use crate::stage::{Ended, SERVICE, Stage, change, follow, limits, quick};

/// A rollout in the middle of which something is done, with Green's containers.
async fn while_rolling(
    stage: &Stage,
    mut is_time: impl FnMut(&Event) -> bool,
    work: impl FnOnce(&[String]),
) -> Ended {
    let mut options = quick();
    // Long enough to be in the middle of it.
    options.answers = 100;
    let started = stage.start(change(None, Some("256M")), options).await;
    let rollout = started.expect("it starts");
    let (mut green, mut work) = (Vec::new(), Some(work));
    let ended = follow(&rollout, |event| {
        if let EventKind::Containers {
            color: Color::Green,
            replicas,
        } = &event.kind
        {
            green = replicas.iter().map(|replica| replica.id.clone()).collect();
        }
        if is_time(event)
            && let Some(work) = work.take()
        {
            work(&green);
        }
    })
    .await;
    assert!(work.is_none(), "it came to the middle: {}", ended.story());
    ended
}

fn starts(wanted: Phase) -> impl Fn(&Event) -> bool {
    move |event| matches!(event.kind, EventKind::PhaseStarted { phase, .. } if phase == wanted)
}

fn is_split(event: &Event) -> bool {
    matches!(event.kind, EventKind::Answers { green: 1.., .. })
}

fn docker(words: &[&str]) {
    let done = Command::new("docker").args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

fn compose(project: &Project, words: &[&str]) {
    let file = project.compose_file();
    docker(&[&["compose", "-f", file.to_str().unwrap()], words].concat());
}

/// The service answers, and has since for a while.
async fn assert_served(stage: &Stage) {
    let traffic = stage.project.traffic();
    let mut in_a_row = 0;
    let long = std::time::Duration::from_secs(30);
    eventually("20 good answers in a row", long, async || {
        let answer = traffic.once().await;
        in_a_row = if answer.is_success() { in_a_row + 1 } else { 0 };
        (in_a_row >= 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn green_that_is_removed_before_it_serves_costs_nothing() {
    let mut stage = Stage::up(Template::named("rm-green")).await;
    stage
        .project
        .change(|template| template.environment("START_DELAY_MS", "60000"));
    stage.before = stage.project.snapshot().await;
    let is_polled = |event: &Event| matches!(event.kind, EventKind::HealthPoll { .. });
    let ended = while_rolling(&stage, is_polled, |green| docker(&["rm", "-f", &green[0]])).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::Exited);
    assert!(!failure.message.is_empty() && !failure.hint.is_empty());
    stage.assert_restored().await;
}

#[tokio::test]
async fn where_blue_is_removed_green_serves_until_it_is_settled() {
    let stage = Stage::up(Template::named("rm-blue")).await;
    let blue = stage.blue[0].id.clone();
    let ended = while_rolling(&stage, is_split, |_| docker(&["rm", "-f", &blue])).await;
    ended.assert_outcome(Outcome::NotRolledBack);
    let failure = ended.failure();
    assert!(failure.message.contains("Blue"), "{failure:?}");
    assert!(
        failure.hint.contains("recover hello --finish"),
        "{failure:?}"
    );
    assert_served(&stage).await;

    let source = stage.project.source();
    let again = stage.start(change(None, Some("128M")), quick()).await;
    assert!(matches!(again, Err(Error::Interrupted { .. })), "{again:?}");
    let recovery = stage
        .engine
        .recover(&source, SERVICE, Some(Recovery::Finish), Origin::Terminal)
        .await
        .unwrap();
    follow(&recovery, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    assert_served(&stage).await;
    let (project, before, _) = stage.into_parts().await;
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn sidecars_that_are_removed_fail_no_request() {
    let stage = Stage::up(Template::named("rm-sidecars")).await;
    let project = stage.project.name().to_owned();
    let ended = while_rolling(&stage, is_split, |green| {
        let targets = [&[stage.blue[0].id.clone()], green].concat();
        for target in targets {
            let filter = format!("label=dev.teal.target={target}");
            let ids = Command::new("docker")
                .args(["ps", "-q", "--filter", &filter])
                .output()
                .unwrap();
            let ids = String::from_utf8(ids.stdout).unwrap();
            let ids: Vec<_> = ids.split_whitespace().collect();
            assert!(!ids.is_empty(), "{project} has sidecars");
            docker(&[&["rm", "-f"], ids.as_slice()].concat());
        }
    })
    .await;
    assert!(
        matches!(ended.outcome, Outcome::Success | Outcome::RolledBack),
        "{}",
        ended.story()
    );
    let (project, before, report) = stage.into_parts().await;
    report.assert_none_failed();
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn compose_up_by_hand_leads_back_to_blue() {
    let stage = Stage::up(Template::named("by-hand-up")).await;
    let up = |_: &[String]| compose(&stage.project, &["up", "-d"]);
    let ended = while_rolling(&stage, is_split, up).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert!(
        ended.failure().message.contains("Green"),
        "{:?}",
        ended.failure()
    );
    assert_served(&stage).await;
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn compose_restart_by_hand_ends_in_one_set_that_serves() {
    let stage = Stage::up(Template::named("by-hand-restart")).await;
    let restart = |_: &[String]| compose(&stage.project, &["restart", "-t", "1", SERVICE]);
    let ended = while_rolling(&stage, is_split, restart).await;
    assert_served(&stage).await;
    // Where both are back before Teal looks at them, there is nothing to undo.
    if ended.outcome == Outcome::Success {
        let now = stage.project.containers(SERVICE).await;
        let memory: Vec<_> = now.iter().map(|container| container.memory).collect();
        assert_eq!(memory, [Some(256 * 1024 * 1024)]);
    } else {
        ended.assert_outcome(Outcome::RolledBack);
        stage.assert_restored_but_for_answers().await;
    }
}

#[tokio::test]
async fn compose_down_by_hand_leaves_nothing_to_settle() {
    let stage = Stage::up(Template::named("by-hand-down")).await;
    let down = |_: &[String]| compose(&stage.project, &["down", "-t", "1"]);
    let ended = while_rolling(&stage, is_split, down).await;
    assert!(
        matches!(ended.outcome, Outcome::RolledBack | Outcome::NotRolledBack),
        "{}",
        ended.story()
    );
    stage.project.compose(&["up", "-d", "--wait"]).await;
    assert_served(&stage).await;
    // Whether the rollout saw both gone or only one of them.
    if ended.outcome == Outcome::NotRolledBack {
        let source = stage.project.source();
        let recovery = stage
            .engine
            .recover(&source, SERVICE, None, Origin::Terminal)
            .await
            .unwrap();
        follow(&recovery, |_| ())
            .await
            .assert_outcome(Outcome::RolledBack);
    }
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let (project, before, _) = stage.into_parts().await;
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn compose_that_is_killed_leads_back_to_blue() {
    let stage = Stage::up(Template::named("kill-compose")).await;
    // Compose tells of the container that it creates.
    let creates = |event: &Event| matches!(&event.kind, EventKind::Step { text, .. } if text.contains("Creating"));
    let kill = |_: &[String]| {
        let override_file = stage.project.directory().join(OVERRIDE_FILE);
        let pattern = format!("compose .*{}.* up ", override_file.display());
        let found = Command::new("pgrep").args(["-f", &pattern]).output();
        let ids = String::from_utf8(found.unwrap().stdout).unwrap();
        let ids: Vec<_> = ids.split_whitespace().collect();
        assert!(!ids.is_empty(), "Compose runs");
        let killed = Command::new("kill").arg("-9").args(ids).status();
        assert!(killed.unwrap().success());
    };
    let ended = while_rolling(&stage, creates, kill).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::ScaleUp);
    assert!(
        failure.message.contains("Compose could not start Green"),
        "{failure:?}"
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn neither_its_files_nor_a_disk_for_history_is_needed_to_the_end() {
    let mut stage = Stage::up(Template::named("no-files")).await;
    // Nobody, not even root, can write here.
    stage.engine = Engine::connect(Settings {
        data_directory: Some("/proc/teal".into()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let file = stage.project.compose_file();
    let text = fs::read(&file).unwrap();
    let remove = |_: &[String]| fs::remove_file(&file).unwrap();
    let ended = while_rolling(&stage, starts(Phase::VerifyTraffic), remove).await;
    ended.assert_outcome(Outcome::Success);
    let warnings = ended.warnings().join("\n");
    assert!(
        warnings.contains("history of this rollout is not written"),
        "{warnings}"
    );
    assert!(warnings.contains("can't be read now"), "{warnings}");
    fs::write(&file, text).unwrap();
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_compose_file_that_changes_in_the_middle_is_told() {
    let stage = Stage::up(Template::named("new-files")).await;
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let later = text.replacen("pull_policy: never", "pull_policy: never\n    tty: true", 1);
    assert_ne!(text, later);
    let edit = |_: &[String]| fs::write(&file, &later).unwrap();
    let ended = while_rolling(&stage, starts(Phase::VerifyTraffic), edit).await;
    ended.assert_outcome(Outcome::Success);
    let warnings = ended.warnings().join("\n");
    assert!(
        warnings.contains("the compose files changed during the rollout"),
        "{warnings}"
    );
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        later,
        "it is left alone"
    );
    fs::write(&file, text).unwrap();
    stage.assert_succeeded(limits("1", "256M")).await;
}
