//! Make ready: what stands in the way of a service's rollouts is taken out of it, in files that
//! plain `docker compose up` reads. Everything is planned first and changes nothing.

mod edge;
mod health;
mod name;

use std::path::Path;

use bollard::models::ContainerInspectResponse;

use crate::keep::id;
use teal_compose::{
    Changed, ComposeModel, ComposeService, Edit, Files, TargetFile, override_file, unified,
    working_directory,
};
use teal_docker as docker;
use teal_model::{
    Error, FileChange, Fix, FixChange, HealthCheck, HealthProposal, ReadyPlan, ReadyRequest,
    Result, RolloutOptions, Verdict, VerdictCode,
};
use teal_plan::{Planner, find_service, mark_present};
use teal_readiness::{self as readiness, Facts, Found};
use teal_traffic::{
    self as traffic, Survey,
    edge::{BASELINE_FILE, SERVICE},
};

/// What a fix of one thing in the way consists of.
struct Remedy {
    edits: Vec<Edit>,
    change: FixChange,
    /// The text of the edge's file beside the override.
    baseline: Option<String>,
    /// An image that has to be fetched for it.
    pulls: Option<String>,
}

/// What is known of the service that is made ready.
struct Subject<'a> {
    planner: &'a Planner<'a>,
    request: &'a ReadyRequest,
    files: &'a Files,
    service: &'a ComposeService,
    containers: Vec<ContainerInspectResponse>,
    /// The health check that its image brings itself.
    image_health: Option<HealthCheck>,
    survey: Survey,
}

pub(crate) async fn plan(planner: &Planner<'_>, request: &ReadyRequest) -> Result<ReadyPlan> {
    let mut files = planner.read(&request.source).await?;
    mark_present(planner, &mut files.model).await?;
    let service = find_service(&files.model, &request.service)?;
    let containers =
        docker::list(planner.docker, &files.model.name, Some(&request.service)).await?;
    let subject = Subject {
        planner,
        request,
        survey: traffic::survey(
            planner.docker,
            planner.host,
            &containers,
            Some(&service.labels),
        )
        .await?,
        image_health: planner.image_health(service, &containers).await?,
        files: &files,
        service,
        containers,
    };
    subject.plan().await
}

impl Subject<'_> {
    async fn plan(&self) -> Result<ReadyPlan> {
        let name = self.request.service.as_str();
        let compose = self.planner.compose;
        let keys: [&[&str]; 1] = [&["container_name"]];
        let target = compose
            .target(&self.files.source, name, self.request.place, &keys)
            .await?;
        let verdicts = self.verdicts(&self.files.model, self.service);
        let first = self.first(&verdicts);
        let mut health = None;
        let mut remedies = Vec::new();
        for verdict in verdicts {
            remedies.extend(self.remedy(&verdict, &target, &mut health).await?);
        }
        let edits: Vec<Edit> = remedies
            .iter()
            .flat_map(|remedy| remedy.edits.iter().cloned())
            .collect();
        let baseline = remedies
            .iter()
            .find_map(|remedy| remedy.baseline.as_deref());
        let touched = match baseline {
            Some(_) => vec![name, SERVICE, "volumes"],
            None => vec![name],
        };
        let Changed {
            file,
            source,
            model,
        } = compose
            .change(self.files, &target, &edits, &touched)
            .await?;
        let after = find_service(&model, name)?;
        let mut files: Vec<_> = file.into_iter().collect();
        if let Some(text) = baseline {
            let path = target.path.with_file_name(BASELINE_FILE);
            files.extend(file_change(&path, text)?);
        }
        Ok(ReadyPlan {
            pulls: remedies.iter().find_map(|remedy| remedy.pulls.clone()),
            id: id(&files),
            project: self.files.model.name.clone(),
            service: name.to_owned(),
            source_after: source,
            source: self.files.source.clone(),
            verdicts_after: self.verdicts(&model, after),
            notices: self.files.model.notices.clone(),
            fixes: remedies.into_iter().map(|remedy| remedy.change).collect(),
            files,
            health,
            first,
        })
    }

    /// What is in the way where the files say this of the service.
    fn verdicts(&self, model: &ComposeModel, service: &ComposeService) -> Vec<Verdict> {
        let first = self.containers.first();
        let (replicas, image_volumes) = (
            docker::replicas(&self.containers),
            docker::image_volumes(first, &service.mounts()),
        );
        let published = docker::published(&self.containers);
        let found = Found {
            replicas: &replicas,
            image_health: self.image_health.as_ref(),
            image_volumes: &image_volumes,
            routes: &self.survey.routes,
            is_traefik: self.survey.is_traefik,
            ports: self.survey.ports(),
            published: &published,
        };
        let mut verdicts = readiness::verdicts(&Facts {
            name: &self.request.service,
            model,
            service,
            directory: &working_directory(&self.files.source),
            found: Some(found),
            options: &RolloutOptions::default(),
            engine: self.planner.info,
            wish: None,
        });
        verdicts.extend(self.survey.verdicts.iter().cloned());
        readiness::sort(&mut verdicts);
        verdicts
    }

    /// What has to be done first, where fixes wait for a container to be tried on.
    fn first(&self, verdicts: &[Verdict]) -> Option<String> {
        let waits = |verdict: &Verdict| {
            matches!(verdict.fix, Some(Fix::AddHealthCheck | Fix::UseEdge { .. }))
                && self.wants(verdict)
        };
        let is_waiting = self.running().is_none() && verdicts.iter().any(waits);
        is_waiting.then(|| {
            format!(
                "start it with `docker compose up -d {}`: a health check and Teal's edge are tried on a container that runs",
                self.request.service
            )
        })
    }

    /// What takes a verdict away; `None` if Teal knows nothing, or was not asked to.
    async fn remedy(
        &self,
        verdict: &Verdict,
        target: &TargetFile,
        health: &mut Option<HealthProposal>,
    ) -> Result<Option<Remedy>> {
        // Of a service without a port Teal proposes none, and takes the one that somebody has.
        let has_own_check =
            verdict.code == VerdictCode::NoHealthCheck && self.request.health.is_some();
        match &verdict.fix {
            Some(Fix::RemoveContainerName { name }) if self.wants(verdict) => {
                name::remedy(self, verdict, target, name).map(Some)
            }
            None if has_own_check => self.add_health_check(verdict, health).await,
            Some(Fix::AddHealthCheck) if self.wants(verdict) => {
                self.add_health_check(verdict, health).await
            }
            Some(Fix::UseEdge { ports }) if self.wants(verdict) => {
                edge::remedy(self, verdict, target, ports).await
            }
            Some(_) | None => Ok(None),
        }
    }

    async fn add_health_check(
        &self,
        verdict: &Verdict,
        health: &mut Option<HealthProposal>,
    ) -> Result<Option<Remedy>> {
        let proposal = health::propose(self).await?;
        let remedy = proposal
            .as_ref()
            .filter(|proposal| proposal.passed)
            .map(|proposal| health::remedy(self, verdict, &proposal.test));
        *health = proposal;
        Ok(remedy)
    }

    /// Whether its fix was asked for.
    fn wants(&self, verdict: &Verdict) -> bool {
        match (&self.request.fixes, &verdict.fix) {
            (Some(fixes), Some(fix)) => fixes.iter().any(|one| one.is_like(fix)),
            _ => true,
        }
    }

    /// The path to one of the service's keys.
    fn path<'a>(&'a self, keys: &[&'a str]) -> Vec<&'a str> {
        ["services", self.request.service.as_str()]
            .iter()
            .chain(keys)
            .copied()
            .collect()
    }

    /// A container to try things on.
    fn running(&self) -> Option<&ContainerInspectResponse> {
        self.containers.iter().find(|container| {
            let state = container.state.as_ref();
            state.is_some_and(|state| state.running == Some(true) && state.paused != Some(true))
        })
    }
}

/// A file that Teal alone writes; `None` if it says so already.
fn file_change(path: &Path, after: &str) -> Result<Option<FileChange>> {
    let before = override_file::read_text(path)?;
    Ok((before.as_deref() != Some(after)).then(|| FileChange {
        path: path.to_owned(),
        diff: unified(path, before.as_deref(), after),
        before,
        after: after.to_owned(),
        backup: false,
    }))
}

fn cannot(reason: String, remedy: impl Into<String>) -> Error {
    Error::CannotChange {
        reason,
        remedy: remedy.into(),
    }
}
