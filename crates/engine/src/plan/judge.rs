//! What stands in the way of a plan.

use std::{path::Path, time::Duration};

use bollard::models::ContainerInspectResponse;

use super::{
    Planner,
    green::{Green, is_for_the_files},
};
use crate::{
    compose::{ComposeModel, ComposeService},
    docker, live,
    model::{
        ContainerState, Limits, LiveUpdate, Readiness, Replica, RolloutRequest, Verdict,
        VerdictCode,
    },
    readiness::{self, Facts, Found, InUse, Wish},
    traffic::Survey,
};

/// What is judged.
pub(super) struct Situation<'a> {
    pub(super) request: &'a RolloutRequest,
    /// The files without Teal's override.
    pub(super) base: &'a ComposeModel,
    pub(super) service: &'a ComposeService,
    pub(super) directory: &'a Path,
    pub(super) blue: &'a [ContainerInspectResponse],
    pub(super) replicas: &'a [Replica],
    pub(super) survey: &'a Survey,
    pub(super) green: &'a Green,
    /// What Green gets.
    pub(super) limits: Limits,
    /// None where nobody waits for it.
    pub(super) in_use: Option<InUse>,
}

impl Situation<'_> {
    pub(super) fn live_update(&self) -> LiveUpdate {
        live::judge(&live::Facts {
            replicas: self.replicas,
            container: self.blue.first(),
            after: self.limits,
            memory_in_use: self.in_use.and_then(|in_use| in_use.memory),
            differences: &self.green.differences,
        })
    }

    /// Whether Green has a health check, from file or image.
    pub(super) fn has_health_check(&self) -> bool {
        let image = self.blue.first().and_then(docker::health_check);
        self.green.service.health_check(image.as_ref()).is_some()
    }

    /// Whether nobody asks for a change, and all containers are as they would be made.
    pub(super) fn is_idle(&self) -> bool {
        let is_as_wanted = |replica: &Replica| {
            replica.limits == self.limits && replica.state == ContainerState::Running
        };
        is_for_the_files(self.request)
            && !self.request.recreate
            && self.green.differences.is_empty()
            && self.replicas.iter().all(is_as_wanted)
    }
}

impl Planner<'_> {
    /// What the service, its traffic, the options and Green's files have in the way.
    pub(super) fn judge(&self, situation: &Situation<'_>) -> Vec<Verdict> {
        let Situation {
            request,
            base,
            service,
            blue,
            survey,
            ..
        } = *situation;
        let image_health = blue.first().and_then(docker::health_check);
        let mut verdicts = readiness::verdicts(&Facts {
            name: &request.service,
            model: base,
            service,
            directory: situation.directory,
            found: Some(Found {
                replicas: situation.replicas,
                image_health: image_health.as_ref(),
                image_volumes: &docker::image_volumes(blue.first(), &service.mounts()),
                routes: &survey.routes,
                is_traefik: survey.is_traefik,
            }),
            health_timeout: Duration::from_millis(request.options.health_timeout_ms),
            engine: self.info,
            wish: Some(Wish {
                limits: situation.limits,
                in_use: situation.in_use,
            }),
        });
        verdicts.extend(survey.verdicts.iter().cloned());
        let cannot_weigh = survey.can_weigh().err();
        verdicts.extend(request.options.verdicts(cannot_weigh.as_deref()));
        verdicts.extend(situation.green.verdicts.iter().cloned());
        verdicts
    }
}

pub(super) fn nothing_to_change() -> Verdict {
    let verdict = readiness::refused(
        VerdictCode::NothingToChange,
        "nothing to change: it runs what the files say",
    );
    Verdict {
        readiness: Readiness::Ready,
        ..verdict.remedy("change the file, give `--cpus` or `--memory`, or replace the containers all the same with `--recreate`")
    }
}
