//! Before the first change: proof that it can be seen where requests go. On the way back no such
//! proof is waited for; what the sidecars count has to do.

use std::time::{Duration, Instant};

use super::{
    Driver, End, chain,
    drive::unless_stopped,
    failure::{FailureKind, Trouble},
    millis,
    steps::Steps as _,
};
use teal_model::PhaseTiming;
use teal_model::event::{EventKind, Outcome, Phase};
use teal_traffic::TrafficError;

/// How long a set that requests were taken from is watched at most: they may go on to come to it.
const WATCHED: Duration = Duration::from_secs(8);
/// A set without a request for so long gets none any more.
const QUIET: Duration = Duration::from_secs(1);

impl Driver {
    /// The end of Preparation, with a plan that nothing stands in the way of: what can only be found
    /// out by trying. None comes back where the rollout may begin.
    pub(super) async fn prepare(&mut self, took: Duration) -> Option<End> {
        let began = Instant::now();
        self.rollout.emit(EventKind::Planned {
            plan: Box::new(self.plan.clone()),
        });
        let aborted = self.rollout.aborted().clone();
        let lost = self.lost();
        let proved = unless_stopped(aborted, lost, Box::pin(self.find_proof())).await;
        let elapsed_ms = millis(took + began.elapsed());
        self.phases.push(PhaseTiming {
            phase: Phase::Preparation,
            elapsed_ms,
            done: proved.is_ok(),
        });
        match proved {
            Ok(()) => {
                self.prepared(elapsed_ms);
                None
            }
            Err(trouble) => Some(self.refuse(trouble, elapsed_ms).await),
        }
    }

    async fn find_proof(&mut self) -> Result<(), Trouble> {
        self.wait_for_room().await;
        let tried = self.try_proof().await;
        tried.map_err(|error| {
            Trouble::new(FailureKind::Refused, chain(&error)).with_hint(error.hint())
        })?;
        self.watch().await;
        Ok(())
    }

    /// Starts the live probe, in a way that is known to lead to the service where one is.
    pub(super) async fn watch(&self) {
        let (traffic, plan) = (&self.traffic, &self.plan);
        self.evidence.watch(traffic, plan, &self.rollout).await;
    }

    /// Finds out by what each split will be proved, with pins beside Blue that no user's request
    /// goes by.
    pub(super) async fn try_proof(&mut self) -> Result<(), TrafficError> {
        // One that is unhealthy may answer nothing at all, which proves nothing either way.
        let blue = self.serving_blue.clone();
        if !self.is_steered() || blue.is_empty() {
            return Ok(());
        }
        self.step(
            self.last_phase(),
            "Trying how it can be seen where requests go",
        );
        let trial = self.traffic.try_proof(&blue).await?;
        let (routers, reasons): (Vec<_>, Vec<_>) = trial
            .unserved
            .into_iter()
            .map(|unserved| (unserved.router, unserved.reason))
            .unzip();
        if !routers.is_empty() && !self.plan.options.force {
            return Err(TrafficError::Unserved { routers: reasons });
        }
        self.traffic.leave_out(&routers);
        let unsteered = reasons
            .into_iter()
            .map(|reason| format!("{reason}: requests by it are not steered, and may fail"));
        let sentences: Vec<_> = trial.unpromised.into_iter().chain(unsteered).collect();
        for sentence in &sentences {
            self.rollout.warn(sentence.clone());
        }
        self.evidence.cannot_promise(&sentences);
        Ok(())
    }

    /// Nothing has been changed: only the helpers go.
    async fn refuse(&mut self, trouble: Trouble, elapsed_ms: u64) -> End {
        let outcome = trouble.outcome();
        let failure = trouble.with_evidence(&self.docker).await;
        self.rollout.emit(EventKind::PhaseFailed {
            phase: Phase::Preparation,
            elapsed_ms,
            failure: failure.clone(),
        });
        let released = match outcome {
            // Hands off: they are another's by now.
            Outcome::NotRolledBack => Ok(()),
            _ => self.traffic.release().await,
        };
        if let Err(error) = released {
            self.rollout
                .warn(format!("helpers of Teal are left: {}", chain(&error)));
        }
        End {
            outcome,
            failure: Some(failure),
            left_behind: Vec::new(),
        }
    }

    /// On the way back, where nothing has confirmed that requests go to Blue again: Green is left
    /// when it gets none, or has been watched for as long as Traefik can need.
    pub(super) async fn until_green_is_left(&mut self) {
        let green = self.green.clone();
        if green.is_empty() {
            return;
        }
        self.step(
            self.last_phase(),
            "Nothing confirms it; watching until no requests come to Green",
        );
        let began = Instant::now();
        let mut quiet_since = Instant::now();
        let mut before = None;
        while began.elapsed() < WATCHED {
            let Some(now) = self.traffic.arrived(&green).await else {
                // Nothing counts there, and nothing will.
                return;
            };
            if before.replace(now.bytes) != Some(now.bytes) || now.in_flight > 0 {
                quiet_since = Instant::now();
            }
            if quiet_since.elapsed() >= QUIET {
                return;
            }
        }
        self.rollout.warn(
            "requests still come to Green, and nothing confirms that they go to Blue: some may fail as it is removed"
                .to_owned(),
        );
    }
}
