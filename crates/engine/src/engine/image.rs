//! Green's image, where the engine does not have it yet.

use super::Engine;
use teal_model::{Error, Level, Plan, Result, RolloutRequest, VerdictCode};
use teal_plan::{Basis, Planned, Way};

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
        let files = self.planner().read(&request.source).await?;
        let again = self.planner().plan_for_good(files, request, way).await?;
        if again.bring.is_some() {
            return Err(failed(
                "it succeeded, and the image is not there".to_owned(),
            ));
        }
        let before = (&planned.plan, planned.basis.as_ref());
        if !is_still(before, (&again.plan, again.basis.as_ref())) {
            return Err(Error::PlanChanged {
                plan: Box::new(again.plan),
            });
        }
        again.accepted()
    }
}

/// Whether a plan is the one before but for what the image tells, which nobody could know then.
fn is_still(before: (&Plan, Option<&Basis>), now: (&Plan, Option<&Basis>)) -> bool {
    let files =
        |basis: Option<&Basis>| basis.map(|basis| (basis.files.clone(), basis.edge.clone()));
    let blue = |plan: &Plan| -> Vec<String> {
        let replicas = plan.blue.iter();
        replicas.map(|replica| replica.id.clone()).collect()
    };
    // With force nobody would see what only the image asks for.
    let forced = |plan: &Plan| -> Vec<VerdictCode> {
        let verdicts = plan.verdicts.iter();
        verdicts
            .filter(|verdict| plan.options.force && verdict.level == Level::NeedsForce)
            .map(|verdict| verdict.code)
            .collect()
    };
    let ((was, was_from), (is, is_from)) = (before, now);
    files(was_from) == files(is_from)
        && blue(was) == blue(is)
        && forced(is).iter().all(|code| forced(was).contains(code))
        && was.limits_after == is.limits_after
        && was.replicas == is.replicas
        && was.traffic == is.traffic
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerInspectResponse;

    use super::*;
    use teal_docker as docker;
    use teal_model::{Replica, TrafficPlan, Verdict, testing::plan};

    fn basis() -> Basis {
        Basis {
            files: "files".to_owned(),
            green: "green".to_owned(),
            edge: None,
            image: None,
        }
    }

    fn blue() -> Replica {
        docker::replica(&ContainerInspectResponse {
            id: Some("1".to_owned()),
            ..ContainerInspectResponse::default()
        })
    }

    /// Whether the plan is still the one before, when this has changed while the image was brought.
    fn is_still_with(change: impl FnOnce(&mut Plan, &mut Basis)) -> bool {
        let (mut was, before) = (plan("shop", "web"), basis());
        was.options.force = true;
        let (mut is, mut now) = (was.clone(), basis());
        change(&mut is, &mut now);
        is_still((&was, Some(&before)), (&is, Some(&now)))
    }

    #[test]
    fn what_the_image_tells_is_no_change() {
        let brought = |plan: &mut Plan, basis: &mut Basis| {
            plan.image = Some("sha256:1".to_owned());
            basis.image.clone_from(&plan.image);
            basis.green = "another".to_owned();
        };
        assert!(is_still_with(brought));
    }

    #[test]
    fn what_changes_while_the_image_is_brought_is_noticed() {
        assert!(!is_still_with(|_, basis| basis.files = "edited".to_owned()));
        assert!(!is_still_with(
            |_, basis| basis.edge = Some("edited".to_owned())
        ));
        assert!(!is_still_with(|plan, _| plan.blue.push(blue())));
        assert!(!is_still_with(|plan, _| plan.replicas = 7));
        assert!(!is_still_with(|plan, _| {
            plan.limits_after.memory = Some("1G".parse().unwrap());
        }));
        assert!(!is_still_with(|plan, _| {
            plan.traffic = TrafficPlan::Unsteered {
                reason: "Traefik has gone".to_owned(),
            };
        }));
    }

    /// Whoever forced the plan before has not seen it.
    #[test]
    fn what_only_the_image_asks_to_be_forced_is_noticed() {
        let asks = |plan: &mut Plan| {
            let verdict = Verdict::needs_force(
                VerdictCode::SharedVolume,
                "keeps files in `/data`".to_owned(),
            );
            plan.verdicts.push(verdict);
        };
        assert!(!is_still_with(|plan, _| asks(plan)));
        // Without force it refuses the plan by itself.
        assert!(is_still_with(|plan, _| {
            asks(plan);
            plan.options.force = false;
        }));
    }
}
