//! What `up` would do to containers, asked from Compose itself.

use std::{collections::BTreeSet, path::Path};

use super::{Compose, process, working_directory};
use crate::model::ProjectSource;

impl Compose {
    /// The names of the containers that `up` would make again for these services: by a dry run,
    /// which changes nothing. None where Compose can't say.
    pub(crate) async fn recreated(
        &self,
        source: &ProjectSource,
        extra: &[&Path],
        services: &[&str],
    ) -> Option<BTreeSet<String>> {
        let mut up = vec!["up", "--dry-run", "-d", "--no-deps", "--"];
        up.extend(services);
        let words = self.command(source, extra, &up);
        let directory = working_directory(source);
        let told = process::capture(&words, &directory, &self.environment, None).await;
        match told {
            Ok(told) if told.success => Some(recreated(&told.stderr)),
            Ok(told) => {
                let message = process::message(&told.stderr);
                tracing::warn!(message, "Compose's dry run failed");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "Compose's dry run could not be started");
                None
            }
        }
    }
}

/// `Container shop-web-1 Recreate`, in some versions after `DRY-RUN MODE -`.
fn recreated(lines: &str) -> BTreeSet<String> {
    let names = lines.lines().filter_map(|line| {
        let (_, container) = line.split_once("Container ")?;
        let mut words = container.split_whitespace();
        let name = words.next()?;
        words
            .next()
            .is_some_and(|word| word.starts_with("Recreate"))
            .then(|| name.to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_that_would_be_made_again_are_told_from_others() {
        let told = " Container shop-web-1 Running \n Container shop-db-1 Recreate \n Container shop-db-1 Recreated \n\
                    DRY-RUN MODE -  Container shop-api-1  Recreate\n Network shop_default Recreate \n";
        let names: Vec<_> = recreated(told).into_iter().collect();
        assert_eq!(names, ["shop-api-1", "shop-db-1"]);
    }
}
