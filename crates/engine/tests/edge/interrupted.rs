//! A handover that is disturbed: the engine is away, or Teal dies in it.

use std::{process::Command, time::Duration};

use teal_engine::{
    Engine, Settings,
    event::{EventKind, Outcome},
    model::{Origin, Recovery},
};
use teal_testkit::{Line, Template, eventually};

use crate::stage::{SERVICE, Stage, follow};

const OUTAGE: Duration = Duration::from_millis(1_500);

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whether an edge of the project waits for its ports.
fn waits(project: &str) -> bool {
    let label = format!("label=dev.teal.project={project}");
    let found = docker(&["network", "ls", "--quiet", "--filter", &label]);
    !found.is_empty()
}

/// Whether a container is in no network.
fn is_out(container: &str) -> bool {
    let format = "{{len .NetworkSettings.Networks}}";
    docker(&["inspect", "--format", format, container]) == "0"
}

#[tokio::test]
async fn the_handover_waits_for_an_engine_that_is_away() {
    let mut stage = Stage::up(Template::named("edgeaway")).await;
    stage.make_ready(SERVICE).await;
    let line = Line::new();
    stage.engine = Engine::connect(Settings {
        docker_host: Some(line.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let rollout = stage.engine.roll_out(stage.request("256M")).await.unwrap();
    let mut events = rollout.events();
    while let Some(event) = events.next().await {
        let EventKind::Step { text, .. } = &event.kind else {
            continue;
        };
        if !text.starts_with("Sending all traffic to Green") {
            continue;
        }
        // As Compose is to make the edge, and as the edge is to have the ports.
        line.cut();
        tokio::time::sleep(OUTAGE).await;
        line.mend();
        let name = stage.project.name().to_owned();
        eventually("a waiting edge", Duration::from_secs(60), async || {
            waits(&name).then_some(())
        })
        .await;
        line.cut();
        tokio::time::sleep(OUTAGE).await;
        line.mend();
    }
    let ended = follow(&rollout).await;
    ended.assert_outcome(Outcome::Success);
    stage.until_answered().await;
    assert!(!waits(stage.project.name()));
}

/// Kills a rollout in its handover, once this is so of the project and of Blue, and settles it.
async fn killed(name: &str, is_time: fn(&str, &str) -> bool, way: Recovery, outcome: Outcome) {
    let stage = Stage::up(Template::named(name)).await;
    stage.make_ready(SERVICE).await;
    let before = stage.project.snapshot().await;
    let blue = stage.project.containers(SERVICE).await[0].id.clone();
    let project = stage.project.name().to_owned();
    let data = stage.project.data_directory();
    let request = stage.request("256M");
    let live = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let settings = Settings {
                data_directory: Some(data),
                ..Settings::default()
            };
            let engine = Engine::connect(settings).await.unwrap();
            let rollout = engine.roll_out(request).await.unwrap();
            let mut events = rollout.events();
            while let Some(event) = events.next().await {
                let EventKind::Step { text, .. } = &event.kind else {
                    continue;
                };
                if text.starts_with("Sending all traffic to Green") {
                    while !is_time(&project, &blue) {}
                    return;
                }
            }
            panic!("it ended before it was killed");
        });
    };
    tokio::task::spawn_blocking(move || std::thread::spawn(live).join().unwrap())
        .await
        .unwrap();
    let rollout = stage
        .engine
        .recover(&stage.source(), SERVICE, Some(way), Origin::Terminal)
        .await
        .unwrap();
    follow(&rollout).await.assert_outcome(outcome);
    stage.until_answered().await;
    assert!(!waits(stage.project.name()));
    let edges = stage.project.containers("teal-edge").await.len();
    match way {
        Recovery::Finish => assert_eq!(edges, 1),
        Recovery::RollBack => before.assert_unchanged(&stage.project.snapshot().await),
    }
}

#[tokio::test]
async fn killed_before_the_gap_it_is_finished() {
    let waits = |project: &str, _: &str| waits(project);
    killed("edgekillwait", waits, Recovery::Finish, Outcome::Success).await;
}

#[tokio::test]
async fn killed_in_the_gap_it_is_finished() {
    let out = |_: &str, blue: &str| is_out(blue);
    killed("edgekillgap", out, Recovery::Finish, Outcome::Success).await;
}

#[tokio::test]
async fn killed_in_the_gap_blue_has_its_port_back() {
    let out = |_: &str, blue: &str| is_out(blue);
    killed("edgekillback", out, Recovery::RollBack, Outcome::RolledBack).await;
}
