//! What there is of a project: to compare before and after.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    path::{Path, PathBuf},
};

use bollard::{
    Docker,
    models::Network,
    query_parameters::{ListImagesOptions, ListVolumesOptions},
};

use crate::{Container, containers, files};

/// Everything on the engine and on disk that belongs to one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// By id: name, state and image of each container.
    containers: BTreeMap<String, String>,
    /// By service, or `""` for containers that Compose did not make: how many there are.
    counts: BTreeMap<String, usize>,
    networks: BTreeSet<String>,
    volumes: BTreeSet<String>,
    images: BTreeSet<String>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Snapshot {
    pub(crate) async fn take(docker: &Docker, project: &str, directory: &Path) -> Self {
        let mut all = containers::of_project(docker, project).await;
        // The engine takes its time, and nobody can stop it.
        all.retain(|container| container.state != "removing");
        let mut counts = BTreeMap::new();
        for container in &all {
            *counts
                .entry(container.service.clone().unwrap_or_default())
                .or_default() += 1;
        }
        Self {
            counts,
            containers: all.iter().map(described).collect(),
            networks: networks(docker, project).await,
            volumes: volumes(docker, project).await,
            images: images(docker, project).await,
            files: files::read_all(directory),
        }
    }

    /// Nothing has changed at all: the same containers in the same state, the same files.
    ///
    /// # Panics
    /// Something has changed; the message says what.
    pub fn assert_unchanged(&self, after: &Self) {
        let difference = self.difference(after);
        assert!(difference.is_empty(), "the project changed:\n{difference}");
    }

    /// The same up to which containers do the work: as many of each service and none that Compose
    /// did not make, the same networks, volumes and images, and the same files but for `files`.
    ///
    /// # Panics
    /// Something else has changed, or is left over; the message says what.
    pub fn assert_same_but_for(&self, after: &Self, files: &[&str]) {
        let without = |snapshot: &Self| Self {
            containers: BTreeMap::new(),
            files: (snapshot.files.iter())
                .filter(|(path, _)| !files.iter().any(|name| path == &Path::new(name)))
                .map(|(path, content)| (path.clone(), content.clone()))
                .collect(),
            ..snapshot.clone()
        };
        let difference = without(self).difference(&without(after));
        assert!(difference.is_empty(), "left over or lost:\n{difference}");
    }

    /// A file of the project's directory as it was.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(Path::new(name)).map(Vec::as_slice)
    }

    /// One line for each difference, `-` for what was and `+` for what is; empty if there is none.
    pub fn difference(&self, after: &Self) -> String {
        let mut lines = String::new();
        compare(
            &mut lines,
            &self.containers,
            &after.containers,
            |id, text| format!("container {} {text}", short(id)),
        );
        compare(&mut lines, &self.counts, &after.counts, |service, count| {
            format!("{count} container(s) of `{service}`")
        });
        for (kind, before, after) in [
            ("network", &self.networks, &after.networks),
            ("volume", &self.volumes, &after.volumes),
            ("image", &self.images, &after.images),
        ] {
            compare(&mut lines, &keyed(before), &keyed(after), |name, _| {
                format!("{kind} {name}")
            });
        }
        compare(&mut lines, &self.files, &after.files, |path, content| {
            format!(
                "file {}:\n{}",
                path.display(),
                String::from_utf8_lossy(content)
            )
        });
        lines
    }
}

fn compare<K: Ord, V: PartialEq>(
    lines: &mut String,
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    show: impl Fn(&K, &V) -> String,
) {
    for (sign, from, to) in [('-', before, after), ('+', after, before)] {
        for (key, value) in from {
            if to.get(key) != Some(value) {
                writeln!(lines, "{sign} {}", show(key, value)).expect("a string takes any text");
            }
        }
    }
}

fn keyed(names: &BTreeSet<String>) -> BTreeMap<&str, &str> {
    names.iter().map(|name| (name.as_str(), "")).collect()
}

fn described(container: &Container) -> (String, String) {
    let Container {
        name,
        state,
        image_id,
        ..
    } = container;
    (container.id.clone(), format!("{name} {state} {image_id}"))
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

pub(crate) async fn networks(docker: &Docker, project: &str) -> BTreeSet<String> {
    let all = docker
        .list_networks(None)
        .await
        .expect("the engine lists its networks");
    // Teal's own say in a label whose they are.
    let is_labelled = |network: &Network| {
        let mut labels = network.labels.iter().flat_map(HashMap::values);
        labels.any(|value| value == project)
    };
    all.into_iter()
        .filter(|network| {
            is_labelled(network)
                || network
                    .name
                    .as_deref()
                    .is_some_and(|name| is_of(name, project))
        })
        .filter_map(|network| network.name)
        .collect()
}

pub(crate) async fn volumes(docker: &Docker, project: &str) -> BTreeSet<String> {
    let all = docker
        .list_volumes(None::<ListVolumesOptions>)
        .await
        .expect("the engine lists its volumes");
    let names = all.volumes.into_iter().flatten().map(|volume| volume.name);
    names.filter(|name| is_of(name, project)).collect()
}

pub(crate) async fn images(docker: &Docker, project: &str) -> BTreeSet<String> {
    let all = docker
        .list_images(None::<ListImagesOptions>)
        .await
        .expect("the engine lists its images");
    let names = all.into_iter().flat_map(|image| image.repo_tags);
    names.filter(|name| is_of(name, project)).collect()
}

/// A project's name is unique, so whatever contains it belongs to the project.
fn is_of(name: &str, project: &str) -> bool {
    name.contains(project)
}
