//! What can't be promised of a service's traffic, and why.

use super::{
    held::Held,
    pins::Limited,
    survey::{Steering, Survey},
};
use teal_model::TrafficPlan;

impl Survey {
    /// One sentence for each thing that a rollout with this traffic can't promise.
    pub fn unpromised(&self, has_health_check: bool, blue_runs: bool) -> Vec<String> {
        let mut sentences = match &self.plan {
            TrafficPlan::Unsteered { reason } => {
                let last = format!(
                    "requests in flight on Blue when it stops, and those that arrive at that moment, may fail: {reason}"
                );
                let of_blue = blue_runs.then_some(last).into_iter();
                of_blue
                    .chain(self.without_steering(has_health_check))
                    .collect()
            }
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

    fn without_steering(&self, has_health_check: bool) -> [String; 2] {
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
                "clients that use the service's name reach Green as soon as it runs, healthy or not"
                    .to_owned()
            }
        };
        [
            early,
            "Teal sends no requests of its own: it can't prove that Green answers, or that no request failed".to_owned(),
        ]
    }

    fn with_steering(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        // Of the user's Traefik, what can be asked is found out by trying.
        let is_tried_later = matches!(self.steering, Some(Steering::Pins(_)));
        if !is_tried_later && self.doors_to(None).is_empty() {
            sentences.push(
                "no entry point is reachable from here: Teal can't prove that both sets answer, or that no request failed".to_owned(),
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
