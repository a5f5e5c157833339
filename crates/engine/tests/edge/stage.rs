//! A project whose service has a host port, and an edge to take it.

use std::{fs, time::Duration};

use teal_engine::{
    Engine, Rollout, Settings,
    event::{Event, EventKind, Outcome, Receipt},
    model::{LimitsChange, Origin, ProjectSource, RolloutOptions, RolloutRequest},
};
use teal_testkit::{Project, Template};

pub(crate) const SERVICE: &str = "hello";

pub(crate) struct Stage {
    pub(crate) project: Project,
    pub(crate) engine: Engine,
}

pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) receipt: Receipt,
    story: String,
}

/// A port of the edge and where it leads.
pub(crate) struct Port {
    service: &'static str,
    target: u16,
    protocol: &'static str,
    /// Before the colon of the host port.
    host_ip: &'static str,
}

impl Port {
    pub(crate) fn http(service: &'static str, target: u16) -> Self {
        Self {
            service,
            target,
            protocol: "http",
            host_ip: "127.0.0.1",
        }
    }
}

impl Stage {
    /// `hello` at a host port of its own, without Traefik, as people write it.
    pub(crate) async fn up(template: Template) -> Self {
        Self::with(template, |web, _| {
            format!("ports: [\"127.0.0.1:{web}:8080\"]")
        })
        .await
    }

    /// The text of `hello` is made with two host ports that nobody else has.
    pub(crate) async fn with(template: Template, text: impl Fn(&str, &str) -> String) -> Self {
        let mut project = Project::new(template.no_traefik()).await;
        let [web, api] = host_ports(&project);
        project.change(|template| template.service_text(&text(&web, &api)));
        project
            .compose_in_folder(&["up", "--detach", "--wait"])
            .await;
        let engine = Engine::connect(Settings {
            data_directory: Some(project.data_directory()),
            ..Settings::default()
        })
        .await
        .unwrap();
        Self { project, engine }
    }

    /// Writes an override with an edge that has the host ports in front of these, in turn.
    pub(crate) fn put_behind_an_edge(&self, ports: &[Port]) {
        let host_ports = host_ports(&self.project);
        let mut environment = String::new();
        let mut labels = String::new();
        let mut published = Vec::new();
        let mut routers = String::from(
            "    ping-0: {entryPoints: [teal], rule: 'Host(`127.0.0.1`) && Path(`/ping`)', service: ping@internal}\n",
        );
        let mut services = String::new();
        for (number, (port, host_port)) in ports.iter().zip(host_ports).enumerate() {
            let entry = 10_000 + number;
            let Port {
                service,
                target,
                protocol,
                host_ip,
            } = port;
            environment += &format!("      TRAEFIK_ENTRYPOINTS_E{entry}_ADDRESS: \":{entry}\"\n");
            labels += &format!("      dev.teal.edge.{entry}: {protocol} {service} {target}\n");
            published.push(format!("\"{host_ip}:{host_port}:{entry}\""));
            routers += &format!(
                "    r{entry}: {{entryPoints: [e{entry}], rule: PathPrefix(`/`), service: r{entry}}}\n"
            );
            services += &format!(
                "    r{entry}: {{loadBalancer: {{servers: [{{url: 'http://{service}:{target}'}}]}}}}\n"
            );
        }
        let published = published.join(", ");
        let text = format!(
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
    environment:
      TRAEFIK_PROVIDERS_FILE_DIRECTORY: /etc/teal
      TRAEFIK_PROVIDERS_PROVIDERSTHROTTLEDURATION: 100ms
      TRAEFIK_PING: "true"
      TRAEFIK_PING_MANUALROUTING: "true"
      TRAEFIK_ENTRYPOINTS_TEAL_ADDRESS: ":9999"
{environment}    ports: [{published}]
    labels:
      dev.teal.role: edge
{labels}    volumes:
      - teal-edge:/etc/teal
      - ./teal-edge.yaml:/etc/teal/baseline.yaml:ro
volumes:
  teal-edge: {{}}
"#
        );
        self.write("compose.override.yaml", &text);
        let baseline = format!("http:\n  routers:\n{routers}  services:\n{services}");
        self.write("teal-edge.yaml", &baseline);
    }

    /// The project as a person opens it: by its folder, with the override in it.
    pub(crate) fn source(&self) -> ProjectSource {
        ProjectSource {
            files: vec![self.project.directory()],
            ..ProjectSource::default()
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.project.directory().join(name), text).unwrap();
    }

    pub(crate) fn request(&self, memory: &str) -> RolloutRequest {
        RolloutRequest {
            source: self.source(),
            service: SERVICE.to_owned(),
            change: LimitsChange {
                cpus: None,
                memory: Some(memory.parse().unwrap()),
            },
            options: quick(),
            origin: Origin::Terminal,
            to_revision: None,
            limits_from_file: false,
            recreate: false,
        }
    }

    pub(crate) async fn deploy(&self, memory: &str) -> Ended {
        self.roll_out(self.request(memory)).await
    }

    pub(crate) async fn roll_out(&self, request: RolloutRequest) -> Ended {
        follow(&self.engine.roll_out(request).await.unwrap()).await
    }
}

fn host_ports(project: &Project) -> [String; 2] {
    [project.url(""), project.api_url("")].map(|url| url.rsplit(':').next().unwrap().to_owned())
}

fn quick() -> RolloutOptions {
    RolloutOptions {
        health_timeout_ms: 60_000,
        poll_interval_ms: 200,
        drain_timeout_ms: 10_000,
        answers: 5,
        ..RolloutOptions::default()
    }
}

pub(crate) async fn follow(rollout: &Rollout) -> Ended {
    let events = async {
        let mut events: Vec<Event> = Vec::new();
        let mut coming = rollout.events();
        while let Some(event) = coming.next().await {
            events.push(event);
        }
        events
    };
    let events = tokio::time::timeout(Duration::from_secs(180), events)
        .await
        .expect("every rollout ends");
    let story = events
        .iter()
        .map(|event| format!("{:>6} {:?}\n", event.elapsed_ms, event.kind))
        .filter(|line| !line.contains("Planned"))
        .collect();
    let receipt = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Ended { receipt, .. } => receipt.clone(),
        _ => None,
    });
    Ended {
        outcome: rollout.outcome().await,
        receipt: receipt.unwrap_or_default(),
        story,
    }
}

impl Ended {
    pub(crate) fn assert_outcome(&self, outcome: Outcome) {
        assert_eq!(self.outcome, outcome, "{}", self.story);
    }

    /// It succeeded, and the live probe asked and had no failure.
    pub(crate) fn assert_success_without_failure(&self) {
        self.assert_outcome(Outcome::Success);
        let Receipt {
            requests, failed, ..
        } = self.receipt;
        assert!(
            requests > 0 && failed == 0,
            "{:?}\n{}",
            self.receipt,
            self.story
        );
    }

    /// What failed did so in one row.
    pub(crate) fn assert_one_gap(&self) {
        let Receipt {
            requests,
            failed,
            worst_gap_ms,
            ..
        } = self.receipt;
        println!("the gap of the handover: {worst_gap_ms:.0} ms, {failed} of {requests} failed");
        assert!(requests > failed, "{}", self.story);
    }
}
