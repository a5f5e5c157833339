//! A model of what the driver works on: a service, a proxy before it, the override. Every change is one
//! [`World::change`], after which somebody has to serve; at one of them something happens.

use std::{future::pending, time::Instant};

use bollard::models::ContainerInspectResponse;
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    Facts, Rollout,
    failure::{FailureKind, Trouble, chain},
    phase::Act,
    steps::Steps,
    undo::WithoutBlue,
};
use teal_model::event::{Color, Failure, FailureCode};
use teal_model::{Error, PhaseTiming, Plan, Result, testing};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) runs: bool,
    pub(super) is_healthy: bool,
}

const SERVES: Container = Container {
    runs: true,
    is_healthy: true,
};

/// What outlives Teal's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Engine {
    pub(super) blue: Vec<Container>,
    pub(super) green: Vec<Container>,
    /// Green's share of new requests in percent; `None` where nothing steers them.
    pub(super) share: Option<u8>,
    /// That Blue may have been sent a stop.
    pub(super) stopping: bool,
    pub(super) has_override: bool,
    is_steered: bool,
    size: usize,
}

/// What happens before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The change fails, once.
    Error,
    /// The engine is away from then on.
    Away,
    Abort,
    /// Teal's process dies.
    Kill,
    /// Another Teal takes the rollout over.
    TakenOver,
    /// A container that gets requests turns unhealthy.
    Unhealthy,
}

pub(super) struct World {
    pub(super) engine: Engine,
    /// How the engine was before the fault.
    pub(super) at_fault: Option<(Act, Engine)>,
    pub(super) killed: CancellationToken,
    pub(super) changes: usize,
    act: Act,
    fault: Option<(usize, Fault)>,
    is_away: bool,
    lost: CancellationToken,
    unhealthy: CancellationToken,
    plan: Plan,
    rollout: Rollout,
    phases: Vec<PhaseTiming>,
}

impl Engine {
    pub(super) fn new(is_steered: bool, size: usize) -> Self {
        Self {
            blue: vec![SERVES; size],
            green: Vec::new(),
            share: None,
            stopping: false,
            has_override: false,
            is_steered,
            size,
        }
    }

    /// How it is once Green has replaced Blue.
    pub(super) fn rolled_out(is_steered: bool, size: usize) -> Self {
        Self {
            blue: Vec::new(),
            green: vec![SERVES; size],
            stopping: true,
            has_override: true,
            ..Self::new(is_steered, size)
        }
    }

    /// Whether each request finds a container that answers it.
    fn is_served(&self) -> bool {
        let serves = |set: &[Container]| set.contains(&SERVES);
        match self.share {
            None => serves(&self.blue) || serves(&self.green),
            Some(0) => serves(&self.blue),
            Some(100) => serves(&self.green),
            Some(_) => serves(&self.blue) && serves(&self.green),
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let inspected = |set: &[Container]| set.iter().copied().map(inspected).collect();
        Facts::of(
            (inspected(&self.blue), inspected(&self.green)),
            self.share,
            self.stopping,
            self.size,
        )
    }
}

fn inspected(container: Container) -> ContainerInspectResponse {
    let health = if container.is_healthy {
        "healthy"
    } else {
        "starting"
    };
    let state = json!({
        "Status": if container.runs { "running" } else { "exited" },
        "Running": container.runs,
        "Health": { "Status": health },
    });
    serde_json::from_value(json!({ "State": state })).unwrap()
}

impl World {
    /// The fault happens at the change of this number, counted from 0.
    pub(super) fn new(engine: Engine, fault: Option<(usize, Fault)>) -> Self {
        Self {
            engine,
            at_fault: None,
            killed: CancellationToken::new(),
            changes: 0,
            act: Act::DeployGreen,
            fault,
            is_away: false,
            lost: CancellationToken::new(),
            unhealthy: CancellationToken::new(),
            plan: testing::plan("shop", "web"),
            rollout: Rollout::new("id".into(), "shop".into(), "web".into(), Instant::now()),
            phases: Vec::new(),
        }
    }

    async fn change(&mut self, change: impl FnOnce(&mut Engine)) -> Result<()> {
        let number = self.changes;
        self.changes += 1;
        if let Some((_, fault)) = self.fault.filter(|(at, _)| *at == number) {
            self.at_fault = Some((self.act, self.engine.clone()));
            self.happens(fault).await?;
        }
        if self.is_away {
            return Err(Error::Unexpected("the engine is away".into()));
        }
        change(&mut self.engine);
        assert!(self.engine.is_served(), "nobody serves: {:?}", self.engine);
        Ok(())
    }

    async fn happens(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Error => return Err(Error::Unexpected("it fails".into())),
            Fault::Away => self.is_away = true,
            Fault::Abort => self.rollout.abort(),
            Fault::Kill => {
                self.killed.cancel();
                pending::<()>().await;
            }
            Fault::TakenOver => self.lost.cancel(),
            Fault::Unhealthy => self.unhealthy.cancel(),
        }
        // Whoever watches has the next turn.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn shift(&mut self, percent: u8) -> Result<()> {
        if !self.engine.is_steered {
            return Ok(());
        }
        self.change(|engine| engine.share = Some(percent)).await
    }

    async fn scale_up(&mut self) -> Result<()> {
        self.change(|engine| engine.has_override = true).await?;
        while self.engine.green.len() < self.engine.size {
            let starting = Container {
                is_healthy: false,
                ..SERVES
            };
            self.change(|engine| engine.green.push(starting)).await?;
        }
        Ok(())
    }

    async fn become_healthy(&mut self) -> Result<()> {
        for number in 0..self.engine.green.len() {
            self.change(|engine| engine.green[number].is_healthy = true)
                .await?;
        }
        Ok(())
    }

    async fn stop_blue(&mut self) -> Result<()> {
        self.shift(100).await?;
        self.change(|engine| engine.stopping = true).await?;
        for number in 0..self.engine.blue.len() {
            self.change(|engine| engine.blue[number].runs = false)
                .await?;
        }
        Ok(())
    }

    async fn remove_blue(&mut self) -> Result<()> {
        while !self.engine.blue.is_empty() {
            self.change(|engine| engine.blue.truncate(engine.blue.len() - 1))
                .await?;
        }
        self.release().await
    }

    async fn release(&mut self) -> Result<()> {
        self.change(|engine| engine.share = None).await
    }

    /// As `undo.rs` does it.
    async fn undo(&mut self) -> Result<()> {
        if self.engine.stopping {
            for number in 0..self.engine.blue.len() {
                self.change(|engine| engine.blue[number].runs = false)
                    .await?;
            }
            self.change(|engine| engine.stopping = false).await?;
        }
        if self.engine.blue.len() < self.engine.size {
            return Err(Error::Unexpected("Blue is gone".into()));
        }
        for number in 0..self.engine.blue.len() {
            self.change(|engine| engine.blue[number] = SERVES).await?;
        }
        if self.engine.share.is_some() {
            self.shift(0).await?;
        }
        while !self.engine.green.is_empty() {
            self.change(|engine| engine.green.truncate(engine.green.len() - 1))
                .await?;
        }
        self.change(|engine| engine.has_override = false).await?;
        self.release().await
    }
}

impl Steps for World {
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
        self.lost.clone()
    }

    async fn perform(&mut self, act: Act) -> std::result::Result<(), Trouble> {
        self.act = act;
        match act {
            Act::DeployGreen => {
                self.shift(0).await?;
                self.scale_up().await?;
            }
            Act::CheckHealth => self.become_healthy().await?,
            Act::VerifyTraffic => self.shift(50).await?,
            Act::RemoveBlue => self.stop_blue().await?,
            Act::Verify => self.change(|_| {}).await?,
            Act::Commit => self.remove_blue().await?,
        }
        Ok(())
    }

    fn guard(&self, sets: &[Color]) -> BoxFuture<'static, Trouble> {
        let unhealthy = self.unhealthy.clone();
        let is_guarded = !sets.is_empty();
        let told = async move {
            if !is_guarded {
                pending::<()>().await;
            }
            unhealthy.cancelled().await;
            Trouble::new(FailureKind::Unhealthy, "turned unhealthy")
        };
        told.boxed()
    }

    async fn evidence(&self, trouble: Trouble) -> Failure {
        Failure {
            code: FailureCode::Engine,
            message: format!("{trouble:?}"),
            hint: String::new(),
            container: None,
            exit_code: None,
            out_of_memory: false,
            probe_output: None,
            log: Vec::new(),
        }
    }

    async fn roll_back(&mut self) -> Result<()> {
        self.undo().await
    }

    async fn without_blue(&mut self) -> Option<WithoutBlue> {
        let facts = self.engine.facts();
        if facts.blue_is_whole() || facts.green.is_empty() {
            return None;
        }
        let shifted = self.shift(100).await;
        shifted
            .inspect_err(|error| tracing::warn!(error = chain(error)))
            .ok()?;
        Some(WithoutBlue::GreenServes)
    }

    async fn left_behind(&self) -> Vec<String> {
        vec!["something".into()]
    }
}
