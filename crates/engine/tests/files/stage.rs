//! A project that somebody runs with plain `docker compose up` in its folder.

use std::{collections::BTreeMap, fs};

use teal_engine::{
    Engine, Rollout, Settings,
    event::Outcome,
    model::{LimitsChange, Origin, ProjectSource, RolloutOptions, RolloutRequest, Service},
};
use teal_testkit::{Project, Template};
use tokio::process::Command;

pub(crate) const SERVICE: &str = "hello";

pub(crate) struct Stage {
    pub(crate) project: Project,
    pub(crate) engine: Engine,
}

impl Stage {
    pub(crate) async fn up(template: Template) -> Self {
        Self::of(Project::up(template).await).await
    }

    pub(crate) async fn of(project: Project) -> Self {
        let engine = Engine::connect(Settings {
            data_directory: Some(project.data_directory()),
            ..Settings::default()
        })
        .await
        .expect("the engine answers");
        Self { project, engine }
    }

    /// The project as Compose finds it in its folder.
    pub(crate) fn source(&self) -> ProjectSource {
        ProjectSource {
            files: vec![self.project.directory()],
            ..ProjectSource::default()
        }
    }

    pub(crate) async fn service(&self) -> Service {
        let project = self.engine.project(&self.source()).await.unwrap();
        let mut services = project.services.into_iter();
        services.find(|service| service.name == SERVICE).unwrap()
    }

    /// `docker compose` in the folder, with no file named: the user's usual command.
    pub(crate) async fn plain(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(["compose", "--ansi", "never", "--progress", "plain"])
            .args(arguments)
            .current_dir(self.project.directory())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        format!("{}{said}", String::from_utf8_lossy(&output.stdout))
    }

    pub(crate) async fn ids(&self) -> Vec<String> {
        let containers = self.project.containers(SERVICE).await;
        containers
            .into_iter()
            .map(|container| container.id)
            .collect()
    }

    pub(crate) async fn roll_out(&self, cpus: &str, memory: &str) -> Outcome {
        self.start(cpus, memory).await.outcome().await
    }

    pub(crate) async fn start(&self, cpus: &str, memory: &str) -> Rollout {
        self.start_with(cpus, memory, 60_000).await
    }

    /// A rollout that waits this long for Green.
    pub(crate) async fn start_with(&self, cpus: &str, memory: &str, wait_ms: u64) -> Rollout {
        let change = LimitsChange {
            cpus: Some(cpus.parse().unwrap()),
            memory: Some(memory.parse().unwrap()),
        };
        let request = self.request(change, wait_ms);
        self.engine.roll_out(request).await.unwrap()
    }

    /// Rolls out a change of the memory alone.
    pub(crate) async fn roll_out_memory(&self, memory: &str) -> Outcome {
        let change = LimitsChange {
            cpus: None,
            memory: Some(memory.parse().unwrap()),
        };
        let rollout = self.engine.roll_out(self.request(change, 60_000)).await;
        rollout.unwrap().outcome().await
    }

    /// What the files say now.
    pub(crate) fn for_the_files(&self) -> RolloutRequest {
        self.request(LimitsChange::default(), 60_000)
    }

    fn request(&self, change: LimitsChange, wait_ms: u64) -> RolloutRequest {
        RolloutRequest {
            source: self.source(),
            service: SERVICE.to_owned(),
            change,
            options: RolloutOptions {
                health_timeout_ms: Some(wait_ms),
                poll_interval_ms: 200,
                drain_timeout_ms: 10_000,
                answers: 5,
                ..RolloutOptions::default()
            },
            origin: Origin::Terminal,
            to_revision: None,
            limits_from_file: false,
            recreate: false,
        }
    }

    /// Whether another container of the project's network finds the service by this name.
    pub(crate) async fn resolves(&self, name: &str) -> bool {
        let image = teal_testkit::busybox(self.project.docker()).await;
        let network = format!("{}_default", self.project.name());
        let address = format!("http://{name}:8080/");
        let output = Command::new("docker")
            .args(["run", "--rm", "--network", &network, &image])
            .args(["wget", "-q", "-O", "/dev/null", &address])
            .output()
            .await
            .unwrap();
        output.status.success()
    }

    /// Every file of the folder with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.project.directory()).unwrap();
        let files = entries.map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        });
        files.collect()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.project.directory().join(name)).unwrap()
    }
}
