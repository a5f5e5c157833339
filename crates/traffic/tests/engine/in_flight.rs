//! What a sidecar says is in flight, against what is.

use teal_testkit::{Answer, Echo, eventually};
use tokio::task::JoinHandle;

use super::*;

const SOON: Duration = Duration::from_secs(15);

impl Stage {
    async fn blue_only(name: &str) -> (Self, Vec<String>) {
        let mut stage = Self::up(Template::named(name)).await;
        let blue = stage.ids(0, 1);
        stage.shift(&blue, &[]).await.unwrap();
        (stage, blue)
    }

    async fn until_in_flight(&mut self, containers: &[String], wanted: u32) {
        let what = format!("{wanted} in flight");
        eventually(&what, SOON, async || {
            (self.traffic.in_flight(containers).await == Some(wanted)).then_some(())
        })
        .await;
    }

    /// One is in flight from now on until the request has its whole answer, and then none is.
    async fn in_flight_until_answered(
        &mut self,
        containers: &[String],
        request: JoinHandle<Answer>,
    ) {
        self.until_in_flight(containers, 1).await;
        let mut zero = None;
        let looked = eventually("nothing in flight", SOON, async || {
            let in_flight = self.traffic.in_flight(containers).await;
            zero = Some(Instant::now());
            (in_flight == Some(0)).then_some(())
        });
        looked.await;
        let answer = request.await.unwrap();
        assert!(answer.is_success(), "{answer:?}");
        let early = zero.and_then(|zero| (answer.at + answer.took).checked_duration_since(zero));
        assert_eq!(
            early.filter(|early| !early.is_zero()),
            None,
            "taken for answered too early"
        );
    }

    /// What every look says for this long.
    async fn always_in_flight(
        &mut self,
        containers: &[String],
        is_right: impl Fn(u32) -> bool,
        during: Duration,
    ) {
        let end = Instant::now() + during;
        while Instant::now() < end {
            let in_flight = self.traffic.in_flight(containers).await;
            assert!(in_flight.is_some_and(&is_right), "{in_flight:?}");
        }
    }
}

#[tokio::test]
async fn idle_connections_are_not_in_flight() {
    let (mut stage, blue) = Stage::blue_only("idle").await;
    let running = stage.project.traffic().keep_alive().start();
    some_traffic(&running, 50).await;
    running.stop().await.assert_none_failed();
    stage.until_in_flight(&blue, 0).await;
    let report = stage.traffic.report(&blue[0]).await.unwrap();
    assert!(
        report.connections > 0,
        "Traefik keeps a connection: {report:?}"
    );
    assert!(
        report.accepted > 0 && report.received > 0 && report.sent > 0,
        "{report:?}"
    );
    stage
        .always_in_flight(&blue, |count| count == 0, Duration::from_secs(2))
        .await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_request_is_in_flight_until_it_is_answered() {
    let (mut stage, blue) = Stage::blue_only("slow").await;
    // Connections that Traefik keeps: the slow request may come over one of them.
    let quick = stage.project.traffic().keep_alive().start();
    some_traffic(&quick, 50).await;
    quick.stop().await.assert_none_failed();
    stage.until_in_flight(&blue, 0).await;

    let slow = stage.project.traffic().path("/slow?ms=4000");
    let request = tokio::spawn(async move { slow.once().await });
    stage.in_flight_until_answered(&blue, request).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_requests_right_behind_others_on_one_connection_are_in_flight() {
    let (mut stage, blue) = Stage::blue_only("behind").await;
    for _ in 0..5 {
        // In the same tick of the kernel's clock as the answer before it.
        let quick = stage
            .project
            .traffic()
            .keep_alive()
            .every(Duration::from_millis(1))
            .start();
        some_traffic(&quick, 60).await;
        let slow = stage.project.traffic().path("/slow?ms=3000");
        let request = tokio::spawn(async move { slow.once().await });
        some_traffic(&quick, 60).await;
        quick.stop().await.assert_none_failed();
        stage.in_flight_until_answered(&blue, request).await;
    }
    stage.traffic.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_in_flight_from_its_first_piece_to_its_last() {
    let (mut stage, blue) = Stage::blue_only("stream").await;
    let stream = |stage: &Stage| {
        let stream = stage.project.traffic().path("/stream?ms=700&chunks=5");
        tokio::spawn(async move { stream.once().await })
    };
    // From the first one the sidecar learns how long this service pauses.
    assert!(stream(&stage).await.unwrap().is_success());
    stage.until_in_flight(&blue, 0).await;
    let request = stream(&stage);
    stage.in_flight_until_answered(&blue, request).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_web_socket_is_in_flight_until_it_is_closed() {
    let (mut stage, blue) = Stage::blue_only("socket").await;
    let mut echo = Echo::open(&stage.project.url("/ws")).await;
    for text in ["one", "two"] {
        // A message of its own, and not in one sample with the request before it.
        stage.traffic.report(&blue[0]).await.unwrap();
        stage.traffic.report(&blue[0]).await.unwrap();
        assert_eq!(echo.say(text).await.unwrap().as_deref(), Some(text));
        // Other connections are held as well while it is not known how long this service pauses.
        stage
            .always_in_flight(&blue, |count| count > 0, Duration::from_secs(2))
            .await;
    }
    drop(echo);
    stage.until_in_flight(&blue, 0).await;
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn what_is_in_flight_is_counted_without_traefik_too() {
    let project = Project::up(Template::named("unsteered").no_traefik().no_router()).await;
    let survey = look(&project).await;
    assert!(
        matches!(survey.plan, TrafficPlan::Unsteered { .. }),
        "{:?}",
        survey.plan
    );
    let blue = vec![project.containers("hello").await[0].id.clone()];
    let mut traffic = Traffic::new(project.docker().clone(), survey, project.name(), &[]);
    traffic.shift(&blue, &[], 0).await.unwrap();
    assert_eq!(traffic.in_flight(&blue).await, Some(0));
    traffic.release().await.unwrap();
    assert_eq!(traffic.in_flight(&["0123456789ab".to_owned()]).await, None);
}
