//! Limits that last: written into the project's own files, so that plain `docker compose up -d`
//! leaves the containers of a rollout as they are.
//!
//! Compose makes new containers where its hash of a service differs from the one on the container,
//! and labels are part of it. So what is kept is all that Teal's override says of the service: its
//! limits and its labels.
//!
//! Where the limits were changed on the running containers, Compose's hash on them is still that of
//! the limits they were made with. No text of the files has that hash and the new limits. So the
//! files get what the containers were made from: plain `up` leaves them as they are then, with the
//! new limits in force, and the plan says until when.

use bollard::models::ContainerInspectResponse;
use sha2::{Digest, Sha256};

use teal_compose::{
    Changed, ComposeService, Edit, Files, TargetFile, label_edit, limit_edits, part::LABELS,
};
use teal_docker::{self as docker, compose_label, container_label};
use teal_model::{Error, FileChange, KeepPlan, KeepRequest, Limits, ProjectSource, Result};
use teal_plan::live;
use teal_plan::{Planner, find_service};

/// The keys that limits are written in.
const LIMIT_KEYS: [&[&str]; 3] = [
    &["deploy", "resources", "limits"],
    &["cpus"],
    &["mem_limit"],
];

pub(crate) async fn plan(planner: &Planner<'_>, request: &KeepRequest) -> Result<KeepPlan> {
    let compose = planner.compose;
    let files = planner.read(&request.source).await?;
    let service = find_service(&files.model, &request.service)?;
    let name = request.service.as_str();
    let containers = docker::list(planner.docker, &files.model.name, Some(name)).await?;
    let container = containers.last().ok_or_else(|| Error::CannotChange {
        reason: format!("`{name}` has no container whose limits could be kept"),
        remedy: format!("start it with `docker compose up -d {name}`"),
    })?;
    let in_force = docker::limits(container);
    let labels: Vec<(&str, &str)> = LABELS
        .iter()
        .filter_map(|label| Some((*label, container_label(container, label)?)))
        .collect();
    let target = compose
        .target(&files.source, name, request.place, &LIMIT_KEYS)
        .await?;
    let keeping = Keeping {
        planner,
        files: &files,
        service,
        name,
        containers: &containers,
        target: &target,
        labels: &labels,
    };
    let mut kept = keeping.of(in_force).await?;
    let past = planner
        .history
        .read(&planner.info.id, Some(&files.model.name), Some(name))?;
    let made_with = live::limits_before(&past).filter(|made_with| *made_with != in_force);
    let mut limits = in_force;
    if let Some(made_with) = made_with.filter(|_| !kept.settled) {
        let as_made = keeping.of(made_with).await?;
        if as_made.settled {
            (kept, limits) = (as_made, made_with);
        }
    }
    let Kept {
        file,
        source,
        settled,
    } = kept;
    let file: Vec<FileChange> = file.into_iter().collect();
    Ok(KeepPlan {
        live: (limits != in_force).then_some(in_force),
        id: id(&file),
        project: files.model.name,
        notices: files.model.notices,
        service: request.service.clone(),
        command: compose.command(&source, &[], &["up", "-d"]),
        source: files.source,
        source_after: source,
        limits,
        settled,
        files: file,
    })
}

/// What limits are kept with.
struct Keeping<'a> {
    planner: &'a Planner<'a>,
    files: &'a Files,
    service: &'a ComposeService,
    name: &'a str,
    containers: &'a [ContainerInspectResponse],
    target: &'a TargetFile,
    labels: &'a [(&'a str, &'a str)],
}

/// The files with some limits kept in them.
struct Kept {
    file: Option<FileChange>,
    source: ProjectSource,
    /// Whether Compose leaves the containers as they are.
    settled: bool,
}

impl Keeping<'_> {
    async fn of(&self, limits: Limits) -> Result<Kept> {
        let Self { name, .. } = *self;
        let compose = self.planner.compose;
        let edits = missing_edits(self.service, limits, self.labels, name);
        let Changed {
            file,
            source,
            model,
        } = compose
            .change(self.files, self.target, &edits, &[name])
            .await?;
        let found = find_service(&model, name)?.limits();
        if found != limits {
            return Err(Error::CannotChange {
                reason: format!(
                    "with the change Compose gives `{name}` {found} instead of {limits}: a file that is read later says so"
                ),
                remedy: "choose the override (without `--in-file`), or change that file by hand"
                    .to_owned(),
            });
        }
        let hash = match &file {
            Some(file) => {
                let FileChange { path, after, .. } = file;
                compose.config_hash_with(&source, path, after, name).await?
            }
            None => compose.config_hash(&source, &[], name).await?,
        };
        let made_from = |container| container_label(container, compose_label::CONFIG_HASH);
        Ok(Kept {
            settled: self
                .containers
                .iter()
                .all(|container| made_from(container) == Some(&hash)),
            file,
            source,
        })
    }
}

/// What the files don't say yet.
fn missing_edits(
    service: &ComposeService,
    limits: Limits,
    labels: &[(&str, &str)],
    name: &str,
) -> Vec<Edit> {
    let said = service.limits();
    let mut edits = limit_edits(name, limits, service.limit_keys());
    edits.retain(|edit| match edit.key() {
        "cpus" => said.cpus != limits.cpus,
        _ => said.memory != limits.memory,
    });
    let missing = labels
        .iter()
        .filter(|(key, value)| service.labels.get(*key).map(String::as_str) != Some(*value));
    edits.extend(missing.map(|(key, value)| label_edit(name, key, value)));
    edits
}

/// Stands for exactly these changes.
pub(crate) fn id(files: &[FileChange]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        for part in [&file.path.display().to_string(), &file.diff, &file.after] {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
    }
    format!("{:x}", digest.finalize())
}
