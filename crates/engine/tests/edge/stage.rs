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

impl Stage {
    /// `hello` at a host port of its own, without Traefik, as people write it.
    pub(crate) async fn up(template: Template, text: impl Fn(&str) -> String) -> Self {
        let mut project = Project::new(template.no_traefik()).await;
        let port = port(&project);
        project.change(|template| template.service_text(&text(&port)));
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

    /// The project as a person opens it: by its folder, with the override in it.
    pub(crate) fn source(&self) -> ProjectSource {
        ProjectSource {
            files: vec![self.project.directory()],
            ..ProjectSource::default()
        }
    }

    pub(crate) fn port(&self) -> String {
        port(&self.project)
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

fn port(project: &Project) -> String {
    let url = project.url("");
    url.rsplit(':').next().unwrap().to_owned()
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

    /// No request of the live probe failed, and some were asked.
    pub(crate) fn assert_none_failed(&self) {
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
}
