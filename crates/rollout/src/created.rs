//! Green is exactly what was planned: known before Compose creates it, and looked at right after.

use futures_util::future::try_join_all;

use super::{
    Driver,
    failure::{FailureKind, Trouble},
};
use teal_docker::{self as docker, Missing};
use teal_model::{Level, Result};
use teal_plan::besides_green;

const NOT_ONLY_GREEN: &str = "Blue was not touched; take that change back in the files, or apply it in a maintenance window with `docker compose up -d`, then deploy again";
const OTHER_IMAGE: &str =
    "the image's name means another image by now; see which is wanted, then deploy again";

impl Driver {
    /// Compose would do nothing but create Green. Preparation knew so; since then the rollout may
    /// have waited for others, or was interrupted, and the files are not Teal's.
    pub(super) async fn expect_only_green(&self) -> std::result::Result<(), Trouble> {
        let blue = self.blue();
        let looks = blue.iter().map(|id| docker::inspect(&self.docker, id));
        let blue: Vec<_> = try_join_all(looks).await?.into_iter().flatten().collect();
        let blue = docker::replicas(&blue);
        let plan = &self.plan;
        let found = besides_green(
            &self.compose,
            &plan.commands[0],
            &plan.working_directory,
            None,
            &blue,
        );
        match found.await? {
            // What can't be known needs force, and was told of in Preparation. What is known to stop or
            // change anything else is new, and is refused whatever was said then.
            Some(verdict) if verdict.level == Level::Refused || !plan.options.force => {
                let trouble = Trouble::new(FailureKind::ScaleUp, verdict.reason);
                Err(trouble.with_hint(NOT_ONLY_GREEN))
            }
            _ => Ok(()),
        }
    }

    /// There are as many as planned, and each runs the planned image.
    pub(super) async fn verify_created(&self) -> std::result::Result<(), Trouble> {
        let (found, wanted) = (self.green.len(), self.plan.green_size());
        if found != wanted {
            return Err(Trouble::new(
                FailureKind::ScaleUp,
                format!("Compose created {found} containers where {wanted} were wanted"),
            ));
        }
        let Some(planned) = &self.plan.image else {
            return Ok(());
        };
        for id in &self.green {
            let container = docker::inspect(&self.docker, id).await?;
            let Some(image) = container.and_then(|container| container.image) else {
                continue;
            };
            if image != *planned && !self.is_image(&image, planned).await? {
                let text =
                    format!("Green runs image `{image}` instead of `{planned}`, which was planned");
                let trouble = Trouble::new(FailureKind::ScaleUp, text).of_container(id);
                return Err(trouble.with_hint(OTHER_IMAGE));
            }
        }
        Ok(())
    }

    /// Whether the engine knows both for the same: an image store may give a container the id of
    /// one platform's part.
    async fn is_image(&self, image: &str, planned: &str) -> Result<bool> {
        let found = self.docker.inspect_image(image).await.missing();
        let found = found.map_err(docker::failed(format!("inspect image `{image}`")))?;
        Ok(found.and_then(|found| found.id).as_deref() == Some(planned))
    }
}
