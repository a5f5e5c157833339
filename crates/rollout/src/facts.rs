//! How far an unsettled rollout has come, as its containers show it.

use bollard::{Docker, models::ContainerInspectResponse};

use teal_docker::{self as docker, teal_label};
use teal_history::record::RolloutRecord;
use teal_model::event::Phase;
use teal_model::{ContainerState, Health, Interrupted, ProjectSource, Replica, Result};
use teal_traffic as traffic;

/// What there is of a rollout.
#[derive(Debug)]
pub struct Facts {
    /// Blue's containers that are still there, running or not.
    pub blue: Vec<ContainerInspectResponse>,
    pub green: Vec<ContainerInspectResponse>,
    /// The share of new requests that Green gets; `None` if nothing steers them.
    pub green_percent: Option<u8>,
    /// Whether Blue may have been sent a stop: what of it still runs is about to end then.
    pub blue_may_be_stopping: bool,
    /// How many containers Blue was.
    size: usize,
    /// How many Green was to be.
    green_size: usize,
    /// Whether any of them ran when the rollout began.
    blue_ran: bool,
}

impl Facts {
    pub async fn look(docker: &Docker, unsettled: &RolloutRecord) -> Result<Self> {
        let plan = &unsettled.plan;
        let all = docker::list(docker, &plan.project, Some(&plan.service)).await?;
        let is_blue = |container: &ContainerInspectResponse| {
            (plan.blue.iter()).any(|replica| container.id.as_ref() == Some(&replica.id))
        };
        let (blue, green) = all.into_iter().partition(is_blue);
        let green_percent = traffic::green_percent(docker, &unsettled.rollout).await?;
        Ok(Self {
            blue,
            green,
            green_percent,
            // Records of a Teal that set no mark have no id either: there, Green's share tells.
            blue_may_be_stopping: unsettled.mark(docker).is_set().await?
                || (plan.id.is_empty() && green_percent == Some(100)),
            size: plan.blue.len(),
            green_size: plan.green_size(),
            blue_ran: plan
                .blue
                .iter()
                .any(|replica| replica.state == ContainerState::Running),
        })
    }

    /// Of a service whose Blue ran: Blue and Green as the engine tells of them.
    #[cfg(test)]
    pub(super) fn of(
        (blue, green): (Vec<ContainerInspectResponse>, Vec<ContainerInspectResponse>),
        green_percent: Option<u8>,
        blue_may_be_stopping: bool,
        size: usize,
    ) -> Self {
        Self {
            blue,
            green,
            green_percent,
            blue_may_be_stopping,
            size,
            green_size: size,
            blue_ran: true,
        }
    }

    /// Whether there is a Blue to return to.
    pub fn blue_is_whole(&self) -> bool {
        self.blue.len() == self.size
    }

    /// Whether neither Blue nor Green is there any more: somebody has removed both, as `compose
    /// down` does. What there may be of the service by now is not this rollout's.
    pub fn is_all_gone(&self, rollout: &str) -> bool {
        let is_its = |container: &ContainerInspectResponse| {
            docker::container_label(container, teal_label::ROLLOUT) == Some(rollout)
        };
        self.size > 0 && self.blue.is_empty() && !self.green.iter().any(is_its)
    }

    /// Whether anything on the engine was begun and not ended.
    pub fn is_begun(&self) -> bool {
        self.green_percent.is_some() || (!self.blue.is_empty() && !self.green.is_empty())
    }

    /// The phase that the rollout was in when it was interrupted.
    pub fn phase(&self) -> Phase {
        let is_complete = self.green.len() >= self.green_size;
        let is_up = |replica: &Replica| replica.state == ContainerState::Running;
        let blue_runs = docker::replicas(&self.blue).iter().any(is_up);
        let is_healthy =
            |replica: &Replica| matches!(replica.health, Health::Healthy | Health::None);
        match self.green_percent {
            // Of a Blue that had ended before, nothing shows how far the rollout came.
            _ if self.blue_is_whole() && !self.blue_ran && is_complete => Phase::HealthCheck,
            _ if !self.blue_is_whole() => Phase::Verification,
            // Whatever else there is to see: Blue gets no request any more.
            _ if self.blue_may_be_stopping && blue_runs => Phase::RemoveBlue,
            Some(100) if !blue_runs => Phase::Verification,
            Some(100) => Phase::RemoveBlue,
            Some(1..) => Phase::VerifyTraffic,
            _ if !is_complete => Phase::DeployGreen,
            None if !blue_runs => Phase::Verification,
            None if docker::replicas(&self.green).iter().all(is_healthy) => Phase::RemoveBlue,
            _ => Phase::HealthCheck,
        }
    }

    pub fn interrupted(&self, unsettled: RolloutRecord) -> Interrupted {
        let plan = unsettled.plan;
        Interrupted {
            rollout: unsettled.rollout,
            // By its name it is found whatever has become of the files.
            source: ProjectSource {
                project_name: Some(plan.project.clone()),
                ..plan.source
            },
            project: plan.project,
            service: plan.service,
            started_at: unsettled.started_at,
            phase: self.phase(),
            green_percent: self.green_percent,
            limits_before: plan.limits_before,
            limits_after: plan.limits_after,
            can_roll_back: self.blue_is_whole(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `+` is a healthy container, `~` one that is not healthy yet, `-` one that has ended.
    fn set(text: &str) -> Vec<ContainerInspectResponse> {
        let container = |sign| {
            let (status, health) = match sign {
                '+' => ("running", "healthy"),
                '~' => ("running", "starting"),
                _ => ("exited", "unhealthy"),
            };
            let state = json!({"Status": status, "Health": {"Status": health}});
            serde_json::from_value(json!({ "State": state })).unwrap()
        };
        text.chars().map(container).collect()
    }

    /// The phase of a service of two containers.
    fn phase(blue: &str, green: &str, share: Option<u8>, stopping: bool) -> Phase {
        Facts::of((set(blue), set(green)), share, stopping, 2).phase()
    }

    #[test]
    fn the_phase_is_what_the_containers_show() {
        for (blue, green, share, stopping, expected) in [
            // Steered: Green's share tells.
            ("++", "", Some(0), false, Phase::DeployGreen),
            ("++", "~", Some(0), false, Phase::DeployGreen),
            ("++", "~~", Some(0), false, Phase::HealthCheck),
            ("++", "++", Some(0), false, Phase::HealthCheck),
            ("++", "++", Some(50), false, Phase::VerifyTraffic),
            ("++", "++", Some(100), false, Phase::RemoveBlue),
            ("++", "++", Some(100), true, Phase::RemoveBlue),
            ("+-", "++", Some(100), true, Phase::RemoveBlue),
            ("--", "++", Some(100), true, Phase::Verification),
            ("-", "++", Some(100), true, Phase::Verification),
            ("", "++", None, true, Phase::Verification),
            // Going back: Blue has its requests again, and runs.
            ("++", "++", Some(0), true, Phase::RemoveBlue),
            // Nothing steers: Green's health and Blue's end tell.
            ("++", "", None, false, Phase::DeployGreen),
            ("++", "~~", None, false, Phase::HealthCheck),
            ("++", "+~", None, false, Phase::HealthCheck),
            ("++", "++", None, false, Phase::RemoveBlue),
            ("+-", "++", None, true, Phase::RemoveBlue),
            ("--", "++", None, true, Phase::Verification),
        ] {
            let found = phase(blue, green, share, stopping);
            assert_eq!(found, expected, "{blue} {green} {share:?} {stopping}");
        }
    }

    #[test]
    fn a_blue_that_had_ended_before_shows_nothing() {
        let facts = Facts {
            blue_ran: false,
            ..Facts::of((set("--"), set("++")), Some(100), false, 2)
        };
        assert_eq!(facts.phase(), Phase::HealthCheck);
    }
}
