//! What the driver does to the world, and asks of it. Docker, Compose and Traefik are behind it; in tests
//! a model of them, which fails, dies and comes back where it is told to.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Driver, Rollout, failure::Trouble, lock::Lock, phase::Act, undo::WithoutBlue};
use teal_model::event::{Color, Failure};
use teal_model::{PhaseTiming, Plan, Result};

pub(super) trait Steps {
    fn plan(&self) -> &Plan;

    /// Where events go, and aborts come from.
    fn rollout(&self) -> &Rollout;

    fn phases(&mut self) -> &mut Vec<PhaseTiming>;

    /// Cancelled when others may work on the service.
    fn lost(&self) -> CancellationToken;

    async fn perform(&mut self, act: Act) -> std::result::Result<(), Trouble>;

    /// Ends only when a container of these sets fails, and then with what it was.
    fn guard(&self, sets: &[Color]) -> BoxFuture<'static, Trouble>;

    /// The trouble with what the engine knows of it.
    async fn evidence(&self, trouble: Trouble) -> Failure;

    /// From wherever the rollout is, back to Blue as it was. Can be done again.
    async fn roll_back(&mut self) -> Result<()>;

    /// What can be done where there is no way back. `None` where it is not known how things stand.
    async fn without_blue(&mut self) -> Option<WithoutBlue>;

    /// What a rollout that was not rolled back leaves: one line each.
    async fn left_behind(&self) -> Vec<String>;
}

impl Steps for Driver {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    fn phases(&mut self) -> &mut Vec<PhaseTiming> {
        &mut self.phases
    }

    fn lost(&self) -> CancellationToken {
        self.lock.as_ref().map(Lock::lost).unwrap_or_default()
    }

    async fn perform(&mut self, act: Act) -> std::result::Result<(), Trouble> {
        match act {
            Act::DeployGreen => self.deploy_green().await,
            Act::CheckHealth => Box::pin(self.check_health()).await,
            Act::VerifyTraffic => self.verify_traffic().await,
            Act::RemoveBlue => self.remove_blue().await,
            Act::Verify => self.verify().await,
            Act::Commit => self.commit().await,
        }
    }

    fn guard(&self, sets: &[Color]) -> BoxFuture<'static, Trouble> {
        self.guard_sets(sets)
    }

    async fn evidence(&self, trouble: Trouble) -> Failure {
        trouble.with_evidence(&self.docker).await
    }

    async fn roll_back(&mut self) -> Result<()> {
        Self::roll_back(self).await
    }

    async fn without_blue(&mut self) -> Option<WithoutBlue> {
        Self::without_blue(self).await
    }

    async fn left_behind(&self) -> Vec<String> {
        Self::left_behind(self).await
    }
}
