//! Preparation: what a rollout would do, found out without changing anything.

use std::{collections::BTreeMap, path::Path, time::Duration};

use bollard::{Docker, models::ContainerInspectResponse};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Error, Result,
    compose::{self, Compose, ComposeModel, ComposeService, Files, Hook, override_file},
    docker::{self, teal_label},
    history::History,
    model::{
        Difference, EngineInfo, Limits, LiveUpdate, Memory, Plan, ProjectSource, Revision,
        RolloutRequest, Verdict,
    },
    readiness::{self, Facts, Found, Wish},
    traffic::{self, Survey},
};

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

/// A plan, and what was found of the traffic on the way.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) survey: Survey,
    /// The service's commands for containers that are about to stop.
    pub(crate) pre_stop: Vec<Hook>,
}

impl Planner<'_> {
    /// Makes the plan of the rollout `rollout`.
    pub(crate) async fn plan(
        &self,
        files: Files,
        request: &RolloutRequest,
        rollout: &str,
    ) -> Result<Planned> {
        let Files {
            source,
            model: base,
        } = files;
        let service = find_service(&base, &request.service)?;
        let blue = docker::list(self.docker, &base.name, Some(&request.service)).await?;
        let override_path = override_file::path(&source);
        let override_before = override_file::read_text(&override_path)?;
        let limits_before = blue.first().map_or(service.limits(), docker::limits);
        let past = self
            .history
            .read(&self.info.id, Some(&base.name), Some(&request.service))?;
        let wanted = wanted_limits(request, limits_before, &past)?;
        let limits_after = wanted.as_compose_sets();
        let labels = [
            ("deployment.type", "blue-green"),
            (teal_label::ROLLOUT, rollout),
        ];
        let override_after = override_file::merged(
            override_before.as_deref(),
            &request.service,
            wanted,
            service.limit_keys(),
            &labels,
        )
        .map_err(|error| error.at(&override_path))?;
        let green = self
            .green_model(&source, &override_after, &request.service, limits_after)
            .await?;
        let handover = traffic::handover(self.docker, &base, &request.service, &blue).await?;
        let survey = match &handover {
            Some(handover) => traffic::survey_handover(self.compose, &source, handover, &blue),
            None => traffic::survey(self.docker, &blue, Some(&green.labels)).await?,
        };
        let mut options = request.options.clone();
        if handover.is_some() {
            // Blue can't be behind the edge while it holds the ports itself.
            options.steps = vec![100];
        }
        let replicas = docker::replicas(&blue);
        let directory = compose::working_directory(&source);
        let image_health = blue.first().and_then(docker::health_check);
        let mut verdicts = readiness::verdicts(&Facts {
            name: &request.service,
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
            wish: Some(self.wish(&blue, limits_after).await?),
        });
        verdicts.extend(survey.verdicts.iter().cloned());
        let announced = handover.as_ref().map(traffic::announcement);
        verdicts.extend(announced.clone());
        verdicts.extend(
            request
                .options
                .verdicts(survey.can_weigh().err().as_deref()),
        );
        readiness::sort(&mut verdicts);
        let mut unpromised = survey.unpromised(green.health_check(image_health.as_ref()).is_some());
        unpromised.extend(announced.iter().map(sentence));
        let plan = Plan {
            project: base.name.clone(),
            service: request.service.clone(),
            working_directory: directory,
            revision: next_revision(&past),
            revision_before: current_revision(&past),
            to_revision: request.to_revision,
            limits_before,
            limits_after,
            limits_reason: None,
            live_update: LiveUpdate::default(),
            restored_from: None,
            blue: replicas,
            commands: self.commands(&source, &override_path, &request.service, &blue),
            differences: self.differences(&blue, &green).await?,
            override_file: override_path,
            override_before,
            override_after,
            traffic: survey.plan.clone(),
            handover,
            unpromised,
            bypass: base.callers(&request.service),
            verdicts,
            options,
            source,
        };
        Ok(Planned {
            plan,
            survey,
            pre_stop: green.pre_stop,
        })
    }
}

impl Planner<'_> {
    /// The model with the new override, as Compose will see it. Compose reads a file, so the text
    /// goes into one that is gone afterwards; a text that Compose refuses ends here, before
    /// anything has changed.
    async fn green_model(
        &self,
        source: &ProjectSource,
        override_text: &str,
        service: &str,
        wanted: Limits,
    ) -> Result<ComposeService> {
        let failed = |source| Error::File {
            operation: "write a temporary file in",
            path: std::env::temp_dir(),
            source,
        };
        let file = tempfile::Builder::new()
            .prefix("teal-")
            .suffix(".yml")
            .tempfile()
            .map_err(failed)?;
        std::fs::write(file.path(), override_text).map_err(failed)?;
        let mut model = self.compose.model(source, &[file.path()]).await?;
        let green = model
            .services
            .remove(service)
            .ok_or_else(|| Error::Unexpected(format!("the override removes `{service}`")))?;
        let found = green.limits();
        if found != wanted {
            return Err(Error::Unexpected(format!(
                "with the override Compose gives `{service}` {found} instead of {wanted}: \
                 see whether other keys of the service set limits too"
            )));
        }
        Ok(green)
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

    /// The commands in their order. Only the first one is Compose's: Blue is stopped and removed
    /// by id, since `--scale` would remove Green.
    fn commands(
        &self,
        source: &ProjectSource,
        override_path: &Path,
        service: &str,
        blue: &[ContainerInspectResponse],
    ) -> Vec<Vec<String>> {
        let scale = format!("{service}={}", 2 * blue.len());
        let up = self.compose.command(
            source,
            &[override_path],
            &[
                "up",
                "-d",
                "--no-deps",
                "--no-recreate",
                "--scale",
                &scale,
                "--",
                service,
            ],
        );
        let ids = || blue.iter().filter_map(|container| container.id.clone());
        let by_id = |words: &[&str]| -> Vec<String> {
            words.iter().map(ToString::to_string).chain(ids()).collect()
        };
        vec![up, by_id(&["docker", "stop"]), by_id(&["docker", "rm"])]
    }

    /// What Green gets different besides its limits, because files or image changed since Blue was
    /// made. Values of the environment are nobody's business: only the names are told.
    async fn differences(
        &self,
        blue: &[ContainerInspectResponse],
        green: &ComposeService,
    ) -> Result<Vec<Difference>> {
        let Some(blue) = blue.first() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        if let Some(name) = &green.image {
            let image = docker::image_id(self.docker, name).await?;
            let before = blue.image.clone().unwrap_or_default();
            match image {
                None => found.push(difference("image", &before, &format!("{name}, pulled"))),
                Some(id) if id != before => found.push(difference("image", &before, &id)),
                Some(_) => {}
            }
        }
        found.extend(environment_difference(blue, green));
        found.extend(label_difference(blue, green));
        Ok(found)
    }
}

/// A verdict as a sentence of what can't be promised.
fn sentence(verdict: &Verdict) -> String {
    format!("{}: {}", verdict.reason, verdict.meaning)
}

pub(crate) fn difference(what: &str, before: &str, after: &str) -> Difference {
    Difference {
        what: what.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    }
}

pub(crate) fn environment_difference(
    blue: &ContainerInspectResponse,
    green: &ComposeService,
) -> Option<Difference> {
    // A container without any variable may have none at all.
    let environment = blue.config.as_ref()?.env.iter().flatten();
    let before: BTreeMap<&str, &str> = environment
        .filter_map(|entry| entry.split_once('='))
        .collect();
    let changed: Vec<&str> = green
        .environment
        .iter()
        .filter(|(key, value)| {
            value
                .as_ref()
                .is_some_and(|value| before.get(key.as_str()) != Some(&value.reveal()))
        })
        .map(|(key, _)| key.as_str())
        .collect();
    (!changed.is_empty()).then(|| {
        difference(
            "environment",
            "",
            &format!("changed: {}", changed.join(", ")),
        )
    })
}

pub(crate) fn label_difference(
    blue: &ContainerInspectResponse,
    green: &ComposeService,
) -> Option<Difference> {
    let before = blue.config.as_ref()?.labels.as_ref()?;
    let ours = |key: &str| key == "deployment.type" || key.starts_with("dev.teal.");
    let changed: Vec<&str> = green
        .labels
        .iter()
        .filter(|(key, value)| !ours(key) && before.get(*key) != Some(*value))
        .map(|(key, _)| key.as_str())
        .collect();
    (!changed.is_empty())
        .then(|| difference("labels", "", &format!("changed: {}", changed.join(", "))))
}

/// The service of that name.
pub(crate) fn find_service<'a>(model: &'a ComposeModel, name: &str) -> Result<&'a ComposeService> {
    model.services.get(name).ok_or_else(|| {
        let known: Vec<String> = model.services.keys().cloned().collect();
        Error::no_service(&model.name, name, known)
    })
}

/// The limits that Green gets. A rollback takes a revision's as a whole: one that had no limit is
/// without one again.
fn wanted_limits(request: &RolloutRequest, before: Limits, past: &[Revision]) -> Result<Limits> {
    let Some(number) = request.to_revision else {
        return Ok(before.with(request.change));
    };
    past.iter()
        .find(|revision| revision.revision == number)
        .map(|revision| revision.limits_after)
        .ok_or_else(|| Error::NoRevision {
            service: request.service.clone(),
            revision: number.to_string(),
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
