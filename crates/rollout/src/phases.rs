//! What each phase does.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::{
    Driver, Rollout,
    failure::{FailureKind, Trouble},
    health::{Wait, crashed},
    hold::Hold,
    limits::has_limits,
    split::traffic,
    volumes::remove_but_data,
};
use teal_compose::{Compose, part};
use teal_docker::{self as docker, compose_label};
use teal_model::event::{Color, EventKind, Phase};
use teal_model::{ContainerState, Health, Plan, Result};

/// A phase that is done, or why it failed.
type Done = std::result::Result<(), Trouble>;

const UNWRITABLE: &str =
    "see that the project's folder can be written and has room, then deploy again";

/// Good answers that Green has to give once more after Blue has stopped.
const LAST_ANSWERS: u32 = 3;

impl Driver {
    /// Preparation is over: its plan is what is driven.
    pub(super) fn prepared(&mut self, elapsed_ms: u64) {
        self.rollout.emit(EventKind::PhaseDone {
            phase: Phase::Preparation,
            elapsed_ms,
        });
        self.rollout.emit(EventKind::Containers {
            color: Color::Blue,
            replicas: self.plan.blue.clone(),
        });
        self.tell_share(0);
    }

    /// Phase 2: N more containers from the same files with the new limits. Blue is held to all
    /// of the traffic before, so that Green gets none, healthy or not.
    pub(super) async fn deploy_green(&mut self) -> Done {
        let phase = Phase::DeployGreen;
        self.keep_blue().await;
        self.wait_for_room().await;
        // Whoever calls by name finds Green from its start.
        self.green_served |= !self.is_steered();
        // As Traefik has it by now: the plan may have waited.
        self.serving_blue = self.serving_of(&self.live_blue()).await?;
        if self.is_held() {
            self.step(phase, "Holding all traffic on Blue");
        }
        self.hold_blue().await.map_err(|error| traffic(&error))?;
        self.count_unsteered(self.live_blue()).await;
        self.step(phase, "Writing the override with the new limits");
        part::put_in(&self.plan)
            .await
            .map_err(|error| Trouble::from(error).with_hint(UNWRITABLE))?;
        self.expect_only_green().await?;
        let is_steered = self.is_steered();
        let work = scale_up(&self.compose, &self.plan, &self.rollout);
        let steering = (&mut self.traffic, &self.evidence);
        let (docker, serving) = (&self.docker, &mut self.serving_blue);
        Hold::new(docker, &self.rollout, steering, serving, is_steered)
            .during(work)
            .await??;
        self.green = self.find_green().await?;
        self.evidence.green_is(&self.green);
        self.count_unsteered(self.green.clone()).await;
        self.both_run().await;
        self.show(Color::Green).await?;
        self.verify_created().await?;
        self.check_limits().await?;
        self.check_as_planned().await
    }

    /// The containers of the service that were not there before.
    pub(super) async fn find_green(&self) -> Result<Vec<String>> {
        let blue: BTreeSet<_> = self.blue().into_iter().collect();
        let all = docker::list(&self.docker, &self.plan.project, Some(&self.plan.service)).await?;
        Ok(all
            .into_iter()
            .filter_map(|container| container.id)
            .filter(|id| !blue.contains(id))
            .collect())
    }

    /// Phase 3: every container of Green is healthy.
    pub(super) async fn check_health(&mut self) -> Done {
        self.step(Phase::HealthCheck, "Waiting until Green is healthy");
        let options = &self.plan.options;
        let timeout = options.health_timeout();
        let deadline = Instant::now() + timeout;
        let (is_steered, is_held) = (self.is_steered(), self.is_held());
        let wait = Wait {
            docker: &self.docker,
            rollout: &self.rollout,
            containers: &self.green,
            timeout,
            poll: Duration::from_millis(options.poll_interval_ms),
        };
        let is_healthy = CancellationToken::new();
        let healthy = async {
            let unchecked = wait.until_healthy().await;
            is_healthy.cancel();
            unchecked
        };
        let held = async {
            // One that has ended by now is the health check's business.
            if let Err(error) = self.traffic.prepare(&self.green).await {
                tracing::warn!(%error, "Green is not made ready for its first share");
            }
            let held = Box::pin(self.traffic.until_held()).await;
            held.map_err(|error| traffic(&error))?;
            if is_held {
                self.evidence.shifted(&self.traffic, 0);
            }
            let steering = (&mut self.traffic, &self.evidence);
            let (docker, serving) = (&self.docker, &mut self.serving_blue);
            Hold::new(docker, &self.rollout, steering, serving, is_steered)
                .during(is_healthy.cancelled())
                .await
        };
        let (unchecked, ()) = tokio::try_join!(healthy, held)?;
        if !unchecked.is_empty() {
            self.until_accepting(&unchecked, deadline).await?;
        }
        self.check_control_group().await?;
        // Nothing holds requests back from a healthy Green then.
        self.green_served |= !is_held || !self.plan.bypass.is_empty();
        // Of a Blue that does not serve any more nothing is asked.
        self.serving_blue = self.serving_of(&self.serving_blue).await?;
        self.show(Color::Green).await?;
        Ok(())
    }

    /// Phase 4: step by step more of the traffic to Green, and each time proof that both answer.
    pub(super) async fn verify_traffic(&mut self) -> Done {
        if !self.is_steered() {
            self.step(
                Phase::VerifyTraffic,
                "Nothing steers requests here, so there is nothing to split or to ask through",
            );
            return Ok(());
        }
        if self.serving_blue.is_empty() {
            self.step(
                Phase::VerifyTraffic,
                "Blue does not serve, so there is nothing to share: Green takes everything",
            );
            return Ok(());
        }
        let steps = self.plan.options.steps.clone();
        for green_percent in steps.into_iter().filter(|percent| *percent < 100) {
            self.verify_share(green_percent).await?;
        }
        Ok(())
    }

    /// Phase 5: all traffic to Green, Blue's requests end, Blue stops. It is not removed yet.
    pub(super) async fn remove_blue(&mut self) -> Done {
        self.watch_callers().await;
        if self.is_steered() {
            self.step(Phase::RemoveBlue, "Sending all traffic to Green");
        }
        self.cut_over().await.map_err(|error| traffic(&error))?;
        let live = self.running_of(&self.live_blue()).await?;
        if !live.is_empty() {
            self.drain_blue(&live).await?;
        }
        self.stop_blue().await?;
        if !self.is_steered() {
            self.tell_share(100);
        }
        self.show(Color::Blue).await?;
        Ok(())
    }

    /// Phase 6: Green is well, has the limits that were asked for, and answers alone.
    pub(super) async fn verify(&mut self) -> Done {
        self.step(Phase::Verification, "Checking Green's health and limits");
        self.verify_green().await?;
        self.step(Phase::Verification, "Checking that Green answers alone");
        let green = self.green.clone();
        self.answers(&[], &green, LAST_ANSWERS)
            .await
            .map_err(|error| verification(super::chain(&error)))?;
        // Last, and not beside the others: Compose takes a whole core for a moment.
        self.verify_hash().await?;
        Ok(())
    }

    async fn verify_green(&self) -> Done {
        let checks = try_join_all(self.green.iter().map(|id| self.verify_container(id)));
        tokio::try_join!(checks, self.check_control_group())?;
        Ok(())
    }

    async fn verify_container(&self, id: &str) -> Done {
        let container = docker::inspect(&self.docker, id)
            .await?
            .ok_or_else(|| verification("Green was removed by somebody else").of_container(id))?;
        if let Some(trouble) = crashed(&container) {
            return Err(trouble);
        }
        let replica = docker::replica(&container);
        if replica.state != ContainerState::Running
            || !matches!(replica.health, Health::Healthy | Health::None)
        {
            let text = format!("Green is {:?} and {:?}", replica.state, replica.health);
            return Err(verification(text.to_lowercase()).of_container(id));
        }
        has_limits(&replica, self.plan.limits_after)
    }

    /// Compose keeps a hash of what a container was made from: equal hashes mean that a later `up`
    /// with both files changes nothing. A difference is worth a warning, not a rollback.
    async fn verify_hash(&self) -> Result<()> {
        let restored_from = self.plan.restored_from.as_deref();
        let extra: Vec<&Path> = restored_from
            .into_iter()
            .chain([self.plan.override_file.as_path()])
            .collect();
        let service = &self.plan.service;
        let compose = &self.compose;
        let now = match compose
            .config_hash(&self.plan.source, &extra, service)
            .await
        {
            Ok(now) => now,
            // Green does not need them any more.
            Err(error) => {
                self.rollout.warn(format!(
                    "the compose files changed during the rollout, and can't be read now: {}",
                    super::chain(&error)
                ));
                return Ok(());
            }
        };
        for id in &self.green {
            let container = docker::inspect(&self.docker, id).await?;
            let made_from = container.as_ref().and_then(|container| {
                docker::container_label(container, compose_label::CONFIG_HASH)
            });
            if made_from.is_some_and(|hash| hash != now) {
                self.rollout.warn("the compose files changed during the rollout: the next `docker compose up` makes new containers".to_owned());
                break;
            }
        }
        Ok(())
    }

    /// The point of no return: Blue and all helpers go. Not to be cut short by an abort.
    pub(super) async fn commit(&mut self) -> Done {
        self.step(Phase::Verification, "Removing Blue");
        let blue = self.blue();
        self.tell_kept_volumes(Color::Blue, &blue).await;
        // One after the other: an engine that removes several at once takes the processors from
        // requests. All are tried, whatever becomes of one.
        let mut removals = Vec::new();
        for id in &blue {
            removals.push(remove_but_data(&self.docker, id).await);
        }
        for (id, removed) in blue.iter().zip(removals) {
            removed.map_err(|error| {
                let cause = super::chain(&error);
                Trouble::new(
                    FailureKind::ScaleDown,
                    format!("Blue can't be removed: {cause}"),
                )
                .of_container(id)
            })?;
        }
        self.rollout.emit(EventKind::Containers {
            color: Color::Blue,
            replicas: Vec::new(),
        });
        self.tell_to_reload_again();
        self.show(Color::Green).await?;
        self.keep_green().await;
        // Green serves by now whatever becomes of the helpers.
        if let Err(error) = self.traffic.release().await {
            self.rollout.warn(format!(
                "helpers of Teal are left: {}",
                super::chain(&error)
            ));
        }
        self.evidence.released();
        Ok(())
    }

    /// The image that Green runs, where there is a Green.
    pub(super) async fn image_after(&self) -> Option<String> {
        let id = self.green.first()?;
        match docker::inspect(&self.docker, id).await {
            Ok(container) => container?.image,
            Err(error) => {
                tracing::warn!(%error, "Green's image is not in the history");
                None
            }
        }
    }

    pub(super) fn step(&self, phase: Phase, text: &str) {
        tracing::debug!(?phase, text);
        self.rollout.emit(EventKind::Step {
            phase,
            text: text.to_owned(),
        });
    }

    /// Tells what has become of a set.
    pub(super) async fn show(&self, color: Color) -> Result<()> {
        let ids = match color {
            Color::Blue => self.blue(),
            Color::Green => self.green.clone(),
        };
        let looks = ids.iter().map(|id| docker::inspect(&self.docker, id));
        let containers: Vec<_> = try_join_all(looks).await?.into_iter().flatten().collect();
        self.rollout.emit(EventKind::Containers {
            color,
            replicas: docker::replicas(&containers),
        });
        Ok(())
    }
}

async fn scale_up(compose: &Compose, plan: &Plan, rollout: &Rollout) -> Done {
    let words = &plan.commands[0];
    let tell = |rollout: &Rollout, text: &str| {
        rollout.emit(EventKind::Step {
            phase: Phase::DeployGreen,
            text: text.to_owned(),
        });
    };
    tell(rollout, &words.join(" "));
    let listener = rollout.clone();
    let output = compose
        .run(words, &plan.working_directory, move |line| {
            tell(&listener, line.trim());
        })
        .await?;
    if output.success {
        return Ok(());
    }
    Err(Trouble::new(
        FailureKind::ScaleUp,
        format!("Compose could not start Green: {}", output.message()),
    ))
}

fn verification(message: impl Into<String>) -> Trouble {
    Trouble::new(FailureKind::Verification, message)
}
