//! Green before it exists: the model that Compose makes of files and override, and how it differs
//! from Blue.

use std::path::{Path, PathBuf};

use bollard::models::ContainerInspectResponse;

use super::Planner;
use crate::{
    Error, Result,
    compose::{ComposeService, override_file},
    configuration::{Configuration, Configurations, difference},
    docker::{self, Missing, compose_label, container_label, failed},
    live,
    model::{
        Difference, Limits, LimitsChange, ProjectSource, Revision, RolloutRequest, Verdict,
        VerdictCode,
    },
    readiness,
};

/// Green as it would be.
pub(super) struct Green {
    pub(super) service: ComposeService,
    /// What it gets different from Blue besides its limits.
    pub(super) differences: Vec<Difference>,
    /// The file with what an earlier revision ran with, where the project's own say otherwise.
    pub(super) restored_from: Option<PathBuf>,
    pub(super) verdicts: Vec<Verdict>,
    /// Tells what it is created from.
    pub(super) resolved: String,
    /// The id of its image; none where that is yet to come.
    pub(super) image: Option<String>,
}

impl Planner<'_> {
    /// The service with the new override, as Compose will see it; for a rollback, with what the
    /// revision ran with.
    pub(super) async fn green(
        &self,
        source: &ProjectSource,
        override_text: &str,
        request: &RolloutRequest,
        project: &str,
        limits: Limits,
        (file, past): (&ComposeService, &[Revision]),
        blue: &[ContainerInspectResponse],
    ) -> Result<Green> {
        let name = &request.service;
        let (mut service, mut resolved) = self
            .service(source, None, override_text, name, limits)
            .await?;
        let mut configuration = self.configuration(project, name, &service).await?;
        let (mut restored_from, mut verdicts) = (None, Vec::new());
        if let Some(revision) = request.to_revision {
            let path = self
                .history
                .configurations
                .path(&self.info.id, project, name, revision);
            match Configurations::read(&path, name)? {
                None => verdicts.push(only_limits(revision)),
                Some(stored) if !self.has_image(&stored.image).await? => {
                    verdicts.push(image_gone(revision, &stored.image));
                }
                Some(stored) if configuration.as_ref() == Some(&stored) => {}
                Some(stored) => {
                    (service, resolved) = self
                        .service(source, Some(&path), override_text, name, limits)
                        .await?;
                    configuration = Some(stored);
                    restored_from = Some(path);
                }
            }
        }
        let mut differences = differences(blue, configuration.as_ref(), &service);
        // Limits that were asked for change the hash by themselves.
        if differences.is_empty() && is_for_the_files(request) {
            differences.extend(
                self.other_difference(source, (name, file), past, blue)
                    .await?,
            );
        }
        Ok(Green {
            service,
            differences,
            restored_from,
            verdicts,
            resolved,
            image: configuration.map(|configuration| configuration.image),
        })
    }

    /// Compose reads a file, so the override's text goes into one that is gone afterwards; a text
    /// that Compose refuses ends here, before anything has changed.
    async fn service(
        &self,
        source: &ProjectSource,
        restored_from: Option<&Path>,
        override_text: &str,
        name: &str,
        wanted: Limits,
    ) -> Result<(ComposeService, String)> {
        let failed = |source| Error::File {
            operation: "write a temporary file in",
            path: std::env::temp_dir(),
            source,
        };
        let file = tempfile::Builder::new()
            .prefix("teal-")
            .suffix(".yml")
            .tempfile()
            .map_err(failed)?;
        std::fs::write(file.path(), override_text).map_err(failed)?;
        let extra: Vec<_> = restored_from.into_iter().chain([file.path()]).collect();
        let mut model = self.compose.model(source, &extra).await?;
        let service = model
            .services
            .remove(name)
            .ok_or_else(|| Error::Unexpected(format!("the override removes `{name}`")))?;
        let found = service.limits();
        if found != wanted {
            return Err(Error::Unexpected(format!(
                "with the override Compose gives `{name}` {found} instead of {wanted}: \
                 see whether other keys of the service set limits too"
            )));
        }
        Ok((service, model.resolved.service(name).to_owned()))
    }

    /// What a container of the service would be made from; none where its image is yet to come.
    async fn configuration(
        &self,
        project: &str,
        name: &str,
        service: &ComposeService,
    ) -> Result<Option<Configuration>> {
        // Compose's own name for an image that it builds.
        let built = format!("{project}-{name}");
        let image = service.image.as_deref().unwrap_or(&built);
        let image = self
            .docker
            .inspect_image(image)
            .await
            .missing()
            .map_err(failed(format!("inspect image `{image}`")))?;
        Ok(image.map(|image| Configuration::of_service(service, &image)))
    }

    async fn has_image(&self, id: &str) -> Result<bool> {
        let image = self.docker.inspect_image(id).await.missing();
        Ok(image
            .map_err(failed(format!("inspect image `{id}`")))?
            .is_some())
    }

    /// A key that is not looked at by itself, such as a volume: told by Compose's own hash of all
    /// that a container is made from.
    async fn other_difference(
        &self,
        source: &ProjectSource,
        (name, service): (&str, &ComposeService),
        past: &[Revision],
        blue: &[ContainerInspectResponse],
    ) -> Result<Option<Difference>> {
        let Some(made_from) = blue
            .first()
            .and_then(|blue| container_label(blue, compose_label::CONFIG_HASH))
        else {
            return Ok(None);
        };
        let override_path = override_file::path(source);
        let mut hashes = vec![self.compose.config_hash(source, &[], name).await?];
        if override_path.exists() {
            let extra: [&Path; 1] = [&override_path];
            hashes.push(self.compose.config_hash(source, &extra, name).await?);
        }
        let files = (name, service);
        hashes.extend(live::hash_before(self.compose, source, files, past).await?);
        let is_other = !hashes.iter().any(|hash| hash == made_from)
            && !(service.borrows() && self.is_left_alone(source, name, blue).await);
        Ok(is_other.then(|| difference("other", "", "another key of the service has changed")))
    }

    /// Whether Compose itself would leave these containers as they are, with the override or without.
    async fn is_left_alone(
        &self,
        source: &ProjectSource,
        name: &str,
        blue: &[ContainerInspectResponse],
    ) -> bool {
        let override_path = override_file::path(source);
        let with_override: [&Path; 1] = [&override_path];
        let overrides: &[&[&Path]] = match override_path.exists() {
            true => &[&[], &with_override],
            false => &[&[]],
        };
        for extra in overrides {
            let recreated = self.compose.recreated(source, extra, &[name]).await;
            if recreated.is_some_and(|names| {
                blue.iter()
                    .all(|blue| !names.contains(&docker::replica(blue).name))
            }) {
                return true;
            }
        }
        false
    }

    /// The commands in their order. Only the first one is Compose's: Blue is stopped and removed
    /// by id, since `--scale` would remove Green.
    pub(super) fn commands(
        &self,
        source: &ProjectSource,
        green: &Green,
        override_file: &Path,
        service: &str,
        blue: &[ContainerInspectResponse],
    ) -> Vec<Vec<String>> {
        let scale = format!("{service}={}", 2 * blue.len());
        let restored_from = green.restored_from.as_deref();
        let extra: Vec<_> = restored_from.into_iter().chain([override_file]).collect();
        let up = self.compose.command(
            source,
            &extra,
            &[
                "up",
                "-d",
                "--no-deps",
                "--no-recreate",
                "--scale",
                &scale,
                "--",
                service,
            ],
        );
        let ids = || blue.iter().filter_map(|container| container.id.clone());
        let by_id = |words: &[&str]| -> Vec<String> {
            words.iter().map(ToString::to_string).chain(ids()).collect()
        };
        vec![up, by_id(&["docker", "stop"]), by_id(&["docker", "rm"])]
    }
}

/// Whether the request is to roll out what the files say.
pub(super) fn is_for_the_files(request: &RolloutRequest) -> bool {
    request.change == LimitsChange::default() && request.to_revision.is_none()
}

/// Because files or image changed since Blue was made. Values of the environment are nobody's
/// business: only the names are told.
fn differences(
    blue: &[ContainerInspectResponse],
    green: Option<&Configuration>,
    service: &ComposeService,
) -> Vec<Difference> {
    let Some(blue) = blue.first().map(Configuration::of_container) else {
        return Vec::new();
    };
    match (green, &service.image) {
        (Some(green), _) => blue.differences(green),
        (None, Some(name)) => vec![difference("image", &blue.image, &format!("{name}, pulled"))],
        (None, None) => vec![difference("image", &blue.image, "built")],
    }
}

fn only_limits(revision: u32) -> Verdict {
    readiness::warning(
        VerdictCode::RevisionLost,
        format!("image and environment of revision {revision} were not recorded"),
    )
    .means("Green gets that revision's limits, and otherwise what the files say now")
    .remedy("see below what changes besides the limits")
}

fn image_gone(revision: u32, image: &str) -> Verdict {
    Verdict {
        readiness: crate::model::Readiness::Ready,
        ..readiness::refused(
            VerdictCode::RevisionLost,
            format!("the image of revision {revision} (`{image}`) is no longer on the engine"),
        )
        .means("what ran then can't be run again")
        .remedy("load or build the image again, or return to another revision with `--to`")
    }
}
