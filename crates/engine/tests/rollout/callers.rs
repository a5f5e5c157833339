//! Who calls Blue past everything that steers keeps it, unless they find Green by themselves.

use std::time::Duration;

use teal_engine::event::{Caller, EventKind, FailureCode, Outcome};
use teal_testkit::{Echo, Project, Template, eventually};

use crate::stage::{Ended, SERVICE, Stage, change, engine, follow, limits, quick, request};

/// Longer than whoever calls is watched for.
const DRAIN_MS: u64 = 6_000;

impl Ended {
    /// All that ever kept Blue, in the order that they were told in.
    fn callers(&self) -> Vec<&Caller> {
        let told = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Callers { callers, .. } => Some(callers),
            _ => None,
        });
        told.flatten().collect()
    }
}

/// A project of a fixture that answers through what is in front of it.
async fn stage(fixture: &str) -> Stage {
    let project = Project::up(Template::fixture(fixture)).await;
    let traffic = project.traffic();
    eventually("it answers", Duration::from_secs(30), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    Stage::of(project).await
}

#[tokio::test]
async fn a_proxy_that_looked_the_name_up_once_keeps_blue() {
    let stage = stage("name-caller").await;
    let proxy = stage.project.containers("proxy").await[0].name.clone();
    let mut options = quick();
    options.drain_timeout_ms = DRAIN_MS;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::StillCalled);
    assert!(
        failure.message.contains(&format!("`{proxy}`"))
            && failure.message.contains("resolved the service's name once"),
        "{}",
        failure.message
    );
    let reload = format!("docker exec {proxy} nginx -s reload");
    assert!(failure.hint.contains(&reload), "{}", failure.hint);
    let callers = ended.callers();
    assert_eq!(callers.len(), 1, "{}", ended.story());
    assert_eq!(callers[0].service.as_deref(), Some("proxy"));
    assert_eq!(callers[0].program.as_deref(), Some("nginx"));
    assert_eq!(callers[0].reload, Some(reload));
    assert_eq!(ended.receipt().left, [""; 0]);
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_proxy_that_is_reloaded_when_it_is_named_lets_blue_go() {
    let stage = stage("name-caller").await;
    let mut options = quick();
    options.drain_timeout_ms = 60_000;
    let rollout = stage
        .start(change(None, Some("256M")), options)
        .await
        .unwrap();
    let mut reloads = Vec::new();
    let ended = follow(&rollout, |event| {
        if let EventKind::Callers { callers, .. } = &event.kind {
            for command in callers.iter().filter_map(|caller| caller.reload.as_ref()) {
                let mut words = command.split(' ');
                let program = words.next().unwrap();
                reloads.push(tokio::process::Command::new(program).args(words).spawn());
            }
        }
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(reloads.len(), 1, "{}", ended.story());
    for reload in reloads {
        assert!(reload.unwrap().wait().await.unwrap().success());
    }
    let (project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
    let green = project.containers(SERVICE).await;
    assert_eq!(green.len(), 1);
    assert!(report.from_container(&green[0].id) > 0, "{report}");
}

#[tokio::test]
async fn with_force_blue_is_stopped_and_the_receipt_says_who_was_left() {
    let stage = stage("name-caller").await;
    let mut options = quick();
    options.drain_timeout_ms = DRAIN_MS;
    options.force = true;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    let left = &ended.receipt().left;
    assert_eq!(left.len(), 1, "{}", ended.story());
    assert!(left[0].contains("service `proxy`, nginx"), "{left:?}");
    assert!(left[0].contains("; run `docker exec"), "{left:?}");
    let warnings = ended.warnings();
    assert!(
        warnings.iter().any(|text| text.contains("stopped anyway")),
        "{warnings:?}"
    );
    let (_, _, report) = stage.into_parts().await;
    assert!(
        report.failed().count() > 0,
        "nginx knows Green now: {report}"
    );
}

/// Its C library sorts the addresses of both sets, and prefers the one nearer to its own.
#[tokio::test]
async fn a_caller_that_looks_the_name_up_each_time_keeps_nobody() {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let caller = format!(
        r#"
caller:
  image: {image}
  command: ["/bin/sh", "-c", "i=0; while [ $$i -lt 1200 ]; do wget -q -O /dev/null http://hello:8080/; sleep 0.1; i=$$((i+1)); done"]
  stop_grace_period: 0s
"#
    );
    let template = Template::named("resolves")
        .default_throttle()
        .no_traefik()
        .no_router()
        .more_services(caller.trim());
    let project = Project::up(template).await;
    let engine = engine(&project).await;
    let mut options = quick();
    options.drain_timeout_ms = 30_000;
    let rollout = engine
        .roll_out(request(&project, change(None, Some("256M")), options))
        .await
        .unwrap();
    let ended = follow(&rollout, |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.callers(), Vec::<&Caller>::new());
    assert_eq!(ended.receipt().left, [""; 0]);
    let blue = ended.receipt().blue_traffic.unwrap();
    assert!(blue.connections > 0, "it did call: {}", ended.story());
}

/// It has no address of its own, and its health checks go on calling Blue after the cutover.
#[tokio::test]
async fn a_traefik_in_the_hosts_network_keeps_nobody() {
    let stage = stage("host-traefik").await;
    let mut options = quick();
    options.drain_timeout_ms = DRAIN_MS;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.callers(), Vec::<&Caller>::new());
    assert_eq!(ended.receipt().left, [""; 0]);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn silent_connections_from_before_are_counted_as_of_unknown_use() {
    let stage = Stage::up(Template::named("silent").default_throttle()).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(Echo::open(&stage.project.url("/ws")).await);
    }
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let receipt = ended.receipt();
    assert_eq!(receipt.cut, Some(0), "no request was in flight");
    // Traefik's own idle connections can't be told from them.
    assert!(receipt.closed >= Some(3), "{}", ended.story());
    for mut socket in sockets {
        assert!(!matches!(socket.say("hello").await, Ok(Some(_))));
    }
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn requests_inside_of_traefik_reach_a_blue_that_lives() {
    let stage = stage("forward-auth").await;
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut unpromised = Vec::new();
    let ended = follow(&rollout, |event| {
        if let EventKind::Planned { plan } = &event.kind {
            unpromised.clone_from(&plan.unpromised);
        }
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    let said = unpromised.join("\n");
    assert!(said.contains("`guard`, forwardAuth"), "{said}");
    assert_eq!(ended.receipt().failed, 0, "{:?}", ended.receipt().failures);
    stage.assert_succeeded(limits("1", "256M")).await;
}
