//! Drift: what the next plain `docker compose up` would do to a service, and what was changed in
//! its containers by other hands. Pure: what was found goes in.

use std::collections::BTreeMap;

use bollard::models::ContainerInspectResponse;

use teal_compose::ComposeService;
use teal_docker::{self as docker, compose_label, container_label, teal_label};
use teal_history::configuration::{difference, shown_both};
use teal_model::{Difference, Drift, Limits, NextUp, Revision};
use teal_plan::live::limits_before;

#[cfg(test)]
mod tests;

/// What is known of a service and its files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    /// As the files say, without Teal's override.
    pub(crate) file: &'a ComposeService,
    /// Compose's hash of that; `None` if the source does not enable the service.
    pub(crate) hash: Option<&'a str>,
    /// As the files and Teal's override say.
    pub(crate) effective: &'a ComposeService,
    /// Compose's hash of that; `None` if there is no override.
    pub(crate) effective_hash: Option<&'a str>,
    /// The same before limits were changed on the running containers; `None` if none were.
    pub(crate) hash_before_update: Option<&'a str>,
    /// The id of the image that the file names, where the engine has it.
    pub(crate) image: Option<&'a str>,
    /// Its containers on the engine.
    pub(crate) containers: &'a [ContainerInspectResponse],
    /// The service's past rollouts, the newest first.
    pub(crate) past: &'a [Revision],
    /// The command that brings up what the files say.
    pub(crate) command: &'a [String],
}

/// `None` if files and containers agree, or where there is nothing to compare.
pub(crate) fn drift(found: &Found) -> Option<Drift> {
    let hash = found.hash?;
    let newest = found.containers.last()?;
    // While a rollout is under way two sets run: the next `up` is to wait for its end.
    if !is_one_set(found.containers) {
        return None;
    }
    let stale = |container: &&ContainerInspectResponse| {
        made_from(container) != Some(hash) || !found.has_current_image(container)
    };
    let stale: Vec<_> = found.containers.iter().filter(stale).collect();
    let replicas = found.replicas();
    let next_up = match (stale.is_empty(), &replicas) {
        (false, _) => NextUp::Recreate,
        (true, Some(_)) => NextUp::Scale,
        (true, None) => NextUp::Nothing,
    };
    let mut differences = match stale.last() {
        Some(container) => found.differences(container),
        None => Vec::new(),
    };
    differences.extend(replicas);
    let (by_hand, live) = found.changed_while_running(newest, hash);
    if next_up == NextUp::Nothing && by_hand.is_empty() && live.is_empty() {
        return None;
    }
    let ours = |container: &&ContainerInspectResponse| {
        found.is_with_override(container) && found.has_current_image(container)
    };
    Some(Drift {
        next_up,
        keepable: next_up == NextUp::Recreate && stale.iter().all(ours),
        differences,
        by_hand,
        live,
        command: found.command.to_vec(),
    })
}

/// Whether all containers are of the same rollout, or of none.
fn is_one_set(containers: &[ContainerInspectResponse]) -> bool {
    let rollout = |container| container_label(container, teal_label::ROLLOUT);
    let mut rollouts = containers.iter().map(rollout);
    let first = rollouts.next();
    rollouts.all(|rollout| Some(rollout) == first)
}

fn made_from(container: &ContainerInspectResponse) -> Option<&str> {
    container_label(container, compose_label::CONFIG_HASH)
}

impl Found<'_> {
    /// Compose makes new containers when a name means another image than before.
    fn has_current_image(&self, container: &ContainerInspectResponse) -> bool {
        match (container_label(container, compose_label::IMAGE), self.image) {
            (Some(made_from), Some(image)) => made_from == image,
            _ => true,
        }
    }

    fn replicas(&self) -> Option<Difference> {
        let (now, wanted) = (self.containers.len(), self.file.replicas() as usize);
        (now != wanted).then(|| difference("replicas", &now.to_string(), &wanted.to_string()))
    }

    /// Where the container differs from the files, in the words of a person.
    fn differences(&self, container: &ContainerInspectResponse) -> Vec<Difference> {
        let mut found = limits_difference(docker::limits(container), self.file.limits());
        if !self.has_current_image(container) {
            let before = container.image.as_deref().unwrap_or_default();
            found.push(difference("image", before, self.image.unwrap_or_default()));
        }
        found.extend(environment_difference(container, self.file));
        found.extend(command_difference(container, self.file));
        found.extend(label_difference(container, self.file));
        if found.is_empty() {
            let what = if self.is_with_override(container) {
                "the files lack the labels of Teal's rollout"
            } else {
                "another key of the service has changed"
            };
            found.push(difference("other", "", what));
        }
        found
    }

    /// Whether it was made from the files and Teal's override, before or after its limits were
    /// changed while it ran.
    fn is_with_override(&self, container: &ContainerInspectResponse) -> bool {
        let made_from = made_from(container);
        made_from.is_some() && [self.effective_hash, self.hash_before_update].contains(&made_from)
    }

    /// Limits in force that the container was not made with: those that others gave it, and those
    /// that Teal did.
    fn changed_while_running(
        &self,
        container: &ContainerInspectResponse,
        hash: &str,
    ) -> (Vec<Difference>, Vec<Difference>) {
        let now = docker::limits(container);
        let last = self.past.iter().find(|revision| revision.took_effect());
        let by_teal = last.map(|revision| revision.limits_after);
        let made = match made_from(container) {
            Some(made) if made == hash => Some(self.file.limits()),
            Some(made) if Some(made) == self.hash_before_update => limits_before(self.past),
            Some(made) if Some(made) == self.effective_hash => Some(self.effective.limits()),
            _ => by_teal,
        };
        let changed = made.map_or_else(Vec::new, |made| limits_difference(made, now));
        match by_teal == Some(now) {
            true => (Vec::new(), changed),
            false => (changed, Vec::new()),
        }
    }
}

fn limits_difference(before: Limits, after: Limits) -> Vec<Difference> {
    let none = || "none".to_owned();
    let mut found = Vec::new();
    if before.cpus != after.cpus {
        let text = |limits: Limits| limits.cpus.map_or_else(none, |cpus| cpus.to_string());
        found.push(difference("cpus", &text(before), &text(after)));
    }
    if before.memory != after.memory {
        let text = |limits: Limits| limits.memory.map_or_else(none, |memory| memory.to_string());
        found.push(difference("memory", &text(before), &text(after)));
    }
    found
}

/// Where the file names a command or an entry point, the container has to have it.
fn command_difference(
    container: &ContainerInspectResponse,
    file: &ComposeService,
) -> Option<Difference> {
    let config = container.config.as_ref()?;
    let entrypoint = (&file.entrypoint, &config.entrypoint);
    let command = (&file.command, &config.cmd);
    let (after, before) = [entrypoint, command]
        .into_iter()
        .filter_map(|(file, container)| Some((file.as_ref()?, container.as_deref().unwrap_or(&[]))))
        .find(|(file, container)| file.as_slice() != *container)?;
    let (before, after) = shown_both(before, after);
    Some(difference("command", &before, &after))
}

fn environment_difference(
    blue: &ContainerInspectResponse,
    green: &ComposeService,
) -> Option<Difference> {
    // A container without any variable may have none at all.
    let environment = blue.config.as_ref()?.env.iter().flatten();
    let before: BTreeMap<&str, &str> = environment
        .filter_map(|entry| entry.split_once('='))
        .collect();
    let changed: Vec<&str> = green
        .environment
        .iter()
        .filter(|(key, value)| {
            value
                .as_ref()
                .is_some_and(|value| before.get(key.as_str()) != Some(&value.reveal()))
        })
        .map(|(key, _)| key.as_str())
        .collect();
    (!changed.is_empty()).then(|| {
        difference(
            "environment",
            "",
            &format!("changed: {}", changed.join(", ")),
        )
    })
}

fn label_difference(blue: &ContainerInspectResponse, green: &ComposeService) -> Option<Difference> {
    let before = blue.config.as_ref()?.labels.as_ref()?;
    let ours = |key: &str| key == "deployment.type" || key.starts_with("dev.teal.");
    let changed: Vec<&str> = green
        .labels
        .iter()
        .filter(|(key, value)| !ours(key) && before.get(*key) != Some(*value))
        .map(|(key, _)| key.as_str())
        .collect();
    (!changed.is_empty())
        .then(|| difference("labels", "", &format!("changed: {}", changed.join(", "))))
}
