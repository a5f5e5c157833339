//! Green's image, where the engine does not have it yet.

use super::Engine;
use crate::{
    Error, Result,
    model::{Level, RolloutRequest, VerdictCode},
    plan::{Planned, Way},
};

impl Engine {
    /// The plan with Green's image on the engine. Where it is not there, it is pulled or built, by the
    /// command that the plan shows, before anything is changed; then the plan is made of what is
    /// known by then.
    ///
    /// # Errors
    /// [`Error::NoImage`] with what Compose says, [`Error::PlanChanged`] where more than the image has
    /// come meanwhile, and what refuses the new plan.
    pub(super) async fn with_image(
        &self,
        planned: Planned,
        request: &RolloutRequest,
        way: Way<'_>,
    ) -> Result<Planned> {
        let Some(words) = &planned.bring else {
            return Ok(planned);
        };
        let compose = &self.inner.compose;
        let directory = &planned.plan.working_directory;
        let told = |line: &str| tracing::info!(line, "bringing Green's image");
        let output = compose.run(words, directory, told).await?;
        let failed = |message| Error::NoImage {
            command: words.join(" "),
            message,
        };
        if !output.success {
            return Err(failed(output.message()));
        }
        let files = compose.read(&request.source).await?;
        let again = self.planner().plan_for_good(files, request, way).await?;
        if again.bring.is_some() {
            return Err(failed(
                "it succeeded, and the image is not there".to_owned(),
            ));
        }
        if !is_still(&planned, &again) {
            return Err(Error::PlanChanged {
                plan: Box::new(again.plan),
            });
        }
        again.accepted()
    }
}

/// Whether a plan is the one before but for what the image tells, which nobody could know then.
fn is_still(before: &Planned, now: &Planned) -> bool {
    let files = |planned: &Planned| {
        let basis = planned.basis.as_ref();
        basis.map(|basis| (basis.files.clone(), basis.edge.clone()))
    };
    let blue = |planned: &Planned| -> Vec<String> {
        let replicas = planned.plan.blue.iter();
        replicas.map(|replica| replica.id.clone()).collect()
    };
    // With force nobody would see what only the image asks for.
    let forced = |planned: &Planned| -> Vec<VerdictCode> {
        let verdicts = planned.plan.verdicts.iter();
        verdicts
            .filter(|verdict| planned.plan.options.force && verdict.level == Level::NeedsForce)
            .map(|verdict| verdict.code)
            .collect()
    };
    let (was, is) = (&before.plan, &now.plan);
    files(before) == files(now)
        && blue(before) == blue(now)
        && forced(now).iter().all(|code| forced(before).contains(code))
        && was.limits_after == is.limits_after
        && was.replicas == is.replicas
        && was.traffic == is.traffic
}
