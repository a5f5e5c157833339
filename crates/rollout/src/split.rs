//! The share of new requests that Green gets, and the proof that it does well with it.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};
use teal_docker as docker;
use teal_model::ContainerState;
use teal_model::event::{EventKind, Figures, Phase};
use teal_traffic::{Answered, Demand, TrafficError};

/// How long each step of Verify Traffic may take.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

impl Driver {
    /// Whether Teal decides where requests go.
    pub(super) const fn is_steered(&self) -> bool {
        self.plan.is_steered()
    }

    /// Gives Green this share of new requests, and returns once Traefik does it. Where nothing
    /// steers, nothing happens.
    pub(super) async fn shift(&mut self, green_percent: u8) -> Result<(), TrafficError> {
        if !self.is_steered() {
            return Ok(());
        }
        let (blue, green) = (self.serving_blue.clone(), self.green.clone());
        // A Blue that serves nobody: there is nothing to hold or to share.
        if blue.is_empty() && green_percent < 100 {
            return Ok(());
        }
        self.green_served |= green_percent > 0;
        self.evidence.shifting(green_percent);
        self.traffic.shift(&blue, &green, green_percent).await?;
        self.has_shifted(green_percent);
        Ok(())
    }

    /// Gives Green all new requests. Where nothing of Blue runs any more, there is nothing to go
    /// back to, so that no proof is waited for that may never come.
    pub(super) async fn cut_over(&mut self) -> Result<(), TrafficError> {
        if !self.is_steered() || self.blue_runs().await {
            return self.shift(100).await;
        }
        self.green_served = true;
        self.evidence.shifting(100);
        let green = self.green.clone();
        if !self.traffic.leave_to(&green).await? {
            self.rollout.warn(
                "nothing confirms that requests go to Green, but Blue does not run".to_owned(),
            );
        }
        self.has_shifted(100);
        Ok(())
    }

    /// Whether any of Blue runs now, as far as can be told.
    async fn blue_runs(&self) -> bool {
        self.running_blue().await.iter().any(|runs| *runs)
    }

    /// Whether all of Blue that ran when the rollout began runs now.
    pub(super) async fn all_of_blue_runs(&self) -> bool {
        self.running_blue().await.iter().all(|runs| *runs)
    }

    /// Of each of Blue that ran when the rollout began whether it runs now. One that the engine does
    /// not tell of may.
    async fn running_blue(&self) -> Vec<bool> {
        let live = self.live_blue();
        let looks = live.iter().map(|id| docker::inspect(&self.docker, id));
        let looks = join_all(looks).await.into_iter();
        looks
            .map(|found| match found {
                Ok(Some(found)) => docker::replica(&found).state == ContainerState::Running,
                Ok(None) => false,
                Err(_) => true,
            })
            .collect()
    }

    /// Holds all requests on Blue. Where Docker checks Green's health, Traefik gives Green nothing
    /// before that, and what holds Blue runs by then, so that Traefik's own confirmation may come
    /// meanwhile.
    pub(super) async fn hold_blue(&mut self) -> Result<(), TrafficError> {
        let blue = self.serving_blue.clone();
        if !self.is_steered() || blue.is_empty() {
            return Ok(());
        }
        // There is no Green yet that could answer, and there will be none before this is in force.
        self.evidence.shifted(&self.traffic, 0);
        self.traffic.hold(&blue).await?;
        if !self.has_health_check {
            self.traffic.until_held().await?;
            self.has_shifted(0);
        }
        Ok(())
    }

    /// Gives all requests to Blue, to undo a rollout: even where Traefik has gone away, or confirms
    /// nothing.
    pub(super) async fn return_to_blue(&mut self) -> Result<(), TrafficError> {
        let blue = self.serving_blue.clone();
        if !self.is_steered() || blue.is_empty() {
            return Ok(());
        }
        let phase = self.last_phase();
        self.step(phase, "Sending all traffic to Blue");
        self.evidence.shifting(0);
        if self.traffic.return_to(&blue).await? {
            self.has_shifted(0);
        } else {
            self.until_green_is_left().await;
            self.tell_share(0);
        }
        Ok(())
    }

    fn has_shifted(&mut self, green_percent: u8) {
        self.evidence.shifted(&self.traffic, green_percent);
        self.tell_share(green_percent);
    }

    /// Counts what goes through these where no pin does.
    pub(super) async fn count_unsteered(&mut self, containers: Vec<String>) {
        if !self.is_steered() {
            self.traffic.count(&containers).await;
        }
    }

    /// Tells which share Green gets from now on, if that is news.
    pub(super) fn tell_share(&mut self, green_percent: u8) {
        if self.green_percent.replace(green_percent) != Some(green_percent) {
            self.rollout.emit(EventKind::Split { green_percent });
        }
    }

    /// One step of Verify Traffic: a share of the requests to Green, and proof that both sets
    /// answer well.
    pub(super) async fn verify_share(&mut self, green_percent: u8) -> Result<(), Trouble> {
        let phase = Phase::VerifyTraffic;
        self.step(
            phase,
            &format!("Sending {green_percent} % of the traffic to Green"),
        );
        self.shift(green_percent)
            .await
            .map_err(|error| traffic(&error))?;
        let wanted = self.plan.options.answers;
        self.step(
            phase,
            &format!("Waiting for {wanted} good answers from each container"),
        );
        let (blue, green) = (self.serving_blue.clone(), self.green.clone());
        let answered = self
            .answers(&blue, &green, wanted)
            .await
            .map_err(|error| traffic(&error))?;
        match answered {
            Some(Answered { blue, green }) => {
                self.step(
                    phase,
                    &format!("Blue: {}; Green: {}", words(blue), words(green)),
                );
            }
            None => self.step(
                phase,
                "Nothing of the service can be asked from here: that both answer is not shown",
            ),
        }
        Ok(())
    }

    /// So many good answers from each of these containers; `None` if nobody can be asked.
    pub(super) async fn answers(
        &mut self,
        blue: &[String],
        green: &[String],
        wanted: u32,
    ) -> Result<Option<Answered>, TrafficError> {
        let rollout = &self.rollout;
        let demand = Demand {
            answers: wanted,
            timeout: STEP_TIMEOUT,
            options: self.plan.options.clone(),
        };
        self.traffic
            .verify(
                blue,
                green,
                &demand,
                |blue_answers, green_answers, failed| {
                    // Green alone is checked in passing.
                    if blue.is_empty() {
                        return;
                    }
                    rollout.emit(EventKind::Answers {
                        blue: blue_answers,
                        green: green_answers,
                        failed,
                        wanted,
                    });
                },
            )
            .await
    }
}

fn words(figures: Figures) -> String {
    format!(
        "{} of {} requests failed, p50 {:.0} ms, p99 {:.0} ms",
        figures.failed, figures.requests, figures.p50_ms, figures.p99_ms
    )
}

pub(super) fn traffic(error: &TrafficError) -> Trouble {
    let hint = error.hint();
    Trouble::new(FailureKind::Traffic, super::chain(error)).with_hint(hint)
}
