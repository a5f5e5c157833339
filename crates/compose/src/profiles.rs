//! Profiles that nobody has named and that containers show to be on.

use std::collections::BTreeSet;

use super::{Compose, Files};
use teal_model::{Error, ProjectSource, Result};

/// A profile, and all services that Compose starts where it is on.
struct Profile {
    name: String,
    services: BTreeSet<String>,
}

impl Compose {
    /// The files with the profiles on that services with containers are of, where Compose takes them
    /// together; `present` has these services, the most important first. A service that is left out all
    /// the same is a notice.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`] with Compose's message.
    pub async fn with_profiles_of(&self, files: Files, present: &[String]) -> Result<Files> {
        let is_missing = |name: &&String| !files.model.services.contains_key(*name);
        let missing: Vec<_> = present.iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(files);
        }
        let profiles = self.profiles(&files.source).await?;
        let mut source = files.source.clone();
        let mut left_out = Vec::new();
        for name in missing {
            let mut own = profiles.iter().filter(|it| it.services.contains(name));
            if own.clone().any(|it| source.profiles.contains(&it.name)) {
                continue;
            }
            // Containers of a service that no profile starts are orphans.
            if own.clone().next().is_some() {
                match self.first_taken(&source, &mut own).await? {
                    Some(with) => source = with,
                    None => left_out.push(name),
                }
            }
        }
        let mut files = match source.profiles == files.source.profiles {
            true => files,
            false => Files {
                model: self.model(&source, &[]).await?,
                source,
            },
        };
        files.model.notices.extend(left_out.into_iter().map(|name| {
            format!("`{name}` has containers and is left out: Compose refuses its profile together with those that are on")
        }));
        Ok(files)
    }

    /// The source with the first of these profiles on that Compose takes besides its own.
    async fn first_taken(
        &self,
        source: &ProjectSource,
        profiles: &mut impl Iterator<Item = &Profile>,
    ) -> Result<Option<ProjectSource>> {
        for profile in profiles {
            let mut with = source.clone();
            with.profiles.push(profile.name.clone());
            let words = self.command(&with, &[], &["config", "--quiet"]);
            let directory = super::working_directory(source);
            match self.ask(&words, &directory, None).await {
                Ok(_) => return Ok(Some(with)),
                Err(Error::ProjectInvalid { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// The project's profiles, those that start the fewest services first.
    async fn profiles(&self, source: &ProjectSource) -> Result<Vec<Profile>> {
        let directory = super::working_directory(source);
        let words = self.command(source, &[], &["config", "--profiles"]);
        let names = self.ask(&words, &directory, None).await?;
        let mut profiles = Vec::new();
        for name in names.lines().map(str::trim).filter(|name| !name.is_empty()) {
            let with = ProjectSource {
                profiles: vec![name.to_owned()],
                ..source.clone()
            };
            let words = self.command(&with, &[], &["config", "--services"]);
            match self.ask(&words, &directory, None).await {
                Ok(services) => profiles.push(Profile {
                    name: name.to_owned(),
                    services: services.lines().map(|it| it.trim().to_owned()).collect(),
                }),
                // One that Compose refuses by itself can't be on.
                Err(Error::ProjectInvalid { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        profiles.sort_by_key(|profile| profile.services.len());
        Ok(profiles)
    }
}
