//! What can't be promised of a service's traffic, and why.

use super::{
    held::Held,
    pins::Limited,
    survey::{Steering, Survey},
};
use teal_model::TrafficPlan;

impl Survey {
    /// One sentence for each thing that a rollout with this traffic can't promise.
    pub fn unpromised(&self, has_health_check: bool) -> Vec<String> {
        let mut sentences = match &self.plan {
            TrafficPlan::Unsteered { reason } => self.without_steering(reason, has_health_check),
            TrafficPlan::Steered { .. } => self.with_steering(),
        };
        sentences.extend(self.unknown.clone());
        sentences.extend(
            self.verdicts
                .iter()
                .filter(|verdict| verdict.level == teal_model::Level::Warning)
                .map(|verdict| format!("{}: {}", verdict.reason, verdict.remedy)),
        );
        sentences
    }

    fn without_steering(&self, reason: &str, has_health_check: bool) -> Vec<String> {
        let early = match (&self.traefik, has_health_check) {
            (Some(traefik), true) => format!(
                "Traefik `{}` may send requests to Green as soon as the engine calls it healthy, before anything is verified",
                traefik.container
            ),
            (Some(traefik), false) => format!(
                "Traefik `{}` may send requests to Green as soon as it runs, ready or not",
                traefik.container
            ),
            (None, _) => {
                "callers by the service's name reach Green as soon as it runs, healthy or not"
                    .to_owned()
            }
        };
        vec![
            format!("requests that are in flight on Blue when it stops, or come in at that moment, may fail: {reason}"),
            early,
            "nothing asks the service from outside: that Green answers, and that no request failed, is not proved".to_owned(),
        ]
    }

    fn with_steering(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        // Of the user's Traefik, what can be asked is found out by trying.
        let is_tried_later = matches!(self.steering, Some(Steering::Pins(_)));
        if !is_tried_later && self.doors_to(None).is_empty() {
            sentences.push(
                "no entry point can be reached from here: that both sets answer, and that no request failed, is not proved".to_owned(),
            );
        }
        if let Some(middleware) = self.unseen_middleware() {
            sentences.push(format!(
                "what middleware `{middleware}` does can't be seen from here: in case it limits requests, the live probe asks once a second only"
            ));
        }
        sentences.extend(self.held.as_ref().map(Held::sentence));
        if !self.is_countable {
            sentences.push(
                "requests inside of HTTP/2 or TLS connections can't be counted: Blue is stopped after the whole drain timeout, with whatever is still in flight".to_owned(),
            );
        }
        sentences
    }

    /// A middleware that the live probe's requests go through and that may count them.
    fn unseen_middleware(&self) -> Option<String> {
        let mut doors = self.doors_to(None).into_iter();
        doors.find_map(|(_, door)| match door.limited {
            Limited::Perhaps(middleware) => Some(middleware),
            Limited::No | Limited::By(_) => None,
        })
    }
}
