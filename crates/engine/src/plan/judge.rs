//! What stands in the way of a plan.

use std::{collections::HashMap, path::Path, time::Duration};

use bollard::models::ContainerInspectResponse;
use jiff::{SignedDuration, Timestamp};

use super::{
    Planner,
    green::{Green, is_for_the_files},
};
use crate::{
    compose::{ComposeModel, ComposeService},
    docker::{self, UsageNow},
    live,
    model::{
        ContainerState, Limits, LiveUpdate, Memory, Readiness, Replica, RolloutRequest, Verdict,
        VerdictCode,
    },
    readiness::{self, Facts, Found, Wish},
    traffic::Survey,
};

/// The age from which a container's average use says something.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

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
    pub(super) wish: Wish,
}

impl Situation<'_> {
    pub(super) fn live_update(&self) -> LiveUpdate {
        live::judge(&live::Facts {
            replicas: self.replicas,
            container: self.blue.first(),
            after: self.limits,
            memory_in_use: self.wish.memory_in_use,
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
            }),
            health_timeout: Duration::from_millis(request.options.health_timeout_ms),
            engine: self.info,
            wish: Some(situation.wish),
        });
        verdicts.extend(survey.verdicts.iter().cloned());
        let cannot_weigh = survey.can_weigh().err();
        verdicts.extend(request.options.verdicts(cannot_weigh.as_deref()));
        verdicts.extend(situation.green.verdicts.iter().cloned());
        verdicts
    }
}

/// What the limits are judged against: what Blue and the engine's other containers use now.
pub(super) fn wish(
    blue: &[ContainerInspectResponse],
    limits: Limits,
    usage: &HashMap<String, UsageNow>,
) -> Wish {
    let used = blue.iter().filter_map(|container| {
        let used = usage.get(container.id.as_deref()?)?;
        Some((container, used))
    });
    let memory = used.clone().map(|(_, used)| used.memory).max();
    let cores = used.filter_map(|(container, used)| {
        let age = Timestamp::now().duration_since(docker::replica(container).started_at?);
        // At its start a container is busier than it will be.
        (age > SETTLED).then_some(used.cpu?.as_secs_f64() / age.as_secs_f64())
    });
    let all = usage.values().map(|used| used.memory).sum();
    Wish {
        limits,
        memory_in_use: memory.map(Memory::from_bytes),
        engine_in_use: Some(Memory::from_bytes(all)),
        cores_in_use: cores.reduce(f64::max),
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
