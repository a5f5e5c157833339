//! Whether Green is what was planned: Compose reads the files once more as it creates it.

use std::path::Path;

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};

const AGAIN: &str = "look at what changed, then deploy again";

impl Driver {
    /// Fails where the files changed between the plan and Green. A change that comes
    /// later is not Green's.
    pub(super) async fn check_as_planned(&self) -> Result<(), Trouble> {
        let Some(basis) = &self.basis else {
            return Ok(());
        };
        let other = |text: String| Trouble::new(FailureKind::ScaleUp, text).with_hint(AGAIN);
        let plan = &self.plan;
        let restored_from = plan.restored_from.as_deref();
        let extra: Vec<&Path> = restored_from
            .into_iter()
            .chain([plan.override_file.as_path()])
            .collect();
        let now = self.compose.resolved(&plan.source, &extra).await;
        let now = now.map_err(|error| {
            other(format!(
                "the compose files changed while Green was created, and can't be read now: {}",
                super::chain(&error)
            ))
        })?;
        if now.service(&plan.service) != basis.green {
            return Err(other(
                "the compose files changed while Green was created: it may not be what was planned"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}
