//! What plain `up` would do to containers, asked from Compose itself.

use std::{collections::BTreeSet, path::Path};

use super::{Compose, Kind, working_directory};
use teal_model::ProjectSource;

impl Compose {
    /// The names of the containers that `up` would make again for these services: by a dry run,
    /// which changes nothing. `None` if Compose can't say.
    pub async fn recreated(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        services: &[&str],
    ) -> Option<BTreeSet<String>> {
        let mut up = vec!["up", "-d", "--no-deps", "--"];
        up.extend(services);
        let words = self.command(source, extra, &up);
        let directory = working_directory(source);
        match self.dry_run(&words, &directory, None).await {
            Ok(steps) => {
                let recreated = steps
                    .into_iter()
                    .filter(|step| step.kind == Kind::Container)
                    .filter(|step| step.what.starts_with("Recreate"));
                Some(recreated.map(|step| step.name).collect())
            }
            Err(error) => {
                tracing::warn!(%error, "Compose's dry run failed");
                None
            }
        }
    }
}
