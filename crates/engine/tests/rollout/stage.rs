//! What every test of a rollout needs: a project, an engine, traffic, and what must hold at the end.

use std::time::Duration;

use teal_engine::{
    Engine, OVERRIDE_FILE, Result, Rollout, Settings,
    event::{Event, EventKind, Failure, Outcome, Phase, Receipt},
    model::{Cpus, Limits, LimitsChange, Memory, Origin, RolloutOptions, RolloutRequest},
};
use teal_testkit::{Container, Project, Report, RunningTraffic, Snapshot, Template, Traffic};

pub(crate) const SERVICE: &str = "hello";
/// When a container ended that has not ended yet, in the engine's words.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A project that is up, with traffic on it, as it was before the rollout.
pub(crate) struct Stage {
    pub(crate) project: Project,
    pub(crate) engine: Engine,
    pub(crate) before: Snapshot,
    pub(crate) blue: Vec<Container>,
    traffic: RunningTraffic,
}

/// A rollout that has ended.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn change(cpus: Option<&str>, memory: Option<&str>) -> LimitsChange {
    LimitsChange {
        cpus: cpus.map(|cpus| cpus.parse().unwrap()),
        memory: memory.map(|memory| memory.parse().unwrap()),
    }
}

pub(crate) fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse::<Cpus>().unwrap()),
        memory: Some(memory.parse::<Memory>().unwrap()),
    }
}

/// The defaults with intervals that suit a test.
pub(crate) fn quick() -> RolloutOptions {
    RolloutOptions {
        health_timeout_ms: Some(60_000),
        poll_interval_ms: 200,
        drain_timeout_ms: 10_000,
        answers: 5,
        ..RolloutOptions::default()
    }
}

pub(crate) async fn engine(project: &Project) -> Engine {
    Engine::connect(Settings {
        data_directory: Some(project.data_directory()),
        ..Settings::default()
    })
    .await
    .expect("the engine answers")
}

/// A rollout of the service of a project, for those without a stage.
pub(crate) fn request(
    project: &Project,
    change: LimitsChange,
    options: RolloutOptions,
) -> RolloutRequest {
    RolloutRequest {
        source: project.source(),
        service: SERVICE.to_owned(),
        change,
        options,
        origin: Origin::Terminal,
        to_revision: None,
        limits_from_file: false,
        recreate: false,
    }
}

impl Stage {
    pub(crate) async fn up(template: Template) -> Self {
        Self::of(Project::up(template).await).await
    }

    pub(crate) async fn of(project: Project) -> Self {
        let traffic = project.traffic();
        Self::with(project, traffic).await
    }

    /// With requests of a test's own.
    pub(crate) async fn with(project: Project, traffic: Traffic) -> Self {
        let engine = engine(&project).await;
        Self {
            before: project.snapshot().await,
            blue: project.containers(SERVICE).await,
            traffic: traffic.start(),
            engine,
            project,
        }
    }

    pub(crate) fn request(&self, change: LimitsChange, options: RolloutOptions) -> RolloutRequest {
        request(&self.project, change, options)
    }

    pub(crate) async fn start(
        &self,
        change: LimitsChange,
        options: RolloutOptions,
    ) -> Result<Rollout> {
        self.engine.roll_out(self.request(change, options)).await
    }

    /// Connects once more, so that a call to the engine may take as long as this.
    pub(crate) async fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.engine = Engine::connect(Settings {
            data_directory: Some(self.project.data_directory()),
            request_timeout: Some(timeout),
            ..Settings::default()
        })
        .await
        .expect("the engine answers");
        self
    }

    /// Begins a rollout on a runtime of its own, and lets that go at an event: nothing of the
    /// rollout runs any further, as after a `kill -9`. Panics where it ends before.
    pub(crate) fn kill_at(
        &self,
        request: RolloutRequest,
        mut is_time: impl FnMut(&Event) -> bool + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let settings = Settings {
            data_directory: Some(self.project.data_directory()),
            ..Settings::default()
        };
        let live = move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let engine = Engine::connect(settings).await.unwrap();
                let rollout = engine.roll_out(request).await.unwrap();
                let mut events = rollout.events();
                while let Some(event) = events.next().await {
                    if is_time(&event) {
                        return;
                    }
                }
                panic!("it ended before it was killed");
            });
        };
        tokio::task::spawn_blocking(move || std::thread::spawn(live).join().unwrap())
    }

    /// A rollout from its start to its end.
    pub(crate) async fn roll_out(&self, change: LimitsChange, options: RolloutOptions) -> Ended {
        let rollout = self.start(change, options).await.expect("it starts");
        follow(&rollout, |_| ()).await
    }

    /// Whether a container has run all along since it was made.
    pub(crate) async fn was_never_stopped(&self, id: &str) -> bool {
        let docker = self.project.docker();
        let found = docker.inspect_container(id, None).await.unwrap();
        let state = found.state.unwrap();
        state.running == Some(true) && state.finished_at.as_deref() == Some(NEVER)
    }

    /// Stops the requests: the project, what it was before, and what became of them.
    pub(crate) async fn into_parts(self) -> (Project, Snapshot, Report) {
        (self.project, self.before, self.traffic.stop().await)
    }

    /// What has become of the requests so far.
    pub(crate) fn so_far(&self) -> Report {
        self.traffic.so_far()
    }

    /// How many requests have been answered, well or not.
    pub(crate) fn answered(&self) -> usize {
        self.traffic.so_far().total()
    }

    /// Nothing failed while the rollout ran, and everything is as it was before it.
    pub(crate) async fn assert_restored(self) {
        let report = self.traffic.stop().await;
        report.assert_none_failed();
        self.before.assert_unchanged(&self.project.snapshot().await);
    }

    /// Everything is as it was before the rollout.
    pub(crate) async fn assert_restored_but_for_answers(self) {
        let report = self.traffic.stop().await;
        assert!(report.total() > 0);
        self.before.assert_unchanged(&self.project.snapshot().await);
    }

    /// Nothing failed while the rollout ran; Green has these limits and Blue is gone; only the
    /// override is left of Teal.
    pub(crate) async fn assert_succeeded(self, wanted: Limits) -> (Project, Report) {
        let report = self.traffic.stop().await;
        report.assert_none_failed();
        let green = self.project.containers(SERVICE).await;
        assert_eq!(green.len(), self.blue.len());
        for container in &green {
            assert!(
                self.blue.iter().all(|blue| blue.id != container.id),
                "Blue is gone"
            );
            assert_eq!(container.cpus, wanted.cpus.map(Cpus::cores));
            assert_eq!(
                container.memory,
                wanted
                    .memory
                    .map(|memory| i64::try_from(memory.bytes()).unwrap())
            );
            assert!(
                report.from_container(&container.id) > 0,
                "Green answered: {report}"
            );
        }
        let after = self.project.snapshot().await;
        self.before.assert_same_but_for(&after, &[OVERRIDE_FILE]);
        let file = self.project.compose_file();
        let override_file = file.with_file_name(OVERRIDE_FILE);
        let replicas = format!("{SERVICE}={}", green.len());
        let (file, override_file) = (
            file.display().to_string(),
            override_file.display().to_string(),
        );
        self.project
            .compose(&[
                "-f",
                &file,
                "-f",
                &override_file,
                "up",
                "-d",
                "--scale",
                &replicas,
            ])
            .await;
        after.assert_unchanged(&self.project.snapshot().await);
        (self.project, report)
    }
}

/// All events to the end; `look` sees each one as it comes.
pub(crate) async fn follow(rollout: &Rollout, look: impl FnMut(&Event)) -> Ended {
    follow_within(Duration::from_secs(180), rollout, look).await
}

/// [`follow`], where a rollout may take as long as this.
pub(crate) async fn follow_within(
    long: Duration,
    rollout: &Rollout,
    mut look: impl FnMut(&Event),
) -> Ended {
    let next = async {
        let mut events = Vec::new();
        let mut coming = rollout.events();
        while let Some(event) = coming.next().await {
            look(&event);
            events.push(event);
        }
        events
    };
    let events = tokio::time::timeout(long, next)
        .await
        .expect("every rollout ends");
    Ended {
        outcome: rollout.outcome().await,
        events,
    }
}

impl Ended {
    pub(crate) fn failure(&self) -> &Failure {
        match &self.events.last().expect("there are events").kind {
            EventKind::Ended {
                failure: Some(failure),
                ..
            } => failure,
            other => panic!("the last event tells no failure: {other:?}"),
        }
    }

    pub(crate) fn receipt(&self) -> &Receipt {
        match &self.events.last().expect("there are events").kind {
            EventKind::Ended {
                receipt: Some(receipt),
                ..
            } => receipt,
            other => panic!("the last event has no receipt: {other:?}"),
        }
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Warning { text } => Some(text.as_str()),
            _ => None,
        });
        warnings.collect()
    }

    /// The phases that were started, in their order.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        let started = |event: &Event| match event.kind {
            EventKind::PhaseStarted { phase, .. } => Some(phase),
            _ => None,
        };
        self.events.iter().filter_map(started).collect()
    }

    /// The events, to be shown when a test fails.
    pub(crate) fn story(&self) -> String {
        self.events
            .iter()
            .map(|event| format!("{:>6} {:?}\n", event.elapsed_ms, event.kind))
            .filter(|line| !line.contains("Planned"))
            .collect()
    }

    pub(crate) fn assert_outcome(&self, outcome: Outcome) {
        assert_eq!(self.outcome, outcome, "{}", self.story());
    }
}
