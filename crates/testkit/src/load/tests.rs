//! Each way of failing is told from the others, by a server that fails in all of them.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const GOOD: &str = "HTTP/1.1 200 OK\r\nx-hello-id: abc\r\ncontent-length: 3\r\n\r\nhi\n";

/// Answers the first request of each connection with these bytes and closes it.
async fn server(answer: impl Into<String>) -> SocketAddr {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            if matches!(stream.read(&mut request).await, Ok(1..)) {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    address
}

/// One request of this kind.
async fn one(address: SocketAddr, kind: Kind) -> LoadReport {
    let mut load = Load::to(&format!("http://{address}/")).at_most_requests(1);
    load.shares = [Share::long(kind, 1, Duration::from_secs(1)); 5];
    load.start("only").stop_at_bound().await
}

impl RunningLoad {
    async fn stop_at_bound(self) -> LoadReport {
        crate::eventually(
            "the bound is reached",
            Duration::from_secs(20),
            async || self.work.has_ended().then_some(()),
        )
        .await;
        self.stop().await
    }
}

async fn cause(answer: &str, kind: Kind) -> Cause {
    let report = one(server(answer).await, kind).await;
    assert_eq!(report.count(kind), (1, 1), "{report}");
    report.failures[0].cause
}

#[tokio::test]
async fn the_ways_of_failing_are_told_apart() {
    let closed = crate::ports::Port::lease();
    let nobody = SocketAddr::from(([127, 0, 0, 1], closed.number));
    let report = one(nobody, Kind::NewConnection).await;
    assert_eq!(report.failures[0].cause, Cause::Connection, "{report}");

    assert_eq!(cause("", Kind::KeepAlive).await, Cause::NoAnswer);
    let bad = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(cause(bad, Kind::NewConnection).await, Cause::Status);
    let short = GOOD.replace("length: 3", "length: 9");
    assert_eq!(cause(&short, Kind::NewConnection).await, Cause::Truncated);
    // Complete as HTTP, but not to the last chunk.
    assert_eq!(cause(GOOD, Kind::Stream).await, Cause::Truncated);
    assert_eq!(cause(bad, Kind::WebSocket).await, Cause::Status);
    assert_eq!(cause("", Kind::WebSocket).await, Cause::NoAnswer);
}

#[tokio::test]
async fn a_good_answer_is_counted_with_who_gave_it() {
    let report = one(server(GOOD).await, Kind::NewConnection).await;
    assert_eq!(report.count(Kind::NewConnection), (1, 0), "{report}");
    assert!(report.ended_early);
    assert_eq!(report.containers["abc"].answers, 1);
    let tally = &report.windows["only"][&Kind::NewConnection];
    let answers: u64 = tally.latencies.iter().map(|(_, count)| count).sum();
    assert_eq!(answers, 1);
}

#[tokio::test]
async fn a_window_holds_what_ends_in_it() {
    let address = server(GOOD).await;
    let load = Load::to(&format!("http://{address}/")).start("first");
    let some = Duration::from_secs(10);
    let until = async |window: &str| {
        crate::eventually("a request of the window", some, async || {
            let report = load.so_far();
            let window = report.windows.get(window)?;
            (window.get(&Kind::NewConnection)?.total > 0).then_some(())
        })
        .await;
    };
    until("first").await;
    load.mark("second");
    until("second").await;
    load.stop().await;
}

#[test]
#[should_panic(expected = "this machine alone")]
fn load_stays_on_this_machine() {
    Load::to("http://192.0.2.1:80/");
}
