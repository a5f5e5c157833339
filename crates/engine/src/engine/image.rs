//! Green's image, where the engine does not have it yet.

use super::Engine;
use crate::{
    Error, Result,
    model::RolloutRequest,
    plan::{Planned, Way},
};

impl Engine {
    /// The plan with Green's image on the engine. Where it is not there, it is pulled or built, by the
    /// command that the plan shows, before anything is changed; then the plan is made of what is
    /// known by then.
    ///
    /// # Errors
    /// [`Error::NoImage`] with what Compose says, and what refuses the new plan.
    pub(super) async fn with_image(
        &self,
        planned: Planned,
        request: &RolloutRequest,
        way: Way<'_>,
    ) -> Result<Planned> {
        let Some(words) = &planned.bring else {
            return Ok(planned);
        };
        let compose = &self.inner.compose;
        let directory = &planned.plan.working_directory;
        let told = |line: &str| tracing::info!(line, "bringing Green's image");
        let output = compose.run(words, directory, told).await?;
        let failed = |message| Error::NoImage {
            command: words.join(" "),
            message,
        };
        if !output.success {
            return Err(failed(output.message()));
        }
        let files = compose.read(&request.source).await?;
        let again = self.planner().plan(files, request, way).await?;
        match again.bring {
            None => again.accepted(),
            Some(_) => Err(failed(
                "it succeeded, and the image is not there".to_owned(),
            )),
        }
    }
}
