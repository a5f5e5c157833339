//! The update itself: container by container, checked, and taken back where one of them fails.

use bollard::{
    Docker,
    models::{ContainerInspectResponse, ContainerUpdateBody},
};
use jiff::Timestamp;

use teal_compose::part;
use teal_docker::{self as docker, failed};
use teal_history::History;
use teal_history::configuration::{Configuration, Configurations};
use teal_model::error::causes;
use teal_model::event::Outcome;
use teal_model::{
    EngineInfo, Error, Limits, Memory, Origin, Plan, Result, Revision, RevisionKind, Verdict,
    VerdictCode,
};

/// Everything a live update works with.
pub struct Live<'a> {
    pub docker: &'a Docker,
    pub info: &'a EngineInfo,
    pub history: &'a History,
    pub plan: &'a Plan,
    /// The service's `memswap_limit`.
    pub swap: Option<Memory>,
    pub origin: Origin,
}

/// Limits in the engine's own words, as they were.
struct Before {
    id: String,
    body: ContainerUpdateBody,
    limits: Limits,
}

impl Live<'_> {
    /// Updates all containers, then the override, then history. What has been updated is taken back
    /// where one of the first two fails; history that can't be written comes back as a warning,
    /// since the limits are in force all the same.
    pub async fn carry_out(&self) -> Result<Option<Verdict>> {
        let started_at = Timestamp::now();
        let containers = self.containers().await?;
        let mut done = Vec::new();
        for container in &containers {
            // Also one that fails may have taken a part of it.
            done.push(before(container));
            if let Err(error) = self.update(container).await {
                return Err(self.take_back(&done, error).await);
            }
        }
        if let Err(error) = part::put_in(self.plan).await {
            return Err(self.take_back(&done, error).await);
        }
        let remembered = self.remember(started_at, &containers);
        Ok(remembered.err().map(|error| not_remembered(&error)))
    }

    async fn containers(&self) -> Result<Vec<ContainerInspectResponse>> {
        let mut containers = Vec::new();
        for replica in &self.plan.blue {
            let container = docker::inspect(self.docker, &replica.id).await?;
            containers.push(container.ok_or_else(|| {
                Error::Unexpected(format!("container `{}` is gone", replica.name))
            })?);
        }
        Ok(containers)
    }

    async fn update(&self, container: &ContainerInspectResponse) -> Result<()> {
        let id = container.id.as_deref().unwrap_or_default();
        let (found, wanted) = (docker::limits(container), self.plan.limits_after);
        let body = ContainerUpdateBody {
            nano_cpus: wanted
                .cpus
                .filter(|_| found.cpus != wanted.cpus)
                .map(|cpus| as_i64(cpus.nano())),
            memory: wanted
                .memory
                .filter(|_| found.memory != wanted.memory)
                .map(|memory| as_i64(memory.bytes())),
            memory_swap: wanted
                .memory
                .filter(|_| found.memory != wanted.memory)
                .map(|memory| self.memory_and_swap(container, memory)),
            ..ContainerUpdateBody::default()
        };
        apply(self.docker, id, body).await?;
        self.verify(id).await
    }

    /// Docker refuses memory above the sum of memory and swap, so both change together: to what a
    /// new container would get, which is twice the memory where nobody says otherwise.
    fn memory_and_swap(&self, container: &ContainerInspectResponse, memory: Memory) -> i64 {
        let config = container.host_config.as_ref();
        match (config.and_then(|config| config.memory_swap), self.swap) {
            (Some(-1), _) => -1,
            (_, Some(swap)) => as_i64(swap.bytes()),
            (_, None) => as_i64(memory.bytes().saturating_mul(2)),
        }
    }

    /// The limits are in force where the engine says so and the control group does.
    async fn verify(&self, id: &str) -> Result<()> {
        let wanted = self.plan.limits_after;
        let container = docker::inspect(self.docker, id).await?;
        let found = container.as_ref().map(docker::limits);
        if found != Some(wanted) {
            let found = found.map_or_else(
                || "nothing: it is gone".to_owned(),
                |found| found.to_string(),
            );
            return Err(Error::Unexpected(format!(
                "container `{id}` has {found} instead of {wanted}"
            )));
        }
        let used = docker::usage_now(self.docker, id).await?;
        let in_force = used
            .and_then(|used| used.memory_limit)
            .map(Memory::from_bytes);
        match (wanted.memory, in_force) {
            (Some(wanted), Some(found)) if !wanted.is_held_by(found) => Err(Error::Unexpected(
                format!("the control group of `{id}` has {found} of memory instead of {wanted}"),
            )),
            _ => Ok(()),
        }
    }

    async fn take_back(&self, done: &[Before], error: Error) -> Error {
        let mut left = Vec::new();
        for before in done {
            if let Err(error) = apply(self.docker, &before.id, before.body.clone()).await {
                tracing::warn!(%error, "a live update can't be taken back");
            }
            // What it was left with counts, not what the engine says of the attempt.
            let is_as_before = docker::inspect(self.docker, &before.id)
                .await
                .is_ok_and(|found| {
                    found.is_some_and(|found| docker::limits(&found) == before.limits)
                });
            if !is_as_before {
                left.push(before.id.clone());
            }
        }
        Error::LiveUpdate {
            service: self.plan.service.clone(),
            reason: said(&error),
            left,
        }
    }

    fn remember(
        &self,
        started_at: Timestamp,
        containers: &[ContainerInspectResponse],
    ) -> Result<()> {
        let plan = self.plan;
        let image = containers
            .first()
            .and_then(|container| container.image.clone());
        let update = Revision {
            revision: plan.revision,
            rollout: None,
            kind: RevisionKind::Live,
            engine: self.info.id.clone(),
            project: plan.project.clone(),
            working_directory: plan.working_directory.clone(),
            service: plan.service.clone(),
            source: plan.source.clone(),
            started_at,
            ended_at: Timestamp::now(),
            origin: Some(self.origin),
            to_revision: None,
            limits_before: plan.limits_before,
            limits_after: plan.limits_after,
            file_limits: Some(plan.file_limits),
            image_before: image.clone(),
            image_after: image,
            phases: Vec::new(),
            outcome: Some(Outcome::Success),
            failure: None,
            receipt: None,
        };
        let mut revisions = vec![update.found(started_at), update];
        if plan.revision_before.is_some() {
            revisions.remove(0);
        }
        if let Some(configuration) = containers.first().map(Configuration::of_container) {
            for revision in &revisions {
                let path = self.history.configurations.path(
                    &self.info.id,
                    &plan.project,
                    &plan.service,
                    revision.revision,
                );
                Configurations::write(&path, &plan.service, &configuration)?;
            }
        }
        self.history.append(&revisions)
    }
}

/// The limits are in force, and history does not know of it.
fn not_remembered(error: &Error) -> Verdict {
    let said = said(error);
    tracing::warn!(error = said, "a live update is not in the history");
    Verdict::warning(
        VerdictCode::RevisionLost,
        format!("the update is not in the history: {said}"),
    )
    .means("the limits are in force; `teal rollback` does not know of them")
    .remedy("see that the data directory can be written and has room")
}

fn before(container: &ContainerInspectResponse) -> Before {
    let config = container.host_config.clone().unwrap_or_default();
    Before {
        id: container.id.clone().unwrap_or_default(),
        limits: docker::limits(container),
        body: ContainerUpdateBody {
            nano_cpus: config.nano_cpus,
            memory: config.memory,
            memory_swap: config.memory_swap,
            ..ContainerUpdateBody::default()
        },
    }
}

async fn apply(docker: &Docker, id: &str, body: ContainerUpdateBody) -> Result<()> {
    docker
        .update_container(id, body)
        .await
        .map_err(failed(format!("update container `{id}`")))
}

/// An error with its causes, on one line.
fn said(error: &Error) -> String {
    let mut words = vec![error.to_string()];
    words.extend(causes(error));
    words.join(": ")
}

fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
