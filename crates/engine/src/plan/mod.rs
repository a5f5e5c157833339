//! Preparation: what a rollout would do, found out without changing anything.

mod green;
mod limits;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{Docker, models::ContainerInspectResponse};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Error, Result,
    compose::{self, Compose, ComposeModel, ComposeService, Files, Hook, override_file},
    docker::{self, teal_label},
    history::History,
    live,
    model::{
        ContainerState, EngineInfo, Level, Limits, Memory, Plan, Replica, Revision, RolloutRequest,
        Verdict, VerdictCode,
    },
    readiness::{self, Facts, Found, Wish},
    traffic::{self, Survey},
};

use limits::Wanted;

/// The age from which a container's average use says something.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// What a plan is made with.
pub(crate) struct Planner<'a> {
    pub(crate) docker: &'a Docker,
    pub(crate) compose: &'a Compose,
    pub(crate) info: &'a EngineInfo,
    pub(crate) history: &'a History,
    /// The data directory.
    pub(crate) data: &'a Path,
}

/// How the limits come to be in force.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// In new containers, by the rollout of this id.
    Rollout(&'a str),
    /// On the running ones.
    Live,
}

/// A plan, and what was found of the traffic on the way.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) survey: Survey,
    /// The service's commands for containers that are about to stop.
    pub(crate) pre_stop: Vec<Hook>,
}

impl Planner<'_> {
    /// Makes the plan of a rollout or a live update.
    pub(crate) async fn plan(
        &self,
        files: Files,
        request: &RolloutRequest,
        way: Way<'_>,
    ) -> Result<Planned> {
        let Files {
            source,
            model: base,
        } = files;
        let name = &request.service;
        let service = find_service(&base, name)?;
        let blue = docker::list(self.docker, &base.name, Some(name)).await?;
        let override_file = override_file::path(&source);
        let override_before = override_file::read_text(&override_file)?;
        let limits_before = blue.first().map_or(service.limits(), docker::limits);
        let past = self
            .history
            .read(&self.info.id, Some(&base.name), Some(name))?;
        let Wanted {
            limits,
            reason: limits_reason,
        } = self
            .wanted(request, &source, service, limits_before, &past)
            .await?;
        let limits_after = limits.as_compose_sets();
        let override_after = override_file::merged(
            override_before.as_deref(),
            name,
            limits,
            service.limit_keys(),
            &labels(way),
        )
        .map_err(|error| error.at(&override_file))?;
        let green = self
            .green(
                &source,
                &override_after,
                request,
                &base.name,
                limits_after,
                &blue,
            )
            .await?;
        let handover = traffic::handover(self.docker, &base, name, &blue).await?;
        let survey = match &handover {
            Some(handover) => traffic::survey_handover(self.compose, &source, handover, &blue),
            None => traffic::survey(self.docker, &blue, Some(&green.service.labels)).await?,
        };
        let mut options = request.options.clone();
        if handover.is_some() {
            // Blue can't be behind the edge while it holds the ports itself.
            options.steps = vec![100];
        }
        let replicas = docker::replicas(&blue);
        let directory = compose::working_directory(&source);
        let image_health = blue.first().and_then(docker::health_check);
        let wish = self.wish(&blue, limits_after).await?;
        let mut verdicts = readiness::verdicts(&Facts {
            name,
            model: &base,
            service,
            directory: &directory,
            found: Some(Found {
                replicas: &replicas,
                image_health: image_health.as_ref(),
                image_volumes: &docker::image_volumes(blue.first(), &service.mounts()),
                routes: &survey.routes,
            }),
            health_timeout: Duration::from_millis(request.options.health_timeout_ms),
            engine: self.info,
            wish: Some(wish),
        });
        verdicts.extend(survey.verdicts.iter().cloned());
        let announced = handover.as_ref().map(traffic::announcement);
        verdicts.extend(announced.clone());
        verdicts.extend(
            request
                .options
                .verdicts(survey.can_weigh().err().as_deref()),
        );
        verdicts.extend(traffic::unexpected(&survey, &request.options).await);
        verdicts.extend(green.verdicts);
        let live_update = live::judge(&live::Facts {
            replicas: &replicas,
            container: blue.first(),
            after: limits_after,
            memory_in_use: wish.memory_in_use,
            differences: &green.differences,
        });
        if matches!(way, Way::Live) {
            verdicts.retain(live::concerns);
            verdicts.extend(live::verdict(&live_update, name));
        } else if is_idle(request, &replicas, limits_after) && green.differences.is_empty() {
            verdicts.push(nothing_to_change());
        }
        readiness::sort(&mut verdicts);
        let has_check = green.service.health_check(image_health.as_ref()).is_some();
        let mut unpromised = survey.unpromised(has_check);
        unpromised.extend(announced.iter().map(sentence));
        let extra: Vec<PathBuf> = green
            .restored_from
            .iter()
            .chain([&override_file])
            .cloned()
            .collect();
        let plan = Plan {
            project: base.name.clone(),
            service: name.clone(),
            working_directory: directory,
            revision: next_revision(&past),
            revision_before: current_revision(&past),
            to_revision: request.to_revision,
            limits_before,
            limits_after,
            file_limits: service.limits(),
            limits_reason,
            live_update,
            restored_from: green.restored_from,
            commands: match way {
                Way::Rollout(_) => self.commands(&source, &extra, name, &blue),
                Way::Live => vec![live::command(limits_before, limits_after, &replicas)],
            },
            blue: replicas,
            differences: green.differences,
            override_file,
            override_before,
            override_after,
            traffic: survey.plan.clone(),
            handover,
            unpromised,
            bypass: base.callers(name),
            verdicts,
            options,
            source,
        };
        Ok(Planned {
            plan,
            survey,
            pre_stop: green.service.pre_stop,
        })
    }

    /// What the limits are judged against: what Blue and the engine's other containers use now.
    async fn wish(&self, blue: &[ContainerInspectResponse], limits: Limits) -> Result<Wish> {
        let ids = blue.iter().filter_map(|container| container.id.as_deref());
        let used = try_join_all(ids.map(|id| docker::usage_now(self.docker, id)));
        let (used, all) = tokio::try_join!(used, docker::memory_of_all(self.docker))?;
        let memory = used.iter().flatten().map(|used| used.memory).max();
        let cores = blue.iter().zip(&used).filter_map(|(container, used)| {
            let age = Timestamp::now().duration_since(docker::replica(container).started_at?);
            // At its start a container is busier than it will be.
            (age > SETTLED).then_some(used.as_ref()?.cpu?.as_secs_f64() / age.as_secs_f64())
        });
        Ok(Wish {
            limits,
            memory_in_use: memory.map(Memory::from_bytes),
            engine_in_use: Some(all),
            cores_in_use: cores.reduce(f64::max),
        })
    }
}

/// A verdict as a sentence of what can't be promised.
fn sentence(verdict: &Verdict) -> String {
    format!("{}: {}", verdict.reason, verdict.meaning)
}

/// What the override says of the service besides its limits. A live update makes no container that
/// could be labelled.
fn labels(way: Way<'_>) -> Vec<(&'static str, &str)> {
    match way {
        Way::Rollout(id) => vec![("deployment.type", "blue-green"), (teal_label::ROLLOUT, id)],
        Way::Live => Vec::new(),
    }
}

/// Whether nobody asks for a change, and all containers are as they would be made.
fn is_idle(request: &RolloutRequest, blue: &[Replica], after: Limits) -> bool {
    green::is_for_the_files(request)
        && !request.recreate
        && blue
            .iter()
            .all(|replica| replica.limits == after && replica.state == ContainerState::Running)
}

fn nothing_to_change() -> Verdict {
    let verdict = readiness::refused(
        VerdictCode::NothingToChange,
        "nothing to change: it runs what the files say",
    );
    Verdict {
        level: Level::Refused,
        readiness: crate::model::Readiness::Ready,
        ..verdict.remedy("change the file, give `--cpus` or `--memory`, or replace the containers all the same with `--recreate`")
    }
}

/// The service of that name.
pub(crate) fn find_service<'a>(model: &'a ComposeModel, name: &str) -> Result<&'a ComposeService> {
    model.services.get(name).ok_or_else(|| {
        let known: Vec<String> = model.services.keys().cloned().collect();
        Error::no_service(&model.name, name, known)
    })
}

/// The number of the next rollout: the state that Teal finds first is revision 1.
fn next_revision(past: &[Revision]) -> u32 {
    past.iter()
        .map(|revision| revision.revision)
        .max()
        .unwrap_or(1)
        + 1
}

/// The revision that runs now: the last one that took effect.
pub(crate) fn current_revision(past: &[Revision]) -> Option<u32> {
    past.iter()
        .find(|revision| revision.took_effect())
        .map(|revision| revision.revision)
}
