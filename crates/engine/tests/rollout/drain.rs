//! How Blue ends: its requests first, then its `pre_stop` hooks, then itself.

use std::time::Duration;

use teal_engine::event::{Color, EventKind, Outcome};
use teal_testkit::{Echo, Template};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stage::{Ended, Stage, change, follow, limits, quick};

impl Ended {
    /// What the drain of Blue counted, one after the other.
    fn drain(&self) -> Vec<Option<u32>> {
        let counts = self.events.iter().filter_map(|event| match event.kind {
            EventKind::Drain { in_flight, .. } => Some(in_flight),
            _ => None,
        });
        counts.collect()
    }
}

/// Says something now and then, until it is told to hang up or the service does.
async fn chat(url: &str, hang_up: &CancellationToken) -> JoinHandle<()> {
    let mut socket = Echo::open(url).await;
    let hang_up = hang_up.clone();
    tokio::spawn(async move {
        let mut times = tokio::time::interval(Duration::from_millis(300));
        loop {
            tokio::select! {
                () = hang_up.cancelled() => return,
                _ = times.tick() => {}
            }
            // A service that stops says good-bye or cuts the connection.
            match socket.say("hello").await {
                Ok(Some(answer)) => assert_eq!(answer, "hello"),
                Ok(None) | Err(_) => return,
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_in_flight_ends_before_blue_is_stopped() {
    let stage = Stage::up(Template::named("drain")).await;
    // Connections that Traefik keeps open and that nothing is in flight on.
    let idle = stage.project.traffic().keep_alive().start();
    let hang_up = CancellationToken::new();
    let socket = chat(&stage.project.url("/ws"), &hang_up).await;
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut requests = Vec::new();
    let ended = follow(&rollout, |event| match event.kind {
        EventKind::Split { green_percent: 50 } => {
            for path in ["/slow?ms=5000", "/stream?ms=500&chunks=10"] {
                for _ in 0..4 {
                    let one = stage.project.traffic().path(path);
                    requests.push(tokio::spawn(async move { one.once().await }));
                }
            }
        }
        EventKind::Drain {
            in_flight: Some(1), ..
        } => hang_up.cancel(),
        _ => {}
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    for request in requests {
        let answer = request.await.unwrap();
        assert!(answer.is_success(), "{answer:?}");
    }
    idle.stop().await.assert_none_failed();
    let drain = ended.drain();
    // Of two times four, each set got two; and the socket is Blue's.
    assert!(drain.iter().any(|count| *count >= Some(5)), "{drain:?}");
    assert_eq!(drain.last(), Some(&Some(0)));
    assert!(hang_up.is_cancelled(), "it was the last to go: {drain:?}");
    socket.await.unwrap();
    assert_eq!(ended.receipt().cut, Some(0));
    assert_eq!(ended.warnings(), [""; 0]);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn what_is_in_flight_at_the_deadline_is_cut_and_counted() {
    let stage = Stage::up(Template::named("cut")).await;
    let never = CancellationToken::new();
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(chat(&stage.project.url("/ws"), &never).await);
    }
    let mut options = quick();
    options.drain_timeout_ms = 1_500;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.receipt().cut, Some(3), "{}", ended.story());
    let warnings = ended.warnings();
    assert_eq!(
        warnings,
        ["3 requests were still in flight on Blue after 1.5 s and will be cut"]
    );
    for socket in sockets {
        socket.await.unwrap();
    }
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn pre_stop_hooks_run_once_nothing_is_in_flight() {
    // The last one serves on, until the grace period is over.
    let hooks = r#"
stop_grace_period: 2s
pre_stop:
  - command: ["/hello", "check"]
  - command: ["/hello", "good-bye"]
  - command: ["/hello"]
    environment: {PORT: "9999"}
"#;
    let template = Template::named("hooks").service_text(hooks.trim());
    let stage = Stage::up(template).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let warnings = ended.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("`/hello good-bye`")
            && warnings[0].contains("exit code 1")
            && warnings[0].contains("usage: hello [check]"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("had not ended when the grace period of 2 s was over")
            && warnings[1].contains("listening on port 9999"),
        "{warnings:?}"
    );
    let at = |wanted: &dyn Fn(&EventKind) -> bool| {
        ended
            .events
            .iter()
            .rposition(|event| wanted(&event.kind))
            .unwrap()
    };
    let drained = at(&|kind| matches!(kind, EventKind::Drain { .. }));
    let warned = at(&|kind| matches!(kind, EventKind::Warning { .. }));
    let stopped = at(
        &|kind| matches!(kind, EventKind::Containers { color: Color::Blue, replicas } if !replicas.is_empty()),
    );
    assert!(drained < warned && warned < stopped, "{}", ended.story());
    stage.assert_succeeded(limits("1", "256M")).await;
}
