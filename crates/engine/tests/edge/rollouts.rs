//! Rollouts behind the edge.

use teal_engine::event::Outcome;
use teal_testkit::Template;

use crate::stage::Stage;

#[tokio::test]
async fn a_port_is_handed_over_and_rollouts_behind_the_edge_fail_no_request() {
    let stage = Stage::up(Template::named("edge"), |port| {
        format!("ports: [\"127.0.0.1:{port}:8080\"]")
    })
    .await;
    let port = stage.port();
    stage.write(
        "compose.override.yaml",
        &format!(
            r#"services:
  hello:
    ports: !reset []
  teal-edge:
    image: traefik:v3.7
    user: "65534:65534"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    restart: unless-stopped
    command:
      - --global.checknewversion=false
      - --global.sendanonymoususage=false
      - --providers.file.directory=/etc/teal
      - --providers.providersthrottleduration=100ms
      - --ping=true
      - --ping.manualrouting=true
      - --entrypoints.teal.address=:9999
      - --entrypoints.e10000.address=:10000
    ports: ["127.0.0.1:{port}:10000"]
    labels:
      dev.teal.role: edge
      dev.teal.edge.10000: http hello 8080
    volumes:
      - teal-edge:/etc/teal
      - ./teal-edge.yaml:/etc/teal/baseline.yaml:ro
volumes:
  teal-edge: {{}}
"#
        ),
    );
    stage.write("teal-edge.yaml", "http:\n  routers:\n    hello-8080: {entryPoints: [e10000], rule: PathPrefix(`/`), service: hello-8080}\n    ping-0: {entryPoints: [teal], rule: Host(`127.0.0.1`) && Path(`/ping`), service: ping@internal}\n  services:\n    hello-8080: {loadBalancer: {servers: [{url: http://hello:8080}]}}\n");
    let ended = stage.deploy("256M").await;
    ended.assert_outcome(Outcome::Success);
    eprintln!("{:?}", ended.receipt);
    for memory in ["128M", "192M"] {
        let ended = stage.deploy(memory).await;
        ended.assert_outcome(Outcome::Success);
        ended.assert_none_failed();
        eprintln!("{:?}", ended.receipt);
    }
}
