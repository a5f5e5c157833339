//! What stands in the way of a plan.

use std::path::Path;

use bollard::models::ContainerInspectResponse;

use super::{
    Planner, Way, besides_green, folder,
    green::{Green, is_for_the_files},
};
use crate::live;
use teal_compose::{ComposeModel, ComposeService, STDIN};
use teal_docker as docker;
use teal_model::{
    ContainerState, HealthCheck, Limits, LiveUpdate, ProjectSource, Replica, Result,
    RolloutRequest, TrafficPlan, Verdict, VerdictCode,
};
use teal_readiness::{self as readiness, Facts, Found, InUse, Wish};
use teal_traffic::{self as traffic, Survey};

/// What is judged.
pub(super) struct Situation<'a> {
    pub(super) request: &'a RolloutRequest,
    pub(super) source: &'a ProjectSource,
    /// The files without Teal's override.
    pub(super) base: &'a ComposeModel,
    pub(super) service: &'a ComposeService,
    pub(super) directory: &'a Path,
    pub(super) override_file: &'a Path,
    /// What the override is to say.
    pub(super) override_text: &'a str,
    pub(super) blue: &'a [ContainerInspectResponse],
    pub(super) replicas: &'a [Replica],
    pub(super) survey: &'a Survey,
    pub(super) green: &'a Green,
    /// The health check that Green's image brings itself.
    pub(super) image_health: Option<&'a HealthCheck>,
    /// What Green gets.
    pub(super) limits: Limits,
    /// How many containers Green gets.
    pub(super) wanted: u32,
    /// `None` if nobody waits for it.
    pub(super) in_use: Option<InUse>,
}

impl Situation<'_> {
    /// Whether Blue may have requests in flight.
    pub(super) fn blue_runs(&self) -> bool {
        let mut replicas = self.replicas.iter();
        replicas.any(|replica| replica.state == ContainerState::Running)
    }

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

    /// Leaves what concerns the way that the limits come into force, the worst first.
    pub(super) fn narrow(&self, verdicts: &mut Vec<Verdict>, way: Way<'_>, live: &LiveUpdate) {
        if let Way::Live = way {
            live::narrow(verdicts, live, &self.request.service);
        } else if self.is_idle() {
            verdicts.push(nothing_to_change());
        }
        readiness::sort(verdicts);
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
                ports: survey.ports(),
                published: &docker::published(blue),
            }),
            options: &request.options,
            engine: self.info,
            wish: Some(Wish {
                limits: situation.limits,
                replicas: situation.wanted.into(),
                in_use: situation.in_use,
            }),
        });
        verdicts.extend(survey.verdicts.iter().cloned());
        let cannot_weigh = survey.can_weigh().err();
        // Where nothing steers, no traffic is shared.
        let (serving, green) = match survey.plan {
            TrafficPlan::Steered { .. } => {
                let replicas = situation.replicas.iter();
                let serving = replicas.filter(|replica| replica.gets_requests());
                (serving.count(), situation.wanted as usize)
            }
            TrafficPlan::Unsteered { .. } => (1, 1),
        };
        let options = &request.options;
        verdicts.extend(options.verdicts(cannot_weigh.as_deref(), serving, green));
        verdicts.extend(situation.green.verdicts.iter().cloned());
        verdicts
    }

    /// What only trying shows: what Compose would do besides creating Green, whether the override
    /// can be written, and how the service answers.
    pub(super) async fn look_ahead(
        &self,
        situation: &Situation<'_>,
        way: Way<'_>,
    ) -> Result<Vec<Verdict>> {
        let unexpected = traffic::unexpected(situation.survey, &situation.request.options);
        let (file, text) = (situation.override_file, situation.override_text);
        let mut verdicts: Vec<_> = unexpected.await.into_iter().collect();
        verdicts.extend(folder::verdict(file, text));
        // Without the image a dry run fails; it is asked again once that is there.
        let creates = !matches!(way, Way::Live)
            && situation.green.image.is_some()
            && !situation.blue.is_empty();
        if creates {
            let up = self.up(situation, Path::new(STDIN));
            let foreseen = besides_green(
                self.compose,
                &up,
                situation.directory,
                Some(text),
                situation.replicas,
            );
            verdicts.extend(foreseen.await?);
        }
        Ok(verdicts)
    }
}

fn nothing_to_change() -> Verdict {
    Verdict::refused(
        VerdictCode::NothingToChange,
        "nothing to change: it runs what the files say",
    )
    .about_the_request()
    .remedy("change the file, give `--cpus` or `--memory`, or replace the containers anyway with `--recreate`")
}
