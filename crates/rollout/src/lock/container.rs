//! A lock that everybody sees who uses the same engine: a container of a name that there can be but
//! once. It runs as long as its holder talks to it, so it is never a dead process's for long.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bollard::{
    Docker,
    container::AttachContainerResults,
    errors::Error as DockerError,
    models::{ContainerCreateBody, ContainerInspectResponse, HostConfig},
    query_parameters::{
        AttachContainerOptions, CreateContainerOptions, ListContainersOptions,
        RemoveContainerOptions,
    },
};
use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{holder::Holder, keeper::Keeper};
use teal_docker::{
    Missing, confined, container_label, ensure_image, failed, inspect, is_name, remove_image,
    teal_label,
};
use teal_model::{Error, Result};

/// The role of the container.
const LOCK: &str = "lock";
const HOLDER: &str = "dev.teal.holder";
/// Where the holder has its data, and so its file of the lock.
const PLACE: &str = "dev.teal.place";

/// How long the container of a process that died a moment ago may need to end.
const DYING: Duration = Duration::from_secs(3);
/// How long a container may be made and not started yet by a process that lives.
const STARTING: Duration = Duration::from_secs(10);
/// Between two looks.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// A lock that is held. Its container goes when it is dropped, as soon as the engine notices.
#[derive(Debug)]
pub(super) struct ContainerLock {
    docker: Docker,
    name: String,
    lost: CancellationToken,
    /// The rollout that it is held for, once there is a record of it.
    rollout: Arc<OnceLock<String>>,
    /// That it is to be let go.
    done: CancellationToken,
    keeper: AbortOnDropHandle<()>,
}

/// A container that runs, and the line to it.
pub(super) struct Held {
    pub(super) id: String,
    pub(super) line: AttachContainerResults,
}

/// What a lock is about.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) project: String,
    pub(super) service: String,
    place: String,
}

impl ContainerLock {
    /// Takes the lock; none on an engine that no helper of Teal's runs on.
    ///
    /// # Errors
    /// [`Error::Busy`] names who holds it.
    pub(super) async fn take(
        docker: &Docker,
        place: String,
        project: &str,
        service: &str,
    ) -> Result<Option<Self>> {
        let about = About {
            project: project.to_owned(),
            service: service.to_owned(),
            place,
        };
        let Some(held) = about.take(docker).await? else {
            return Ok(None);
        };
        let lost = CancellationToken::new();
        let name = about.name();
        let rollout = Arc::new(OnceLock::new());
        let done = CancellationToken::new();
        let keeper = Keeper {
            about,
            docker: docker.clone(),
            lost: lost.clone(),
            rollout: Arc::clone(&rollout),
            done: done.clone(),
        };
        let keeper = keeper.keep(held);
        Ok(Some(Self {
            docker: docker.clone(),
            name,
            lost,
            rollout,
            done,
            keeper: AbortOnDropHandle::new(tokio::spawn(keeper)),
        }))
    }

    /// Whether somebody holds the lock of a service. A holder with its data in `place` is known
    /// not to live.
    pub(super) async fn is_held(
        docker: &Docker,
        place: &str,
        project: &str,
        service: &str,
    ) -> Result<bool> {
        // A name that Compose has for no service would mean another path of the engine's API.
        if !is_name(project) || !is_name(service) {
            return Ok(false);
        }
        let found = inspect(docker, &name(project, service)).await?;
        Ok(found.is_some_and(|found| {
            State::of(&found) == State::Held && container_label(&found, PLACE) != Some(place)
        }))
    }

    /// From now on the lock is worth nothing without the record of this rollout.
    pub(super) fn is_for(&self, rollout: &str) {
        self.rollout.get_or_init(|| rollout.to_owned());
    }

    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Removes the container, and what nothing uses after it.
    pub(super) async fn release(self) -> Result<()> {
        let is_lost = self.lost.is_cancelled();
        // Not in the middle of taking it again, which would leave a container behind.
        self.done.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the keeper of the lock failed");
        }
        // Of one that was lost the name is somebody else's.
        if !is_lost {
            remove(&self.docker, &self.name, true).await?;
        }
        remove_image(&self.docker)
            .await
            .map_err(failed("remove the image of the lock"))
    }
}

impl About {
    pub(super) fn name(&self) -> String {
        name(&self.project, &self.service)
    }

    pub(super) async fn take(&self, docker: &Docker) -> Result<Option<Held>> {
        if !is_name(&self.project) || !is_name(&self.service) {
            return Ok(None);
        }
        let began = Instant::now();
        loop {
            let Some(created) = self.create(docker).await? else {
                return Ok(None);
            };
            if let Some(id) = created {
                // Whoever took it for one that nobody starts any more has removed it.
                match hold(docker, id).await {
                    Ok(Some(held)) => return Ok(Some(held)),
                    Ok(None) => {}
                    // An engine under load sometimes fails to start a container.
                    Err(error) if began.elapsed() < STARTING => {
                        tracing::warn!(%error, "the lock is made once more");
                    }
                    Err(error) => return Err(error),
                }
            } else {
                self.make_room(docker, began).await?;
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes the container. Within, `None` if there is one of its name; none at all on an engine
    /// that it does not run on.
    async fn create(&self, docker: &Docker) -> Result<Option<Option<String>>> {
        let image = ensure_image(docker)
            .await
            .map_err(failed("import the image of the lock"))?;
        let Some(image) = image else {
            return Ok(None);
        };
        let labels = [
            (teal_label::ROLE, LOCK),
            (teal_label::PROJECT, &self.project),
            (teal_label::SERVICE, &self.service),
            (HOLDER, &Holder::here().to_string()),
            (PLACE, &self.place),
            // Whatever Traefik's defaults are, this is not a server.
            ("traefik.enable", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let body = ContainerCreateBody {
            image: Some(image),
            cmd: Some(vec!["hold".to_owned()]),
            labels: Some(labels.into()),
            open_stdin: Some(true),
            stdin_once: Some(true),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            host_config: Some(HostConfig {
                auto_remove: Some(true),
                ..confined("none".to_owned())
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions {
            name: Some(self.name()),
            ..CreateContainerOptions::default()
        };
        match docker.create_container(Some(options), body).await {
            Ok(created) => Ok(Some(Some(created.id))),
            // The name is taken; or another rollout that ended took the image away.
            Err(DockerError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => Ok(Some(None)),
            Err(error) => Err(failed("make the lock")(error)),
        }
    }

    /// Removes the container that has the name, unless somebody holds it.
    async fn make_room(&self, docker: &Docker, began: Instant) -> Result<()> {
        let Some(found) = inspect(docker, &self.name()).await? else {
            return Ok(());
        };
        let id = found.id.clone().unwrap_or_default();
        match State::of(&found) {
            State::Held if began.elapsed() < DYING => Ok(()),
            State::Held => Err(Error::Busy {
                service: self.service.clone(),
                holder: container_label(&found, HOLDER)
                    .unwrap_or("somebody on this engine")
                    .to_owned(),
            }),
            State::Made if began.elapsed() < STARTING => Ok(()),
            State::Made | State::Over => remove(docker, &id, false).await,
        }
    }
}

/// Starts the container and stays on the line; `None` if it is gone.
async fn hold(docker: &Docker, id: String) -> Result<Option<Held>> {
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        ..AttachContainerOptions::default()
    };
    let started = async {
        let line = docker.attach_container(&id, Some(options)).await?;
        docker.start_container(&id, None).await?;
        Ok::<_, DockerError>(line)
    };
    match started.await.missing() {
        Ok(line) => Ok(line.map(|line| Held { id, line })),
        Err(error) => {
            remove(docker, &id, true).await?;
            Err(failed("start the lock")(error))
        }
    }
}

/// Removes it; where it must not be killed, one that runs stays.
pub(super) async fn remove(docker: &Docker, id: &str, kill: bool) -> Result<()> {
    let options = RemoveContainerOptions {
        force: kill,
        ..RemoveContainerOptions::default()
    };
    match docker.remove_container(id, Some(options)).await {
        // It runs, is being removed or is gone.
        Ok(())
        | Err(DockerError::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(error) => Err(failed("remove the lock")(error)),
    }
}

/// What the container of a lock tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was made, and is about to be started, or never will be.
    Made,
    Held,
    Over,
}

impl State {
    fn of(container: &ContainerInspectResponse) -> Self {
        use bollard::models::ContainerStateStatusEnum as Status;
        match container.state.as_ref().and_then(|state| state.status) {
            Some(Status::CREATED) => Self::Made,
            Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING) => Self::Held,
            _ => Self::Over,
        }
    }
}

/// Removes those that no process that lives will start. Who is about to start one recreates it.
pub(super) async fn remove_stale(docker: &Docker) -> Result<()> {
    let filters = HashMap::from([
        (
            "label".to_owned(),
            vec![format!("{}={LOCK}", teal_label::ROLE)],
        ),
        (
            "status".to_owned(),
            ["created", "exited", "dead"].map(str::to_owned).to_vec(),
        ),
    ]);
    let options = ListContainersOptions {
        all: true,
        filters: Some(filters),
        ..ListContainersOptions::default()
    };
    let found = docker
        .list_containers(Some(options))
        .await
        .map_err(failed("list locks"))?;
    for id in found.into_iter().filter_map(|container| container.id) {
        remove(docker, &id, false).await?;
    }
    Ok(())
}

/// The container of a service. A project's name has no dot in it, so no two services share one.
fn name(project: &str, service: &str) -> String {
    format!("teal-lock-{project}.{service}")
}
