//! A Blue that is being stopped when the rollout is given up, killed or recovered: the engine goes on
//! stopping it, and kills it in the end. The app ignores SIGTERM, so that it runs and is healthy for
//! all of its grace period.

use std::{
    collections::HashMap,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;
use teal_engine::{
    event::{Color, Event, EventKind, Outcome},
    model::{Origin, Recovery, RolloutOptions, RolloutRequest},
};
use teal_testkit::{Project, Template, eventually};

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

/// A service that does not end before its grace period is over.
async fn stubborn(name: &str, grace_period: &str) -> Stage {
    let template = Template::named(name)
        .default_throttle()
        .environment("IGNORE_SIGTERM", "1")
        .service_text(&format!(
            "stop_grace_period: {grace_period}\nrestart: unless-stopped"
        ));
    Stage::up(template).await
}

fn request(stage: &Stage) -> RolloutRequest {
    stage.request(change(None, Some("256M")), quick())
}

/// Becomes true when the engine has sent Blue its stop signal.
fn stop_is_sent(stage: &Stage) -> Arc<AtomicBool> {
    let is_sent = Arc::new(AtomicBool::new(false));
    let filters = [("event", "kill"), ("container", stage.blue[0].id.as_str())];
    let filters = filters.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
    let options = EventsOptions {
        filters: Some(HashMap::from(filters)),
        ..EventsOptions::default()
    };
    let (docker, told) = (stage.project.docker().clone(), Arc::clone(&is_sent));
    tokio::spawn(async move {
        let heard = docker.events(Some(options)).next().await;
        heard.unwrap().unwrap();
        told.store(true, Ordering::Relaxed);
    });
    is_sent
}

/// Aborts as soon as the engine stops Blue.
async fn abort_while_stopping(stage: &Stage) {
    let is_sent = stop_is_sent(stage);
    let rollout = stage.engine.roll_out(request(stage)).await.unwrap();
    let ended = follow(&rollout, |_| {
        if is_sent.load(Ordering::Relaxed) {
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
}

/// As `kill -9` does, as soon as the engine stops Blue.
async fn killed_while_stopping(stage: &Stage) {
    let is_sent = stop_is_sent(stage);
    let killed = stage.kill_at(request(stage), move |event| {
        let is_it = matches!(&event.kind, EventKind::Step { text, .. } if text == "Stopping Blue");
        while is_it && !is_sent.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        is_it
    });
    killed.await.unwrap();
}

async fn recover(stage: &Stage, way: Recovery, outcome: Outcome) {
    let source = stage.project.source();
    let recovery = stage
        .engine
        .recover(&source, SERVICE, Some(way), Origin::Terminal)
        .await
        .unwrap();
    follow(&recovery, |_| ()).await.assert_outcome(outcome);
}

#[tokio::test]
async fn an_abort_while_blue_is_being_stopped_waits_for_its_end() {
    let stage = stubborn("stop-abort", "6s").await;
    abort_while_stopping(&stage).await;
    let (project, before, report) = stage.into_parts().await;
    report.assert_none_failed();
    before.assert_unchanged(&project.snapshot().await);
    is_restarted_when_it_dies(&project).await;
}

/// Having been stopped and started again costs a container its restart policy no more than that.
async fn is_restarted_when_it_dies(project: &Project) {
    let id = project.containers(SERVICE).await[0].id.clone();
    let look = async || {
        let container = project.docker().inspect_container(&id, None).await.unwrap();
        (
            container.restart_count,
            container.state.unwrap().pid.unwrap(),
        )
    };
    let (restarts, pid) = look().await;
    assert_eq!(restarts, Some(0));
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
    eventually("it is restarted", Duration::from_secs(20), async || {
        (look().await.0 == Some(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn killed_while_blue_is_being_stopped_it_is_taken_back() {
    let stage = stubborn("stop-back", "6s").await;
    killed_while_stopping(&stage).await;
    recover(&stage, Recovery::RollBack, Outcome::RolledBack).await;
    stage.assert_restored().await;
}

/// Where nothing is known of it but what is on the engine.
#[tokio::test]
async fn killed_while_an_unsteered_blue_is_being_stopped_it_is_taken_back() {
    let template = Template::named("stop-plain")
        .default_throttle()
        .no_router()
        .environment("IGNORE_SIGTERM", "1")
        .service_text("stop_grace_period: 6s");
    let stage = Stage::up(template).await;
    killed_while_stopping(&stage).await;
    recover(&stage, Recovery::RollBack, Outcome::RolledBack).await;
    // No stop is on its way any more.
    let blue = &stage.blue[0].id;
    let container = stage.project.docker().inspect_container(blue, None).await;
    let now = container.unwrap().state.unwrap();
    assert_eq!(now.exit_code, Some(0), "started after its end: {now:?}");
    assert_ne!(now.finished_at.as_deref(), Some("0001-01-01T00:00:00Z"));
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn killed_while_blue_is_being_stopped_it_is_finished() {
    let stage = stubborn("stop-finish", "6s").await;
    killed_while_stopping(&stage).await;
    recover(&stage, Recovery::Finish, Outcome::Success).await;
    stage.assert_succeeded(limits("1", "256M")).await;
}

/// Green serves everything by then, and Blue was not sent a stop yet.
async fn killed_before_blue_is_stopped_it_goes_on(
    stage: &Stage,
    is_time: impl FnMut(&Event) -> bool + Send + 'static,
) {
    let options = RolloutOptions {
        drain_timeout_ms: 60_000,
        ..quick()
    };
    let request = stage.request(change(None, Some("256M")), options);
    stage.kill_at(request, is_time).await.unwrap();
    recover(stage, Recovery::RollBack, Outcome::RolledBack).await;
    assert!(stage.was_never_stopped(&stage.blue[0].id).await);
}

#[tokio::test]
async fn killed_while_a_proxy_keeps_blue_it_is_taken_back_without_a_stop() {
    let project = Project::up(Template::fixture("name-caller")).await;
    let traffic = project.traffic();
    eventually("it answers", Duration::from_secs(30), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    let stage = Stage::of(project).await;
    let is_kept = |event: &Event| matches!(event.kind, EventKind::Callers { .. });
    killed_before_blue_is_stopped_it_goes_on(&stage, is_kept).await;
    stage.assert_restored().await;
}

#[tokio::test]
async fn killed_while_requests_end_on_blue_it_is_taken_back_without_a_stop() {
    let stage = Stage::up(Template::named("stop-not-yet")).await;
    let slow = stage.project.traffic().path("/slow?ms=4000");
    let slow = slow
        .every(Duration::from_millis(500))
        .timeout(Duration::from_secs(30));
    let slow = slow.start();
    // More than the quick requests beside them.
    let is_draining = |event: &Event| {
        matches!(
            event.kind,
            EventKind::Drain {
                in_flight: Some(3..),
                ..
            }
        )
    };
    killed_before_blue_is_stopped_it_goes_on(&stage, is_draining).await;
    slow.stop().await.assert_none_failed();
    stage.assert_restored().await;
}

/// Far longer than any other part of a rollout, and than a test has time for.
const FOR_MINUTES: &str = "5m";
const AT_ONCE: Duration = Duration::from_secs(60);

/// Aborts while Blue is being stopped, and says how long the way back took.
async fn time_of_the_way_back(stage: &Stage, mut meanwhile: impl FnMut(&str)) -> Duration {
    let is_sent = stop_is_sent(stage);
    let rollout = stage.engine.roll_out(request(stage)).await.unwrap();
    let (mut green, mut aborted) = (String::new(), None);
    let ended = follow(&rollout, |event| {
        if let EventKind::Containers {
            color: Color::Green,
            replicas,
        } = &event.kind
            && let Some(replica) = replicas.first()
        {
            green.clone_from(&replica.id);
        }
        if aborted.is_none() && is_sent.load(Ordering::Relaxed) {
            meanwhile(&green);
            aborted = Some(Instant::now());
            rollout.abort();
        }
    })
    .await;
    let took = aborted.expect("it stopped Blue").elapsed();
    assert_ne!(ended.outcome, Outcome::Success, "{}", ended.story());
    assert_ne!(ended.outcome, Outcome::NotRolledBack, "{}", ended.story());
    took
}

/// Nobody serves while Blue is waited for, so that each second of it would be an outage.
#[tokio::test]
async fn a_blue_in_its_grace_period_is_killed_at_once_where_green_does_not_serve() {
    let stage = stubborn("stop-no-green", FOR_MINUTES).await;
    let took = time_of_the_way_back(&stage, |green| {
        let killed = Command::new("docker").args(["kill", green]).output();
        assert!(killed.unwrap().status.success());
    })
    .await;
    assert!(took < AT_ONCE, "{took:?}");
    stage.assert_restored_but_for_answers().await;
}

/// The engine waits for its end for ever.
#[tokio::test]
async fn a_blue_without_an_end_to_its_grace_period_is_killed_at_once() {
    let stage = stubborn("stop-endless", "-1s").await;
    let took = time_of_the_way_back(&stage, |_| ()).await;
    assert!(took < AT_ONCE, "{took:?}");
    stage.assert_restored().await;
}

/// What a call to the engine may take at most, in the tests of what takes longer.
const CALL: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_blue_that_takes_longer_than_a_call_to_the_engine_is_replaced() {
    let stage = stubborn("stop-long", "9s").await;
    let stage = stage.with_request_timeout(CALL).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_blue_that_takes_longer_than_a_call_to_the_engine_is_returned_to() {
    let stage = stubborn("stop-long-abort", "9s").await;
    let stage = stage.with_request_timeout(CALL).await;
    abort_while_stopping(&stage).await;
    stage.assert_restored().await;
}
