//! Green before it exists: the model that Compose makes of files and override, and how it differs
//! from Blue.

use std::path::{Path, PathBuf};

use bollard::models::ContainerInspectResponse;

use super::{Planner, live};
use teal_compose::{ComposeService, STDIN, override_file};
use teal_docker::{self as docker, Missing, compose_label, container_label, failed};
use teal_history::configuration::{Configuration, Configurations, difference};
use teal_model::{
    Difference, Error, Limits, LimitsChange, ProjectSource, Result, Revision, RolloutRequest,
    Verdict, VerdictCode,
};

/// Green as it would be.
pub(super) struct Green {
    pub(super) service: ComposeService,
    /// The id of the image that it is to run; `None` if the image is yet to be pulled or built.
    pub(super) image: Option<String>,
    /// What it gets different from Blue besides its limits.
    pub(super) differences: Vec<Difference>,
    /// The file with what an earlier revision ran with, where the project's own say otherwise.
    pub(super) restored_from: Option<PathBuf>,
    pub(super) verdicts: Vec<Verdict>,
    /// Tells what it is created from.
    pub(super) resolved: String,
}

/// What is known of the service before there is a Green.
pub(super) struct Known<'a> {
    pub(super) source: &'a ProjectSource,
    pub(super) project: &'a str,
    /// The service in the files, without Teal's override.
    pub(super) file: &'a ComposeService,
    pub(super) past: &'a [Revision],
    pub(super) blue: &'a [ContainerInspectResponse],
}

impl Planner<'_> {
    /// The service with the new override, as Compose will see it; for a rollback, with what the
    /// revision ran with.
    pub(super) async fn green(
        &self,
        known: &Known<'_>,
        override_text: &str,
        request: &RolloutRequest,
        limits: Limits,
    ) -> Result<Green> {
        let &Known {
            source,
            project,
            file,
            past,
            blue,
        } = known;
        let name = &request.service;
        let (mut service, mut resolved) = self
            .service(source, None, override_text, name, limits)
            .await?;
        let mut configuration = self.configuration(project, name, &service, blue).await?;
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
                Some(_) if self.compose.is_kept_from(&path) => {
                    verdicts.push(out_of_reach(revision, &path));
                }
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

    /// The override is not written yet, so its text goes to Compose by standard input; a text that
    /// Compose refuses ends here, before anything has changed.
    async fn service(
        &self,
        source: &ProjectSource,
        restored_from: Option<&Path>,
        override_text: &str,
        name: &str,
        wanted: Limits,
    ) -> Result<(ComposeService, String)> {
        let extra: Vec<_> = restored_from
            .into_iter()
            .chain([Path::new(STDIN)])
            .collect();
        let text = Some(override_text);
        let mut model = self.compose.model_with(source, &extra, text).await?;
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

    /// What a container of the service would be made from; `None` if its image is yet to come.
    async fn configuration(
        &self,
        project: &str,
        name: &str,
        service: &ComposeService,
        blue: &[ContainerInspectResponse],
    ) -> Result<Option<Configuration>> {
        let built = built_image(project, name, blue);
        let image = service.image.as_deref().unwrap_or(&built);
        let image = docker::image_named(self.docker, image).await?;
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
        let is_known = hashes.iter().any(|hash| hash == made_from);
        let is_other = match service.borrows() {
            _ if is_known => false,
            true => !self.is_left_alone(source, name, blue).await,
            false => true,
        };
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
}

/// Compose's own name for an image that it builds: with `_` where it is set to be like the first
/// Compose (`COMPOSE_COMPATIBILITY`), which Blue shows.
fn built_image(project: &str, service: &str, blue: &[ContainerInspectResponse]) -> String {
    let like_the_first = format!("{project}_{service}");
    let of_blue = blue
        .first()
        .and_then(|blue| blue.config.as_ref()?.image.as_deref());
    match of_blue {
        Some(name) if name == like_the_first => like_the_first,
        _ => format!("{project}-{service}"),
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
    Verdict::warning(
        VerdictCode::RevisionLost,
        format!("image and environment of revision {revision} were not recorded"),
    )
    .means("Green gets that revision's limits, and otherwise what the files say now")
    .remedy("see below what changes besides the limits")
}

fn out_of_reach(revision: u32, path: &Path) -> Verdict {
    Verdict::refused(
            VerdictCode::RevisionLost,
            format!(
                "what revision {revision} ran with is in `{}`, and Docker from the snap store can't read hidden folders",
                path.display()
            ),
    )
    .about_the_request()
        .means("Compose can't be told what ran then")
        .remedy("install Docker from Docker's own packages, or deploy that revision's limits by `--cpus` and `--memory`")
}

fn image_gone(revision: u32, image: &str) -> Verdict {
    Verdict::refused(
        VerdictCode::RevisionLost,
        format!("the image of revision {revision} (`{image}`) is no longer on the engine"),
    )
    .about_the_request()
    .means("what ran then can't be run again")
    .remedy("load or build the image again, or return to another revision with `--to`")
}
