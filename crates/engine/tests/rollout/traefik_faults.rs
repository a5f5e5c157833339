//! Traefik goes away, comes back or serves something else in the middle of a rollout.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    query_parameters::{EventsOptionsBuilder, KillContainerOptions, RestartContainerOptions},
};
use futures_util::StreamExt;
use teal_engine::{
    event::{Event, EventKind, FailureCode, Outcome, Phase},
    model::{Level, TrafficPlan, VerdictCode},
};
use teal_testkit::{Project, Report, Template, eventually};
use tokio::{process::Command, sync::oneshot, task::JoinHandle};

use crate::{
    faulty::FaultyEngine,
    stage::{Ended, SERVICE, Stage, change, follow, quick},
};

/// When Traefik was not there.
#[derive(Clone, Copy)]
struct Outage {
    begin: Instant,
    /// It ran again, and may not have served yet.
    back: Instant,
}

impl Outage {
    /// Makes one of what takes Traefik away and brings it back.
    fn start(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<Self> {
        tokio::spawn(async move {
            let begin = Instant::now();
            work.await;
            Self {
                begin,
                back: Instant::now(),
            }
        })
    }

    /// Requests failed only while it lasted: up to the first one that is answered well after it.
    fn assert_only_failures_of(self, report: &Report) {
        let mut answers = report.answers.iter();
        let Some(first) = answers.find(|answer| answer.at >= self.back && answer.is_success())
        else {
            panic!("nothing was answered after Traefik was back: {report}");
        };
        let end = first.at;
        let outside = report
            .failed()
            .find(|answer| answer.at + answer.took < self.begin || answer.at > end);
        assert!(outside.is_none(), "{outside:?} of {report}");
    }
}

fn is_start_of(event: &Event, wanted: Phase) -> bool {
    matches!(event.kind, EventKind::PhaseStarted { phase, .. } if phase == wanted)
}

async fn traefik_of(project: &Project) -> String {
    project.containers("traefik").await[0].id.clone()
}

/// A rollout in whose Verify Traffic `work` is done to Traefik.
async fn with_outage<W: Future<Output = ()> + Send + 'static>(
    stage: &Stage,
    work: impl FnOnce() -> W,
) -> (Ended, Outage) {
    let started = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = started.expect("it starts");
    let (mut work, mut outage) = (Some(work), None);
    let ended = follow(&rollout, |event| {
        if is_start_of(event, Phase::VerifyTraffic)
            && let Some(work) = work.take()
        {
            outage = Some(Outage::start(work()));
        }
    })
    .await;
    (
        ended,
        outage.expect("it came to Verify Traffic").await.unwrap(),
    )
}

/// Requests are answered again, and more than a few.
async fn until_served(stage: &Stage) {
    let traffic = stage.project.traffic();
    eventually("Traefik serves", Duration::from_secs(20), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    let enough = stage.answered() + 20;
    eventually("more answers", Duration::from_secs(20), async || {
        (stage.answered() >= enough).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_traefik_that_is_stopped_leads_back_to_blue() {
    let stage = Stage::up(Template::named("away").default_throttle()).await;
    let traefik = traefik_of(&stage.project).await;
    let docker = stage.project.docker().clone();
    let (ended, outage) = with_outage(&stage, || {
        let (docker, traefik) = (docker.clone(), traefik.clone());
        async move {
            let killed = docker.kill_container(&traefik, None::<KillContainerOptions>);
            killed.await.unwrap();
        }
    })
    .await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::Traffic);
    assert!(failure.message.contains("does not run"), "{failure:?}");
    assert!(failure.hint.contains("start Traefik"), "{failure:?}");

    docker.start_container(&traefik, None).await.unwrap();
    let outage = Outage {
        back: Instant::now(),
        ..outage
    };
    until_served(&stage).await;
    let blue = stage.blue[0].id.clone();
    let (project, before, report) = stage.into_parts().await;
    outage.assert_only_failures_of(&report);
    let after = report.between(outage.back, Instant::now());
    assert!(after.from_container(&blue) > 0, "{after}");
    before.assert_unchanged(&project.snapshot().await);
}

#[tokio::test]
async fn a_rollout_goes_on_when_traefik_is_restarted() {
    let stage = Stage::up(Template::named("again").default_throttle()).await;
    let traefik = traefik_of(&stage.project).await;
    let docker = stage.project.docker().clone();
    let (ended, outage) = with_outage(&stage, || async move {
        let restarted = docker.restart_container(&traefik, None::<RestartContainerOptions>);
        restarted.await.unwrap();
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    until_served(&stage).await;
    let (project, before, report) = stage.into_parts().await;
    outage.assert_only_failures_of(&report);
    before.assert_same_but_for(&project.snapshot().await, &[teal_engine::OVERRIDE_FILE]);
}

#[tokio::test]
async fn a_rollout_finds_a_traefik_that_is_made_anew_on_another_port() {
    let stage = Stage::up(Template::named("anew").default_throttle()).await;
    let file = stage.project.compose_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let address = stage.project.url("");
    let published = address.strip_prefix("http://").unwrap();
    assert!(text.contains(&format!("{published}:80")), "{text}");
    let anywhere = text.replace(&format!("{published}:80"), "127.0.0.1::80");
    let (ended, outage) = with_outage(&stage, || async move {
        std::fs::write(&file, anywhere).unwrap();
        let made = Command::new("docker")
            .args(["compose", "--file"])
            .arg(&file)
            .args(["up", "--detach", "--force-recreate", "--no-deps", "traefik"])
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    // The live probe has found it too.
    let after = ended.receipt().after;
    assert!(after.requests > 0 && after.failed == 0, "{after:?}");
    let green = stage.project.containers(SERVICE).await;
    assert_eq!(green.len(), 1);
    assert_ne!(green[0].id, stage.blue[0].id);
    let (project, before, report) = stage.into_parts().await;
    let early = report
        .failed()
        .find(|answer| answer.at + answer.took < outage.begin);
    assert!(early.is_none(), "{report}");
    let files = [teal_engine::OVERRIDE_FILE, "compose.yaml"];
    before.assert_same_but_for(&project.snapshot().await, &files);
}

/// Waits until a helper of a rollout ends.
async fn until_one_is_taken_back(docker: &Docker, rollout: &str) {
    let label = format!("dev.teal.rollout={rollout}");
    let filters = HashMap::from([("label", vec![label.as_str()]), ("event", vec!["die"])]);
    let options = EventsOptionsBuilder::new().filters(&filters).build();
    let ends = docker.events(Some(options));
    std::pin::pin!(ends).next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_split_that_traefik_missed_is_begun_anew() {
    let is_blind = Arc::new(AtomicBool::new(false));
    let looks = Arc::clone(&is_blind);
    let engine = FaultyEngine::start(move |_, path| {
        path.ends_with("/containers/json") && looks.load(Ordering::Relaxed)
    });
    let template = Template::named("missed")
        .default_throttle()
        .traefik_socket(&engine.socket());
    let stage = Stage::up(template).await;
    let started = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = started.expect("it starts");
    let (begun, is_begun) = oneshot::channel();
    let mut begun = Some(begun);
    let turns_blind = follow(&rollout, |event| {
        if is_start_of(event, Phase::RemoveBlue) {
            is_blind.store(true, Ordering::Relaxed);
            begun.take().map(|begun| begun.send(()));
        }
    });
    let sees_again = async {
        is_begun.await.expect("it comes to Remove Blue");
        until_one_is_taken_back(stage.project.docker(), rollout.id()).await;
        is_blind.store(false, Ordering::Relaxed);
    };
    let (ended, ()) = tokio::join!(turns_blind, sees_again);
    ended.assert_outcome(Outcome::Success);
    let (project, before, report) = stage.into_parts().await;
    report.assert_none_failed();
    before.assert_same_but_for(&project.snapshot().await, &[teal_engine::OVERRIDE_FILE]);
}

#[tokio::test]
async fn a_router_that_never_worked_is_told_and_left_alone() {
    let template = Template::named("broken")
        .default_throttle()
        .label("traefik.http.routers.hello.middlewares", "nowhere@docker");
    let project = Project::new(template).await;
    project.compose(&["up", "--detach", "--wait"]).await;
    let stage = Stage::of(project).await;
    let request = stage.request(change(None, Some("256M")), quick());
    // Traefik takes up to two seconds to take a container up.
    let (plan, verdict) = eventually("Traefik's word", Duration::from_secs(10), async || {
        let plan = stage.engine.plan(&request).await.unwrap();
        let mut verdicts = plan.verdicts.iter();
        let told = verdicts.find(|verdict| verdict.reason.contains("does not exist"))?;
        Some((plan.clone(), told.clone()))
    })
    .await;
    assert_eq!(verdict.code, VerdictCode::NoRoute);
    assert_eq!(verdict.level, Level::Warning);
    assert!(verdict.reason.contains("nowhere@docker"), "{verdict:?}");
    assert!(
        matches!(plan.traffic, TrafficPlan::Unsteered { .. }),
        "{:?}",
        plan.traffic
    );
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
}

#[tokio::test]
async fn a_path_that_always_answers_404_is_as_good_as_before() {
    let template = Template::named("missing")
        .default_throttle()
        .rule("PathPrefix(`/nothing-there`)");
    let project = Project::new(template).await;
    project.compose(&["up", "--detach", "--wait"]).await;
    let traffic = project.traffic().path("/nothing-there");
    eventually(
        "an answer of the service's",
        Duration::from_secs(20),
        async || {
            let answer = traffic.once().await;
            answer.container.is_some().then_some(())
        },
    )
    .await;
    let stage = Stage::of(project).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let EventKind::Ended {
        receipt: Some(receipt),
        ..
    } = &ended.events.last().unwrap().kind
    else {
        panic!("{}", ended.story());
    };
    assert_eq!(receipt.expected_status, Some(404), "{receipt:?}");
    assert!(receipt.requests > 0 && receipt.failed == 0, "{receipt:?}");
}

/// A rollout in which Green is done away with at an event.
async fn green_fails_at(
    stage: &Stage,
    mut is_time: impl FnMut(&Event) -> bool,
    end: impl Fn(&str) -> std::process::Command,
) -> Ended {
    let mut options = quick();
    // Long enough to be in the middle of it.
    options.answers = 200;
    let started = stage.start(change(None, Some("256M")), options).await;
    let rollout = started.expect("it starts");
    let (mut green, mut done) = (Vec::new(), false);
    follow(&rollout, |event| {
        if let EventKind::Containers {
            color: teal_engine::event::Color::Green,
            replicas,
        } = &event.kind
        {
            green = replicas.iter().map(|replica| replica.id.clone()).collect();
        }
        if !done && is_time(event) {
            done = true;
            assert!(end(&green[0]).status().unwrap().success());
        }
    })
    .await
}

fn kill(id: &str) -> std::process::Command {
    let mut command = std::process::Command::new("docker");
    command
        .args(["kill", id])
        .stdout(std::process::Stdio::null());
    command
}

#[tokio::test]
async fn green_that_ends_in_the_split_leads_back_to_blue() {
    let stage = Stage::up(Template::named("dies-both").default_throttle()).await;
    let is_time = |event: &Event| matches!(event.kind, EventKind::Answers { green: 1.., .. });
    let ended = green_fails_at(&stage, is_time, kill).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Exited);
    assert_eq!(ended.failure().exit_code, Some(137));
    assert_eq!(ended.phases().last(), Some(&Phase::VerifyTraffic));
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn green_that_ends_in_the_drain_leads_back_to_blue() {
    let stage = Stage::up(Template::named("dies-green").default_throttle()).await;
    let slow = stage.project.traffic().path("/slow?ms=3000").start();
    let is_time = |event: &Event| matches!(event.kind, EventKind::Drain { .. });
    let ended = green_fails_at(&stage, is_time, kill).await;
    slow.stop().await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Exited);
    assert_eq!(ended.phases().last(), Some(&Phase::RemoveBlue));
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn green_that_turns_unhealthy_in_the_split_leads_back_to_blue() {
    let mut stage = Stage::up(Template::named("ill").default_throttle()).await;
    stage.project.change(|template| {
        template
            .environment("UNHEALTHY_AFTER_MS", "4000")
            .environment("DELAY_MS", "100")
    });
    stage.before = stage.project.snapshot().await;
    let never = |_: &Event| false;
    let ended = green_fails_at(&stage, never, kill).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Unhealthy);
    assert!(ended.failure().message.contains("Green turned unhealthy"));
    assert_eq!(ended.phases().last(), Some(&Phase::VerifyTraffic));
    // It still answered all along.
    stage.assert_restored().await;
}
