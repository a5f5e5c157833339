//! A project whose service has a host port, and an edge to take it.

use std::time::Duration;

use teal_engine::{
    Engine, Rollout, Settings,
    event::{Event, EventKind, Outcome, Receipt},
    model::{
        Level, LimitsChange, Origin, Place, ProjectSource, ReadyPlan, ReadyRequest, RolloutOptions,
        RolloutRequest, Service,
    },
};
use teal_testkit::{Project, Template, eventually};

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

impl Stage {
    /// `hello` at a host port of its own, without Traefik, as people write it.
    pub(crate) async fn up(template: Template) -> Self {
        Self::with(template, |web, _| {
            format!("ports: [\"127.0.0.1:{web}:8080\"]")
        })
        .await
    }

    /// The text of `hello` is made with two host ports that nobody else has.
    pub(crate) async fn with(
        template: Template,
        mut text: impl FnMut(&str, &str) -> String,
    ) -> Self {
        let mut project = Project::new(template.no_traefik()).await;
        let [web, api] = host_ports(&project);
        let text = text(&web, &api);
        project.change(|template| template.service_text(&text));
        Self::of(project).await
    }

    /// A setup of the field, as plain `docker compose up` starts it.
    pub(crate) async fn fixture(name: &str) -> Self {
        Self::of(Project::new(Template::fixture(name)).await).await
    }

    async fn of(project: Project) -> Self {
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

    /// What would make `service` ready, with the edge of the image that is there.
    pub(crate) fn ready_request(&self, service: &str) -> ReadyRequest {
        ReadyRequest {
            source: self.source(),
            service: service.to_owned(),
            place: Place::Override,
            fixes: None,
            health: None,
            edge_image: Some(teal_testkit::TRAEFIK.to_owned()),
        }
    }

    /// Makes `service` ready by the changes that are shown first.
    pub(crate) async fn make_ready(&self, service: &str) -> ReadyPlan {
        let request = self.ready_request(service);
        let plan = self.engine.make_ready(&request).await.unwrap();
        let in_the_way: Vec<_> = plan
            .verdicts_after
            .iter()
            .filter(|verdict| verdict.level != Level::Warning)
            .collect();
        assert!(in_the_way.is_empty(), "{in_the_way:?}");
        self.engine.apply_ready(&request, &plan.id).await.unwrap()
    }

    /// The project as a person opens it: by its folder, with the override in it.
    pub(crate) fn source(&self) -> ProjectSource {
        ProjectSource {
            files: vec![self.project.directory()],
            ..ProjectSource::default()
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.project.directory().join(name), text).unwrap();
    }

    pub(crate) fn host_ports(&self) -> [String; 2] {
        host_ports(&self.project)
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

    /// Back to the limits before.
    pub(crate) async fn roll_back(&self) -> Ended {
        let (source, origin) = (self.source(), Origin::Terminal);
        let request = self
            .engine
            .rollback_request(&source, SERVICE, None, quick(), origin)
            .await
            .unwrap();
        self.roll_out(request).await
    }

    /// Requests are answered at the first host port.
    pub(crate) async fn until_answered(&self) {
        let traffic = self.project.traffic();
        eventually("an answer", Duration::from_secs(10), async || {
            traffic.once().await.is_success().then_some(())
        })
        .await;
    }

    /// The service as the project shows it.
    pub(crate) async fn service(&self, name: &str) -> Service {
        let project = self.engine.project(&self.source()).await.unwrap();
        let mut services = project.services.into_iter();
        services.find(|service| service.name == name).unwrap()
    }

    /// The host port that leads to port 8080 of `hello` now.
    pub(crate) async fn published(&self) -> u16 {
        let said = self
            .project
            .compose_in_folder(&["port", SERVICE, "8080"])
            .await;
        said.trim().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Plain `docker compose up` leaves the edge as it is.
    pub(crate) async fn assert_settled(&self) {
        let before = self.project.containers("teal-edge").await;
        self.project
            .compose_in_folder(&["up", "--detach", "--no-deps", "teal-edge"])
            .await;
        let after = self.project.containers("teal-edge").await;
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].id, after[0].id);
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
        health_timeout_ms: Some(60_000),
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
