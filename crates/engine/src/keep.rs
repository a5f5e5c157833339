//! Limits that last: written into the project's own files, so that plain `docker compose up -d`
//! leaves the containers of a rollout as they are.
//!
//! Compose makes new containers where its hash of a service differs from the one on the container,
//! and labels are part of it. So what is kept is all that Teal's override says of the service: its
//! limits and its labels.

use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    compose::{Changed, ComposeService, Edit, label_edit, limit_edits, part::LABELS},
    docker::{self, compose_label, container_label},
    model::{FileChange, KeepPlan, KeepRequest, Limits},
    plan::{Planner, find_service},
};

/// The keys that limits are written in.
const LIMIT_KEYS: [&[&str]; 3] = [
    &["deploy", "resources", "limits"],
    &["cpus"],
    &["mem_limit"],
];

pub(crate) async fn plan(planner: &Planner<'_>, request: &KeepRequest) -> Result<KeepPlan> {
    let compose = planner.compose;
    let files = compose.read(&request.source).await?;
    let service = find_service(&files.model, &request.service)?;
    let name = request.service.as_str();
    let containers = docker::list(planner.docker, &files.model.name, Some(name)).await?;
    let container = containers.last().ok_or_else(|| Error::CannotChange {
        reason: format!("`{name}` has no container whose limits could be kept"),
        remedy: format!("start it with `docker compose up -d {name}`"),
    })?;
    let limits = docker::limits(container);
    let labels: Vec<(&str, &str)> = LABELS
        .iter()
        .filter_map(|label| Some((*label, container_label(container, label)?)))
        .collect();
    let target = compose
        .target(&files.source, name, request.place, &LIMIT_KEYS)
        .await?;
    let edits = missing_edits(service, limits, &labels, name);
    let Changed {
        file,
        source,
        model,
    } = compose.change(&files, &target, &edits, &[name]).await?;
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
    let settled = containers
        .iter()
        .all(|container| container_label(container, compose_label::CONFIG_HASH) == Some(&hash));
    let file: Vec<FileChange> = file.into_iter().collect();
    Ok(KeepPlan {
        id: id(&file),
        project: files.model.name,
        service: request.service.clone(),
        command: compose.command(&source, &[], &["up", "-d"]),
        source: files.source,
        source_after: source,
        limits,
        settled,
        files: file,
    })
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
