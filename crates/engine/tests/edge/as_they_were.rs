//! Requests reach a service behind the edge as they did before.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use teal_engine::event::Outcome;
use teal_testkit::Template;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stage::{SERVICE, Stage};

/// Paths that a router which cleans up would change, and encodings that it would refuse.
const PATHS: [&str; 10] = [
    "/request//a//b",
    "/request/x/../y",
    "/request/./z/.",
    "/request/https://example.com/a",
    "/request/a%2Fb",
    "/request/a%5Cb",
    "/request/a%3Bb;c",
    "/request/100%25",
    "/request/a%3Fb%23c",
    "/request/a?b=%2f&c=//",
];

/// Sends these bytes, and takes all that comes back.
async fn exchange(port: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn behind_the_edge(template: Template, image: &str) -> Stage {
    let stage = Stage::up(template).await;
    let mut request = stage.ready_request(SERVICE);
    request.edge_image = Some(image.to_owned());
    let plan = stage.engine.make_ready(&request).await.unwrap();
    stage.engine.apply_ready(&request, &plan.id).await.unwrap();
    stage.deploy("256M").await.assert_outcome(Outcome::Success);
    stage
}

async fn paths_are_passed_on_untouched(image: &str) {
    let stage = behind_the_edge(Template::named("edgepaths"), image).await;
    let [port, _] = stage.host_ports();
    for path in PATHS {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: Shop.example:99\r\nConnection: close\r\n\r\n");
        let answer = exchange(&port, &request).await;
        let first = format!("\r\n\r\nGET {path} HTTP/1.1\n");
        assert!(answer.contains(&first), "{path}: {answer}");
        assert!(answer.contains("\nhost: Shop.example:99\n"), "{answer}");
    }
}

#[tokio::test]
async fn paths_are_passed_on_untouched_by_the_newest() {
    paths_are_passed_on_untouched(teal_testkit::TRAEFIK).await;
}

#[tokio::test]
async fn paths_are_passed_on_untouched_by_the_oldest() {
    paths_are_passed_on_untouched(teal_testkit::OLDEST_TRAEFIK).await;
}

#[tokio::test]
async fn a_service_that_drops_idle_connections_gets_no_request_on_one() {
    let template = Template::named("edgeidle").environment("KEEP_ALIVE_MS", "2000");
    let stage = behind_the_edge(template, teal_testkit::TRAEFIK).await;
    let [port, _] = stage.host_ports();
    let request = "POST /request/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    for _ in 0..3 {
        let burst = (0..10).map(|_| exchange(&port, request));
        for answer in futures_util::future::join_all(burst).await {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        // Longer than the service keeps a connection that nobody uses.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
}

/// A request by HTTP/2 without TLS, as clients make it that know of it before: the first frame with
/// headers that comes back.
async fn by_http_2(port: &str, content_type: &str) -> Vec<u8> {
    let mut headers = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        headers.extend_from_slice(name);
        headers.push(u8::try_from(value.len()).unwrap());
        headers.extend_from_slice(value.as_bytes());
    };
    // Names by their number in the static table: `:path`, `:authority`, `content-type`.
    literal(&[0x04], "/ping");
    literal(&[0x01], "localhost");
    literal(&[0x0f, 0x10], content_type);
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, u8::try_from(headers.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    bytes.extend(headers);
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .unwrap();
    stream.write_all(&bytes).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == 1 {
            return payload;
        }
    }
}

/// What the service logged of requests, as `METHOD PROTOCOL`.
fn logged(container: &str) -> Vec<String> {
    let output = Command::new("docker")
        .args(["logs", container])
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let entries = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    entries
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("RequestMethod"), text("RequestProtocol"))
        })
        .collect()
}

/// Builds an image of a server that speaks HTTP/1.1 and HTTP/2: Traefik's program by another name, since
/// by its own it would be taken for what it is.
fn server_of_both_protocols() {
    const DOCKERFILE: &str =
        "FROM scratch\nCOPY --from=from /usr/local/bin/traefik /server\nENTRYPOINT [\"/server\"]\n";
    let mut build = Command::new("docker")
        .args(["build", "--quiet", "--tag", "teal-testkit/h2c:1", "-"])
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("FROM {} AS from\n{DOCKERFILE}", teal_testkit::TRAEFIK);
    build
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(build.wait().unwrap().success());
}

#[tokio::test]
async fn what_needs_http_2_gets_there_by_it() {
    server_of_both_protocols();
    let stage = Stage::fixture("h2c").await;
    let plan = stage.make_ready(SERVICE).await;
    let note = plan.fixes[0].note.clone().unwrap();
    assert!(note.contains("HTTP/2"), "{note}");
    stage.deploy("300M").await.assert_outcome(Outcome::Success);
    stage.deploy("320M").await.assert_outcome(Outcome::Success);
    let [port, _] = stage.host_ports();
    let green = &stage.project.containers(SERVICE).await[0];
    // `:status: 200` is 8 in the static table.
    assert_eq!(by_http_2(&port, "application/grpc").await[0], 0x88);
    teal_testkit::eventually(
        "the request in the log",
        Duration::from_secs(10),
        async || {
            logged(&green.id)
                .contains(&"POST HTTP/2.0".to_owned())
                .then_some(())
        },
    )
    .await;
    assert_eq!(by_http_2(&port, "text/plain").await[0], 0x88);
    teal_testkit::eventually(
        "the request in the log",
        Duration::from_secs(10),
        async || {
            logged(&green.id)
                .contains(&"POST HTTP/1.1".to_owned())
                .then_some(())
        },
    )
    .await;
}
