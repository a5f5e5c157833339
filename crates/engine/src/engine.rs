//! The engine's public face.

mod edge;
mod files;
mod image;
mod live;
mod recovery;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bollard::Docker;
use futures_util::Stream;
use jiff::Timestamp;
use tokio::process::Command;
use uuid::Uuid;

use crate::CleanedUp;
use crate::LogLine;
use crate::Usage;
use crate::applied::Applied;
use crate::clean_up::clean_up;
use crate::observe;
use crate::project;
use teal_compose::{self as compose, Compose, Files};
use teal_docker::{self as docker, Endpoint, EngineHost};
use teal_files::Paths;
use teal_files::private;
use teal_history::History;
use teal_history::record::RolloutRecord;
use teal_model::event::{EventKind, Phase};
use teal_model::{
    EngineInfo, Error, LimitsChange, Memory, Origin, Plan, Project, ProjectSource, ProjectSummary,
    Result, Revision, RolloutOptions, RolloutRequest,
};
use teal_plan::{Planned, Planner, Usages, Way};
use teal_rollout::lock::{Lock, Locks};
use teal_rollout::{Callers, Driver, Evidence, Rollout, Room};
use teal_traffic::Traffic;

/// Where the engine finds things. The default asks the environment, as Docker's own tools do.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Instead of `DOCKER_HOST`, `DOCKER_CONTEXT`, the chosen Docker context and the default socket.
    pub docker_host: Option<String>,
    /// Instead of the data directory of the platform.
    pub data_directory: Option<PathBuf>,
    /// How long one call to the engine may take, in whole seconds, instead of
    /// `DOCKER_CLIENT_TIMEOUT` and two minutes. Stopping a container may take its grace period besides.
    pub request_timeout: Option<Duration>,
}

/// A connection to one Docker engine and the Compose beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    docker: Docker,
    endpoint: Endpoint,
    /// Where its published ports are.
    host: EngineHost,
    compose: Compose,
    info: EngineInfo,
    history: History,
    locks: Locks,
    room: Room,
    usages: Usages,
    data: PathBuf,
}

impl Engine {
    /// Connects to the engine and finds Compose.
    ///
    /// # Errors
    /// No engine, no Compose, or one that is too old.
    pub async fn connect(settings: Settings) -> Result<Self> {
        let data = match &settings.data_directory {
            Some(data) => data.clone(),
            None => Paths::find()?.data,
        };
        // Earlier Teals left it open to others.
        if let Err(error) = private::close(&data) {
            tracing::warn!(%error, "others may look into the data directory");
        }
        let connection =
            docker::connect(settings.docker_host.as_deref(), settings.request_timeout).await?;
        let endpoint = connection.endpoint;
        let compose = Compose::find().await?.for_engine(endpoint.environment());
        let said = connection.info;
        let info = EngineInfo {
            id: said.id.unwrap_or_default(),
            name: endpoint
                .context
                .clone()
                .or(said.name)
                .unwrap_or_else(|| endpoint.address.clone()),
            version: said.server_version.unwrap_or_default(),
            api_version: connection.docker.client_version().to_string(),
            compose_version: compose.version().to_owned(),
            cpus: said.ncpu.and_then(|cpus| cpus.try_into().ok()).unwrap_or(1),
            memory: Memory::from_bytes(
                said.mem_total
                    .and_then(|memory| memory.try_into().ok())
                    .unwrap_or(0),
            ),
            no_cpu_limits: connection.no_limits.cpus,
            no_memory_limits: connection.no_limits.memory,
        };
        tracing::info!(engine = info.name, version = info.version, "connected");
        Ok(Self {
            inner: Arc::new(Inner {
                room: Room::of(info.cpus),
                usages: Usages::default(),
                locks: Locks::new(&connection.docker, &data, &info.id),
                docker: connection.docker,
                endpoint,
                host: connection.host,
                compose,
                info,
                history: History::new(&data),
                data,
            }),
        })
    }

    pub fn info(&self) -> &EngineInfo {
        &self.inner.info
    }

    /// The connection itself, for what is not a rollout's business (the sample's image).
    pub fn docker(&self) -> &Docker {
        &self.inner.docker
    }

    /// Has a `docker` program talk to this engine, whatever its environment or the current context
    /// say.
    pub fn pin(&self, command: &mut Command) {
        docker::apply(&self.inner.endpoint.environment(), command);
    }

    /// The projects on this engine, by Compose's labels, running or not, by name.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>> {
        let mut projects = docker::list_projects(&self.inner.docker).await?;
        for project in &mut projects {
            if let [file] = project.source.files.as_slice() {
                let beside = Applied::override_beside(&self.inner.data, &project.name, file);
                project.source.files.extend(beside);
            }
        }
        Ok(projects)
    }

    /// Opens a project from its files, with what the engine runs of it.
    pub async fn project(&self, source: &ProjectSource) -> Result<Project> {
        project::open(&self.planner(), source).await
    }

    /// A project with one of its services alone, looked at more closely: also for what its containers
    /// have written outside of volumes.
    ///
    /// # Errors
    /// As for [`project`](Self::project), and where there is no such service.
    pub async fn service(&self, source: &ProjectSource, name: &str) -> Result<Project> {
        project::service(&self.planner(), source, name).await
    }

    /// What a rollout would do. Changes nothing. A plan with refusals comes back as a plan.
    pub async fn plan(&self, request: &RolloutRequest) -> Result<Plan> {
        let id = Uuid::new_v4().to_string();
        let planner = self.planner();
        let files = planner.read(&request.source).await?;
        let Planned { plan, .. } = planner.plan(files, request, Way::Preview(&id)).await?;
        Ok(plan)
    }

    /// Starts a rollout; it goes on in the background until it has ended. Whatever would be done now
    /// is done: [`roll_out_reviewed`](Self::roll_out_reviewed) is for a plan that somebody has seen.
    ///
    /// # Errors
    /// [`Error::Busy`] where one of this service runs already, and everything that keeps a plan
    /// from being made. A plan that is refused starts nothing and is [`Error::Refused`].
    pub async fn roll_out(&self, request: RolloutRequest) -> Result<Rollout> {
        self.start(request, None).await
    }

    /// Starts the rollout that [`plan`](Self::plan) showed; `id` is that plan's.
    ///
    /// # Errors
    /// [`Error::PlanChanged`] with the new plan where something else would be done by now, and as
    /// [`roll_out`](Self::roll_out). Nothing is started then.
    pub async fn roll_out_reviewed(&self, request: RolloutRequest, id: &str) -> Result<Rollout> {
        self.start(request, Some(id)).await
    }

    /// Plans once, holding the service's lock, and starts exactly that.
    async fn start(&self, request: RolloutRequest, reviewed: Option<&str>) -> Result<Rollout> {
        let began = Instant::now();
        let inner = &self.inner;
        let files = self.planner().read(&request.source).await?;
        let project = files.model.name.clone();
        let service = request.service.clone();
        let origin = request.origin;
        let lock = inner.locks.take(&project, &service).await?;
        let (planned, unsettled) = match Box::pin(self.begin(files, request, reviewed, &lock)).await
        {
            Ok(prepared) => prepared,
            Err(error) => {
                lock.release().await;
                return Err(error);
            }
        };
        let rollout = Rollout::new(unsettled.rollout, project.clone(), service.clone(), began);
        rollout.emit(EventKind::Started { project, service });
        rollout.emit(EventKind::PhaseStarted {
            phase: Phase::Preparation,
            deadline_ms: None,
        });
        let driver = self.driver(&rollout, planned, origin, unsettled.started_at, lock);
        driver.spawn(began.elapsed());
        Ok(rollout)
    }

    /// A plan that nothing stands in the way of, and its record on the engine.
    async fn begin(
        &self,
        files: Files,
        request: RolloutRequest,
        reviewed: Option<&str>,
        lock: &Lock,
    ) -> Result<(Planned, RolloutRecord)> {
        docker::check_same(&self.inner.endpoint, &self.inner.info.id).await?;
        self.none_interrupted(&files.model.name, &request.service)
            .await?;
        let id = Uuid::new_v4().to_string();
        let way = Way::Rollout(&id);
        let made = self.planner().plan_for_good(files, &request, way).await?;
        let accepted = made.reviewed_as(reviewed)?.accepted()?;
        let accepted = self.with_image(accepted, &request, way).await?;
        let unsettled = RolloutRecord {
            rollout: id,
            started_at: Timestamp::now(),
            origin: request.origin,
            plan: accepted.plan.clone(),
        };
        unsettled.keep(&self.inner.docker).await?;
        lock.is_for(&unsettled.rollout);
        Ok((accepted, unsettled))
    }

    /// A service whose last rollout was cut off is settled before it is changed again.
    async fn none_interrupted(&self, project: &str, service: &str) -> Result<()> {
        match self.unsettled(project, service).await? {
            Some(_) => Err(Error::Interrupted {
                service: service.to_owned(),
                project: project.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Removes the helpers of rollouts that nobody carries on: no process runs them, and no record
    /// is there to recover them by. Says what was kept, and why.
    ///
    /// # Errors
    /// The Docker engine does not do what it is asked.
    pub async fn clean_up(&self) -> Result<CleanedUp> {
        let inner = &self.inner;
        clean_up(&inner.docker, &inner.data, &inner.locks).await
    }

    fn driver(
        &self,
        rollout: &Rollout,
        planned: Planned,
        origin: Origin,
        started_at: Timestamp,
        lock: Lock,
    ) -> Driver {
        let inner = &self.inner;
        let Planned {
            plan,
            survey,
            has_health_check,
            pre_stop,
            basis,
            bring: _,
        } = planned;
        let traffic = Traffic::new(
            inner.docker.clone(),
            survey,
            rollout.id().to_owned(),
            &plan.options.steps,
        )
        .expecting(plan.green_size())
        .with_records_in(&inner.data);
        Driver {
            docker: inner.docker.clone(),
            compose: inner.compose.clone(),
            info: inner.info.clone(),
            history: inner.history.clone(),
            rollout: rollout.clone(),
            evidence: Evidence::start(&plan, traffic.meter(), rollout),
            traffic,
            callers: Callers::default(),
            has_health_check,
            pre_stop,
            basis,
            origin,
            serving_blue: plan
                .blue
                .iter()
                .filter(|replica| replica.gets_requests())
                .map(|replica| replica.id.clone())
                .collect(),
            blue_may_be_stopping: false,
            green: Vec::new(),
            green_percent: None,
            green_served: false,
            phases: Vec::new(),
            lock: Some(lock),
            room: inner.room.clone(),
            place: None,
            started_at,
            plan,
        }
    }

    /// The request that takes a service back to an earlier revision: the previous one that took
    /// effect, or `to`.
    pub async fn rollback_request(
        &self,
        source: &ProjectSource,
        service: &str,
        to: Option<u32>,
        options: RolloutOptions,
        origin: Origin,
    ) -> Result<RolloutRequest> {
        let Files { source, model } = self.planner().read(source).await?;
        teal_plan::find_service(&model, service)?;
        let past = self.history(Some(&model.name), Some(service))?;
        let mut took_effect = past.iter().filter(|revision| revision.took_effect());
        let target = match to {
            Some(number) => past.iter().find(|revision| revision.revision == number),
            None => took_effect.nth(1),
        };
        let target = target.ok_or_else(|| Error::NoRevision {
            service: service.to_owned(),
            revision: to.map_or_else(|| "before this one".to_owned(), |number| number.to_string()),
        })?;
        Ok(RolloutRequest {
            source,
            service: service.to_owned(),
            change: LimitsChange {
                cpus: target.limits_after.cpus,
                memory: target.limits_after.memory,
            },
            options,
            origin,
            limits_from_file: false,
            recreate: false,
            to_revision: Some(target.revision),
        })
    }

    /// Past rollouts on this engine, the newest first; of one project or service, where named.
    pub fn history(&self, project: Option<&str>, service: Option<&str>) -> Result<Vec<Revision>> {
        self.inner
            .history
            .read(&self.inner.info.id, project, service)
    }

    /// Starts what of a project does not run, as plain `docker compose up -d` does.
    pub async fn start_project(&self, source: &ProjectSource) -> Result<()> {
        let compose = &self.inner.compose;
        let source = compose.resolve(source).await?;
        let words = compose.command(&source, &[], &["up", "-d"]);
        let output = compose
            .run(&words, &compose::working_directory(&source), |line| {
                tracing::info!(line, "starting the project");
            })
            .await?;
        if output.success {
            return Ok(());
        }
        Err(Error::Unexpected(format!(
            "`{}` failed: {}",
            words.join(" "),
            output.message()
        )))
    }

    /// Use of one container, a sample about each second until it stops.
    pub fn usage(&self, container: &str) -> impl Stream<Item = Result<Usage>> + Send + use<> {
        observe::usage(&self.inner.docker, container)
    }

    /// The last `tail` lines of a container's log, and those that follow; with `after` only lines
    /// that were written later than that, so that a reader can go on where it stopped.
    pub fn logs(
        &self,
        container: &str,
        tail: u32,
        after: Option<Timestamp>,
    ) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
        observe::logs(&self.inner.docker, container, tail, after)
    }

    /// One item whenever a container of a Compose project starts, stops, changes its health or is
    /// removed: the project's name. Ends when the engine goes away.
    pub fn changes(&self) -> impl Stream<Item = Result<String>> + Send + use<> {
        observe::changes(&self.inner.docker)
    }

    fn planner(&self) -> Planner<'_> {
        Planner {
            docker: &self.inner.docker,
            host: self.inner.host,
            compose: &self.inner.compose,
            info: &self.inner.info,
            history: &self.inner.history,
            data: &self.inner.data,
            usages: &self.inner.usages,
        }
    }
}
