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
        ContainerState, HealthCheck, Limits, LiveUpdate, Readiness, Replica, RolloutRequest,
        TrafficPlan, Verdict, VerdictCode,
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
    /// The health check that Green's image brings itself.
    pub(super) image_health: Option<&'a HealthCheck>,
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
        self.green.service.health_check(self.image_health).is_some()
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
        let mut verdicts = readiness::verdicts(&Facts {
            name: &request.service,
            model: base,
            service,
            directory: situation.directory,
            found: Some(Found {
                replicas: situation.replicas,
                image_health: situation.image_health,
                image_volumes: &docker::image_volumes(blue.first(), &service.mounts()),
                routes: &survey.routes,
                is_traefik: survey.is_traefik,
                published: &docker::published(blue),
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
        if matches!(survey.plan, TrafficPlan::Steered { .. }) {
            verdicts.extend(cannot_weigh.and_then(|why| uneven(situation.replicas, &why)));
        }
        verdicts.extend(situation.green.verdicts.iter().cloned());
        verdicts
    }
}

/// Sets of different sizes share the traffic by weights, also in halves.
fn uneven(replicas: &[Replica], why: &str) -> Option<Verdict> {
    let (all, serving) = (
        replicas.len(),
        replicas.iter().filter(|it| it.gets_requests()).count(),
    );
    if serving == 0 || serving == all {
        return None;
    }
    let verdict = readiness::refused(
        VerdictCode::BadOption,
        format!("{serving} of its {all} containers serve, and Green has {all}: {why}"),
    );
    let verdict = Verdict {
        readiness: Readiness::Ready,
        ..verdict
            .means(
                "the traffic can't be shared by both sets, so Green can't be verified beside Blue",
            )
            .remedy("bring all of its containers up, or stop all of them")
    };
    Some(verdict)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Health;

    #[test]
    fn what_takes_weights_is_known_before() {
        let replica = |health| Replica {
            id: String::new(),
            name: String::new(),
            number: 1,
            state: ContainerState::Running,
            exit_code: None,
            health,
            limits: Limits::default(),
            started_at: None,
            image_id: String::new(),
            rollout: None,
        };
        let [well, sick] = [Health::Healthy, Health::Unhealthy].map(replica);
        let says = |replicas: &[Replica]| uneven(replicas, "no weights").map(|it| it.reason);
        assert_eq!(
            says(&[well.clone(), well.clone(), sick.clone()]).unwrap(),
            "2 of its 3 containers serve, and Green has 3: no weights"
        );
        assert_eq!(says(&[well.clone(), well]), None);
        assert_eq!(says(&[sick]), None, "nothing is shared");
    }
}
