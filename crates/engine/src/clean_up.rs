//! Cleaning up after rollouts that nobody carries on: helpers without a record and without a process.

use std::{collections::BTreeMap, path::Path};

use bollard::{Docker, models::ContainerInspectResponse};
use serde::Serialize;

use teal_docker::{self as docker, compose_label, container_label, teal_label};
use teal_history::record::RolloutRecord;
use teal_model::{Error, Result};
use teal_rollout::lock::{Lock, Locks};
use teal_traffic::{self as traffic, Helper, edge};

/// What has become of the helpers that were on the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanedUp {
    /// The names of the helpers that are gone.
    pub removed: Vec<String>,
    pub kept: Vec<Kept>,
}

/// The helpers of a rollout that are still needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    pub helpers: Vec<String>,
    /// Why, and what to do about it.
    pub reason: String,
}

/// Removes the helpers that nobody needs.
pub(crate) async fn clean_up(docker: &Docker, data: &Path, locks: &Locks) -> Result<CleanedUp> {
    let mut rollouts: BTreeMap<String, Vec<Helper>> = BTreeMap::new();
    for helper in traffic::helpers(docker).await? {
        rollouts
            .entry(helper.rollout.clone())
            .or_default()
            .push(helper);
    }
    let mut cleaned = CleanedUp::default();
    for (rollout, helpers) in rollouts {
        let claim = claim(docker, data, locks, &rollout, &helpers).await?;
        let names = helpers.into_iter().map(|helper| helper.name).collect();
        match claim {
            // The lock, where there is something to lock, is held until they are gone.
            Claim::Free(lock) => {
                traffic::remove_helpers(docker, &rollout).await?;
                if let Some(lock) = lock {
                    lock.release().await;
                }
                cleaned.removed.extend::<Vec<_>>(names);
            }
            Claim::Needed(reason) => cleaned.kept.push(Kept {
                helpers: names,
                reason,
            }),
        }
    }
    locks.remove_stale().await?;
    // The record is there before anything of a rollout is, and goes after all of it.
    let unsettled = RolloutRecord::list(docker).await?;
    let is_needed = |rollout: &str| unsettled.iter().any(|one| one.rollout == rollout);
    edge::remove_waiting_rooms(docker, is_needed)
        .await
        .map_err(docker::failed("remove a network that a rollout has left"))?;
    traffic::remove_unused(docker).await?;
    Ok(cleaned)
}

/// Whether the helpers of a rollout may go.
enum Claim {
    Free(Option<Lock>),
    Needed(String),
}

async fn claim(
    docker: &Docker,
    data: &Path,
    locks: &Locks,
    rollout: &str,
    helpers: &[Helper],
) -> Result<Claim> {
    // Only who has the locks can tell whether somebody needs them.
    let own = data.display().to_string();
    if let Some(other) = helpers
        .iter()
        .find(|helper| helper.data.as_ref() != Some(&own))
    {
        let where_from = other.data.as_deref().unwrap_or("an unknown place");
        return Ok(Claim::Needed(format!(
            "a Teal with its data in {where_from} started them: clean up with that one"
        )));
    }
    let mut service = None;
    for helper in helpers {
        let container = docker::inspect(docker, &helper.target).await?;
        service = service.or(container.as_ref().and_then(|container| {
            let project = container_label(container, compose_label::PROJECT)?;
            let service = container_label(container, compose_label::SERVICE)?;
            Some((project.to_owned(), service.to_owned()))
        }));
    }
    // What they stood beside is gone.
    let Some((project, service)) = service else {
        return Ok(Claim::Free(None));
    };
    let lock = match locks.take(&project, &service).await {
        Ok(lock) => lock,
        Err(Error::Busy { holder, .. }) => {
            let reason = format!("a rollout of `{service}` in project `{project}` runs ({holder})");
            return Ok(Claim::Needed(reason));
        }
        Err(error) => return Err(error),
    };
    if RolloutRecord::find(docker, &project, &service)
        .await?
        .is_some()
    {
        return Ok(Claim::Needed(format!(
            "`teal -p {project} recover {service}` settles its rollout"
        )));
    }
    let containers = docker::list(docker, &project, Some(&service)).await?;
    let is_green = |container: &&ContainerInspectResponse| {
        container_label(container, teal_label::ROLLOUT) == Some(rollout)
    };
    let green = containers.iter().filter(is_green).count();
    if green > 0 && green < containers.len() {
        return Ok(Claim::Needed(format!(
            "Blue and Green of `{service}` in project `{project}` are both there, and no record tells which is meant to stay: remove the containers of one, then clean up again"
        )));
    }
    Ok(Claim::Free(Some(lock)))
}
