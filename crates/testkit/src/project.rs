//! A Compose project that belongs to one test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Output,
    thread,
    time::Duration,
};

use bollard::Docker;
use teal_engine::model::ProjectSource;
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use crate::{
    Container, Load, Snapshot, Template, Traffic, containers, eventually, image, ports::Port,
    teardown, template::Place,
};

const SERVED_WITHIN: Duration = Duration::from_secs(20);
const COMPOSE_FILE: &str = "compose.yaml";

/// A project on the real engine with a name, a directory and host ports of its own. Dropping it
/// removes all of it.
#[derive(Debug)]
pub struct Project {
    name: String,
    template: Template,
    directory: TempDir,
    docker: Docker,
    image: String,
    web: Port,
    api: Port,
}

impl Project {
    /// Writes the project's files; nothing runs yet.
    pub async fn new(template: Template) -> Self {
        let docker = crate::docker().await;
        let id = Uuid::new_v4().simple().to_string();
        let project = Self {
            name: format!("testkit-{}-{}", template.name, &id[..8]),
            directory: tempfile::Builder::new()
                .prefix("teal-testkit-")
                .tempdir()
                .expect("a temporary directory can be made"),
            image: image::hello(&docker).await,
            docker,
            web: Port::lease(),
            api: Port::lease(),
            template,
        };
        match &project.template.fixture {
            Some(fixture) => copy_folder(fixture, &project.directory()),
            None => fs::create_dir(project.directory()).expect("a directory can be made"),
        }
        project.write_compose_file();
        project
    }

    /// Writes the project's files, starts it and waits until it is healthy and Traefik serves it.
    ///
    /// # Panics
    /// The project does not start.
    pub async fn up(template: Template) -> Self {
        let project = Self::new(template).await;
        project.compose(&["up", "--detach", "--wait"]).await;
        if project.template.is_routed() {
            project.until_served().await;
        }
        project
    }

    /// Waits until each container of `hello` has answered through Traefik.
    async fn until_served(&self) {
        let traffic = self.traffic();
        let mut silent = self.containers("hello").await;
        eventually("Traefik serves all of `hello`", SERVED_WITHIN, async || {
            let answer = traffic.once().await;
            if answer.is_success() {
                let by = answer.container.unwrap_or_default();
                silent.retain(|container| !container.id.starts_with(&by));
            }
            silent.is_empty().then_some(())
        })
        .await;
    }

    /// Unique on this machine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the compose file is; files written here belong to the project.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// A directory for the data of the Teal under test, outside of the project's own.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub fn compose_file(&self) -> PathBuf {
        self.directory().join(COMPOSE_FILE)
    }

    /// How Teal opens it.
    pub fn source(&self) -> ProjectSource {
        ProjectSource {
            files: vec![self.compose_file()],
            ..ProjectSource::default()
        }
    }

    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The image of `hello` in its compose file.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// A path at Traefik's published entry point: `/` and what follows.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.web.number)
    }

    /// A path at Traefik's published API: `/api/http/routers`.
    pub fn api_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.api.number)
    }

    /// Requests to `hello` through Traefik, to be started.
    pub fn traffic(&self) -> Traffic {
        let mut traffic = Traffic::to(&self.url("/"));
        if let Some((name, value)) = &self.template.request_header {
            traffic = traffic.header(name, value);
        }
        match self.template.host() {
            Some(host) => traffic.host(host),
            None => traffic,
        }
    }

    /// All kinds of requests at once to `hello` through Traefik, to be started.
    pub fn load(&self) -> Load {
        let load = Load::to(&self.url("/"));
        match self.template.host() {
            Some(host) => load.host(host),
            None => load,
        }
    }

    /// Changes the compose file and nothing else: what runs goes on as it is, and what is created
    /// from now on is as the changed file says. This is how a test makes only Green fail.
    pub fn change(&mut self, change: impl FnOnce(Template) -> Template) {
        self.template = change(self.template.clone());
        self.write_compose_file();
    }

    fn write_compose_file(&self) {
        let text = self.template.compose_text(&Place {
            project: &self.name,
            image: &self.image,
            web_port: self.web.number,
            api_port: self.api.number,
        });
        fs::write(self.compose_file(), text).expect("the compose file can be written");
    }

    /// All its containers, stopped ones and those not made by Compose too, by name.
    pub async fn all_containers(&self) -> Vec<Container> {
        containers::of_project(&self.docker, &self.name).await
    }

    /// The containers of one service, by name.
    pub async fn containers(&self, service: &str) -> Vec<Container> {
        let mut containers = self.all_containers().await;
        containers.retain(|container| container.service.as_deref() == Some(service));
        containers
    }

    /// What there is of the project now.
    pub async fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.docker, &self.name, &self.directory()).await
    }

    /// Runs `docker compose` with the project's file and returns what it printed.
    ///
    /// # Panics
    /// It fails.
    pub async fn compose(&self, arguments: &[&str]) -> String {
        let output = self.try_compose(arguments).await;
        assert!(
            output.status.success(),
            "`docker compose {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `docker compose` in the project's folder, as people do: with the override that Compose
    /// finds there.
    ///
    /// # Panics
    /// It fails.
    pub async fn compose_in_folder(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(["compose", "--ansi", "never", "--progress", "plain"])
            .args(arguments)
            .current_dir(self.directory())
            .output()
            .await
            .expect("`docker` can be run; `cargo xtask setup` installs it");
        assert!(
            output.status.success(),
            "`docker compose {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `docker compose` with the project's file.
    pub async fn try_compose(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .args([
                "compose",
                "--ansi",
                "never",
                "--progress",
                "plain",
                "--file",
            ])
            .arg(self.compose_file())
            .args(arguments)
            .output()
            .await
            .expect("`docker` can be run; `cargo xtask setup` installs it")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let failed = thread::panicking();
        let keep = failed && env::var("KEEP_FAILED").is_ok_and(|value| value == "1");
        if keep {
            self.directory.disable_cleanup(true);
        }
        let name = self.name.clone();
        // A thread and a client of its own: this one may be inside of a runtime, and the client
        // belongs to that.
        let end = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built");
            runtime.block_on(async {
                let docker = crate::docker().await;
                if failed {
                    tell(&teardown::account(&docker, &name).await);
                }
                if !keep {
                    teardown::remove_all(&docker, &name).await;
                }
            });
        })
        .join();
        if keep {
            tell(&format!("kept, in {}", self.directory.path().display()));
        }
        assert!(
            end.is_ok() || failed,
            "project `{}` is not removed",
            self.name
        );
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory can be made");
    let entries = fs::read_dir(from)
        .unwrap_or_else(|error| panic!("{} can't be read: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("a fixture's folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a fixture's file can be copied");
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test's account")]
fn tell(text: &str) {
    eprintln!("{text}");
}
