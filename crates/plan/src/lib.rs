//! Preparation: what a rollout would do, found out without changing anything.

mod commands;
mod folder;
mod foreseen;
mod green;
mod id;
mod in_use;
mod judge;
mod layer;
mod limits;
pub mod live;
mod read;
mod replicas;
mod volumes;

use std::path::Path;

use bollard::{Docker, models::ContainerInspectResponse};

use teal_compose::{
    self as compose, Compose, ComposeModel, ComposeService, Files, Hook, override_file,
};
use teal_docker::{self as docker, EngineHost, teal_label};
use teal_history::History;
use teal_model::{
    EngineInfo, Error, Handover, HealthCheck, Plan, ProjectSource, Replica, Result, Revision,
    RolloutOptions, RolloutRequest, UnnamedVolume, Verdict,
};
use teal_readiness::{self as readiness, InUse};
use teal_traffic::{self as traffic, Survey};

pub use foreseen::besides_green;
use green::{Green, Known};
pub use id::Basis;
pub use in_use::{Usages, in_use};
use judge::Situation;
use limits::Wanted;
pub use read::{by_service, mark_present};
pub use volumes::kept_volumes;

/// How often files are read that change meanwhile.
const READINGS: usize = 3;

/// What a plan is made with.
pub struct Planner<'a> {
    pub docker: &'a Docker,
    /// Where the engine's published ports are.
    pub host: EngineHost,
    pub compose: &'a Compose,
    pub info: &'a EngineInfo,
    pub history: &'a History,
    /// The data directory.
    pub data: &'a Path,
    pub usages: &'a Usages,
}

/// How the limits come to be in force.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// In new containers, by a rollout of this id that nobody has started yet.
    Preview(&'a str),
    /// In new containers, by the rollout of this id. What is in use refuses none, so none waits
    /// for it: it warns by itself.
    Rollout(&'a str),
    /// On the running ones.
    Live,
}

/// A plan, and what was found of the traffic on the way.
pub struct Planned {
    pub plan: Plan,
    pub survey: Survey,
    /// Whether Docker checks Green's health.
    pub has_health_check: bool,
    /// The service's commands for containers that are about to stop.
    pub pre_stop: Vec<Hook>,
    /// What it was made from; not known of a rollout that is taken over.
    pub basis: Option<Basis>,
    /// The command that brings Green's image, where that is not there. It comes before everything.
    pub bring: Option<Vec<String>>,
}

impl Planned {
    /// This plan, where nothing stands in its way.
    pub fn accepted(self) -> Result<Self> {
        let verdicts: Vec<Verdict> = self.plan.refusals().cloned().collect();
        if verdicts.is_empty() {
            return Ok(self);
        }
        Err(Error::Refused {
            verdicts,
            plan: Some(Box::new(self.plan)),
        })
    }
}

impl Planner<'_> {
    /// Makes the plan that is carried out: from files that did not change while it was made, though
    /// Compose reads them several times for it.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] where they do not stand still, and as [`plan`](Self::plan).
    pub async fn plan_for_good(
        &self,
        mut files: Files,
        request: &RolloutRequest,
        way: Way<'_>,
    ) -> Result<Planned> {
        let service = request.service.as_str();
        for _ in 0..READINGS {
            let project = files.model.name.clone();
            let read = files.model.resolved.service(service).to_owned();
            let planned = self.plan(files, request, way).await?;
            files = self.read(&request.source).await?;
            if files.model.name == project && files.model.resolved.service(service) == read {
                return Ok(planned);
            }
            tracing::info!(service, "the files changed while a plan was made of them");
        }
        Err(Error::ProjectInvalid {
            message: "its files change while they are read; try again once they don't".to_owned(),
        })
    }

    /// Makes the plan of a rollout or a live update.
    #[expect(
        clippy::too_many_lines,
        reason = "one look after the other, each of which needs those before"
    )]
    pub async fn plan(
        &self,
        files: Files,
        request: &RolloutRequest,
        way: Way<'_>,
    ) -> Result<Planned> {
        let (source, mut base) = (files.source, files.model);
        mark_present(self, &mut base).await?;
        let name = &request.service;
        let service = find_service(&base, name)?;
        let blue = docker::list(self.docker, &base.name, Some(name)).await?;
        let override_file = override_file::path(&source);
        let override_before = override_file::read_text(&override_file)?;
        let limits_before = blue.first().map_or(service.limits(), docker::limits);
        let project = Some(base.name.as_str());
        let past = self.history.read(&self.info.id, project, Some(name))?;
        let wanted = self.wanted(request, &source, service, limits_before, &past);
        let Wanted { limits, reason } = wanted.await?;
        let written = service.in_their_words(limits);
        let limits_after = service.as_in_force(written);
        let (before, keys) = (override_before.as_deref(), service.limit_keys());
        let merged = override_file::merged(before, name, written, keys, &labels(way));
        let override_after = merged.map_err(|error| error.at(&override_file))?;
        let replicas = docker::replicas(&blue);
        let known = Known {
            source: &source,
            project: &base.name,
            file: service,
            past: &past,
            blue: &blue,
        };
        let green = self.green(&known, &override_after, request, limits_after);
        let now = self.now(way, &blue, &replicas);
        let (mut green, (in_use, layer)) = tokio::try_join!(green, now)?;
        let wanted = replicas::replicas(request, way, service.replicas(), blue.len());
        let changed = replicas::changed(wanted, blue.len());
        green.differences.extend(changed);
        let handover = traffic::handover(self.docker, &base, name, &blue).await?;
        let handed = handover.as_ref();
        let survey = self.survey(&source, handed, &blue, &green).await?;
        let directory = compose::working_directory(&source);
        let image_health = self.image_health(&green.service, &blue).await?;
        let situation = Situation {
            request,
            source: &source,
            base: &base,
            service,
            directory: &directory,
            override_file: &override_file,
            override_text: &override_after,
            blue: &blue,
            replicas: &replicas,
            survey: &survey,
            green: &green,
            image_health: image_health.as_ref(),
            limits: limits_after,
            wanted,
            in_use,
        };
        let live_update = situation.live_update();
        let announced = handed.map(traffic::announcement);
        let mut verdicts = self.judge(&situation);
        verdicts.extend(announced.clone());
        verdicts.extend(layer);
        if handed.is_some() {
            verdicts.extend(traffic::no_image(self.docker, &base).await?);
        }
        verdicts.extend(self.look_ahead(&situation, way).await?);
        situation.narrow(&mut verdicts, way, &live_update);
        let has_health_check = situation.has_health_check();
        let mut unpromised = survey.unpromised(has_health_check, situation.blue_runs());
        unpromised.extend(announced.iter().map(sentence));
        let bring = self.bring(&situation);
        let commands = self.commands(&situation, way, limits_before);
        let options = options(&situation, handover.is_some());
        let basis = Basis {
            files: base.resolved.service(name).to_owned(),
            green: green.resolved,
            edge: handed.map(|_| base.resolved.service(traffic::edge::SERVICE).to_owned()),
            image: green.image.clone(),
        };
        let mut plan = Plan {
            id: String::new(),
            project: base.name.clone(),
            service: name.clone(),
            working_directory: directory,
            revision: next_revision(&past),
            revision_before: current_revision(&past),
            to_revision: request.to_revision,
            limits_before,
            limits_after,
            file_limits: service.limits(),
            limits_reason: reason,
            live_update,
            restored_from: green.restored_from,
            commands,
            kept_volumes: kept(way, &blue),
            attachments: blue.iter().flat_map(traffic::attachments).collect(),
            blue: replicas,
            replicas: wanted,
            image: green.image,
            differences: green.differences,
            override_file,
            override_before,
            override_after,
            traffic: survey.plan.clone(),
            options,
            handover,
            unpromised,
            bypass: base.callers(name),
            notices: base.notices.clone(),
            verdicts,
            source,
        };
        plan.id = id::id(&plan, &basis, &self.info.id);
        Ok(Planned {
            plan,
            survey,
            has_health_check,
            pre_stop: green.service.pre_stop,
            basis: Some(basis),
            bring,
        })
    }
}

impl Planner<'_> {
    /// How the traffic comes to Blue, and will come to Green.
    async fn survey(
        &self,
        source: &ProjectSource,
        handover: Option<&Handover>,
        blue: &[ContainerInspectResponse],
        green: &Green,
    ) -> Result<Survey> {
        match handover {
            Some(handover) => Ok(traffic::survey_handover(
                self.compose,
                self.host,
                source,
                handover,
                blue,
            )),
            None => {
                traffic::survey(self.docker, self.host, blue, Some(&green.service.labels)).await
            }
        }
    }

    /// What is in use now, where somebody waits for that, and a warning of what goes with Blue, where
    /// Blue goes.
    async fn now(
        &self,
        way: Way<'_>,
        blue: &[ContainerInspectResponse],
        replicas: &[Replica],
    ) -> Result<(Option<InUse>, Option<Verdict>)> {
        let in_use = async {
            match way {
                Way::Rollout(_) => Ok(None),
                Way::Preview(_) | Way::Live => {
                    let in_use = in_use(self.docker, replicas, self.usages);
                    in_use.await.map(Some)
                }
            }
        };
        let layer = async {
            match way {
                Way::Preview(_) | Way::Rollout(_) => Ok(self.layer_verdict(blue).await),
                Way::Live => Ok(None),
            }
        };
        tokio::try_join!(in_use, layer)
    }

    /// The health check that a service's image brings itself.
    pub async fn image_health(
        &self,
        service: &ComposeService,
        containers: &[ContainerInspectResponse],
    ) -> Result<Option<HealthCheck>> {
        let named = match &service.image {
            Some(name) => docker::image(self.docker, name).await?,
            None => None,
        };
        docker::health_check_of_image(self.docker, named.as_ref(), containers.first()).await
    }
}

/// Blue's volumes without a name that stay, where Blue goes.
fn kept(way: Way<'_>, blue: &[ContainerInspectResponse]) -> Vec<UnnamedVolume> {
    match way {
        Way::Preview(_) | Way::Rollout(_) => kept_volumes(blue),
        Way::Live => Vec::new(),
    }
}

/// Blue can't be behind the edge while it holds the ports itself: with a handover all traffic moves
/// at once.
/// A health check that needs longer than a rollout usually waits gets that time.
fn options(situation: &Situation<'_>, hands_over: bool) -> RolloutOptions {
    let mut options = situation.request.options.clone();
    let check = situation.green.service.health_check(situation.image_health);
    let deadline = readiness::deadline(&options, check.as_ref());
    options.health_timeout_ms = Some(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
    if hands_over {
        options.steps = vec![100];
    }
    options
}

/// A verdict as a sentence of what can't be promised.
fn sentence(verdict: &Verdict) -> String {
    format!("{}: {}", verdict.reason, verdict.meaning)
}

/// What the override says of the service besides its limits. A live update makes no container that
/// could be labelled.
fn labels(way: Way<'_>) -> Vec<(&'static str, &str)> {
    match way {
        Way::Preview(id) | Way::Rollout(id) => {
            vec![("deployment.type", "blue-green"), (teal_label::ROLLOUT, id)]
        }
        Way::Live => Vec::new(),
    }
}

/// The service of that name.
pub fn find_service<'a>(model: &'a ComposeModel, name: &str) -> Result<&'a ComposeService> {
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
pub fn current_revision(past: &[Revision]) -> Option<u32> {
    past.iter()
        .find(|revision| revision.took_effect())
        .map(|revision| revision.revision)
}
