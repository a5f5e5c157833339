//! What a plan's id stands for.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use teal_model::{
    Difference, Error, Handover, Level, Limits, Plan, ProjectSource, Result, RolloutOptions,
    TrafficPlan, UnnamedVolume, VerdictCode,
};

/// Enough for nobody to meet two plans with the same one, and short enough to be typed.
const HEX_DIGITS: usize = 16;

/// What a plan was made from, as far as it can change meanwhile: digests of what Compose makes of the
/// service, and Green's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// By the project's own files.
    pub files: String,
    /// With all that Green is created from.
    pub green: String,
    /// Teal's edge, where ports are handed over to it.
    pub edge: Option<String>,
    /// `None` if it is yet to be pulled or built.
    pub image: Option<String>,
}

/// All that a plan would change and that it promises. The override's text is not in it: other services
/// of the project have their parts there, and what it says of this one is in the basis.
#[derive(Serialize)]
struct Contents<'a> {
    engine: &'a str,
    project: &'a str,
    service: &'a str,
    source: &'a ProjectSource,
    to_revision: Option<u32>,
    limits: (Limits, Limits),
    blue: Vec<(&'a str, &'a str)>,
    override_file: &'a Path,
    commands: &'a [Vec<String>],
    differences: &'a [Difference],
    traffic: &'a TrafficPlan,
    handover: Option<&'a Handover>,
    unpromised: &'a [String],
    bypass: &'a [String],
    kept_volumes: &'a [UnnamedVolume],
    /// What `--force` is to pass over.
    forced: Vec<VerdictCode>,
    options: &'a RolloutOptions,
    basis: [Option<&'a str>; 4],
}

/// The id of a plan: another one as soon as anything of what it would do is another.
pub(super) fn id(plan: &Plan, basis: &Basis, engine: &str) -> String {
    let blue = plan.blue.iter();
    let forced = plan.verdicts.iter();
    let contents = Contents {
        engine,
        project: &plan.project,
        service: &plan.service,
        source: &plan.source,
        to_revision: plan.to_revision,
        limits: (plan.limits_before, plan.limits_after),
        blue: blue
            .map(|replica| (replica.id.as_str(), replica.image_id.as_str()))
            .collect(),
        override_file: &plan.override_file,
        commands: &plan.commands,
        differences: &plan.differences,
        traffic: &plan.traffic,
        handover: plan.handover.as_ref(),
        unpromised: &plan.unpromised,
        bypass: &plan.bypass,
        kept_volumes: &plan.kept_volumes,
        forced: forced
            .filter(|verdict| verdict.level == Level::NeedsForce)
            .map(|verdict| verdict.code)
            .collect(),
        options: &plan.options,
        basis: [
            Some(&basis.files),
            Some(&basis.green),
            basis.edge.as_deref(),
            basis.image.as_deref(),
        ],
    };
    // It is data alone, so it can always be written.
    let text = serde_json::to_string(&contents).unwrap_or_default();
    let mut id = format!("{:x}", Sha256::digest(text));
    id.truncate(HEX_DIGITS);
    id
}

impl super::Planned {
    /// This plan, where it is the one that somebody has reviewed, or where nobody has reviewed any.
    ///
    /// # Errors
    /// [`Error::PlanChanged`] with this plan.
    pub fn reviewed_as(self, reviewed: Option<&str>) -> Result<Self> {
        match reviewed {
            Some(id) if id != self.plan.id => Err(Error::PlanChanged {
                plan: Box::new(self.plan),
            }),
            _ => Ok(self),
        }
    }
}
