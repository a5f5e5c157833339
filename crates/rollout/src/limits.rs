//! Whether Green has the limits that it was given: before it gets any request, and once more in the
//! end.

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};
use teal_docker as docker;
use teal_model::{Limits, Memory, Replica};

const NOT_HELD: &str =
    "see in `docker info` whether the engine can limit CPUs and memory, then deploy again";

impl Driver {
    /// Green was created with these limits. An engine that can't hold one leaves it out, and says so
    /// to whoever created the container.
    pub(super) async fn check_limits(&self) -> Result<(), Trouble> {
        for id in &self.green {
            if let Some(container) = docker::inspect(&self.docker, id).await? {
                has_limits(&docker::replica(&container), self.plan.limits_after)?;
            }
        }
        Ok(())
    }

    /// Whether the kernel holds what Docker was told. It does for all containers of an engine alike,
    /// so one is asked: Docker 20.10 answers a second question only a second later.
    pub(super) async fn check_control_group(&self) -> Result<(), Trouble> {
        let (Some(id), Some(wanted)) = (self.green.first(), self.plan.limits_after.memory) else {
            return Ok(());
        };
        let used = docker::usage_now(&self.docker, id).await?;
        let in_force = used
            .and_then(|used| used.memory_limit)
            .map(Memory::from_bytes);
        match in_force {
            Some(found) if !wanted.is_held_by(found) => {
                let text = format!("the control group has {found} of memory instead of {wanted}");
                Err(not_held(text, id))
            }
            _ => Ok(()),
        }
    }
}

/// Whether the engine has given a container of Green these limits.
pub(super) fn has_limits(replica: &Replica, wanted: Limits) -> Result<(), Trouble> {
    if replica.limits == wanted {
        return Ok(());
    }
    let text = format!("Green runs with {} instead of {wanted}", replica.limits);
    Err(not_held(text, &replica.id))
}

fn not_held(text: String, id: &str) -> Trouble {
    Trouble::new(FailureKind::Verification, text)
        .with_hint(NOT_HELD)
        .of_container(id)
}
