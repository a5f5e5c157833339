//! What a container was made from besides its limits: image, environment, entry point, command and
//! labels. Enough to say what changed, and to run it so again.

mod file;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bollard::models::{ContainerInspectResponse, ImageInspect};

use teal_compose::ComposeService;
use teal_model::Difference;

pub use file::Configurations;
pub use words::{shown, shown_both};

/// Values of the environment never show in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The image's id.
    pub image: String,
    /// With what the image brings.
    environment: BTreeMap<String, String>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    /// Without Compose's and Teal's own.
    labels: BTreeMap<String, String>,
}

impl Configuration {
    pub fn of_container(container: &ContainerInspectResponse) -> Self {
        let config = container.config.clone().unwrap_or_default();
        Self {
            image: container.image.clone().unwrap_or_default(),
            environment: entries(config.env.as_deref()),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            labels: own(config.labels.unwrap_or_default()),
        }
    }

    /// What a container of this service would be made from.
    pub fn of_service(service: &ComposeService, image: &ImageInspect) -> Self {
        let config = image.config.clone().unwrap_or_default();
        let mut environment = entries(config.env.as_deref());
        for (key, value) in &service.environment {
            match value {
                Some(value) => environment.insert(key.clone(), value.reveal().to_owned()),
                // It takes a variable of the image away.
                None => environment.remove(key),
            };
        }
        let mut labels = config.labels.unwrap_or_default();
        labels.extend(service.labels.clone());
        // An entry point of the service's own takes the image's command away.
        let image_command = match &service.entrypoint {
            Some(_) => None,
            None => config.cmd,
        };
        Self {
            image: image.id.clone().unwrap_or_default(),
            environment,
            entrypoint: service
                .entrypoint
                .clone()
                .or(config.entrypoint)
                .unwrap_or_default(),
            command: service
                .command
                .clone()
                .or(image_command)
                .unwrap_or_default(),
            labels: own(labels),
        }
    }

    /// What changes from this to `after`. Of environment and labels only the names are told, and of
    /// commands nothing that may be a value.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.image != after.image {
            found.push(difference("image", &self.image, &after.image));
        }
        found.extend(changed(
            "environment",
            &self.environment,
            &after.environment,
        ));
        let words = [
            ("entrypoint", &self.entrypoint, &after.entrypoint),
            ("command", &self.command, &after.command),
        ];
        for (what, before, after) in words {
            if before != after {
                let (before, after) = shown_both(before, after);
                found.push(difference(what, &before, &after));
            }
        }
        found.extend(changed("labels", &self.labels, &after.labels));
        found
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("image", &self.image)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

pub fn difference(what: &str, before: &str, after: &str) -> Difference {
    Difference {
        what: what.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    }
}

fn entries(environment: Option<&[String]>) -> BTreeMap<String, String> {
    let entries = environment.unwrap_or_default().iter();
    entries
        .filter_map(|entry| entry.split_once('='))
        .filter(|(key, _)| !is_proxy(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Docker's configuration of this user gives these to every container that Compose makes.
fn is_proxy(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "http_proxy",
        "https_proxy",
        "ftp_proxy",
        "no_proxy",
        "all_proxy",
    ]
    .contains(&key.as_str())
}

fn own(labels: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let foreign = |key: &str| {
        ["com.docker.", "desktop.docker.", "dev.teal."]
            .iter()
            .any(|owner| key.starts_with(owner))
            || key == "deployment.type"
    };
    let labels = labels.into_iter();
    labels.filter(|(key, _)| !foreign(key)).collect()
}

fn changed(
    what: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Option<Difference> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let told: Vec<_> = [
        ("added", false, true),
        ("changed", true, true),
        ("removed", true, false),
    ]
    .into_iter()
    .filter_map(|(word, was, is)| {
        let names: Vec<_> = keys
            .iter()
            .filter(|key| {
                let (before, after) = (before.get(**key), after.get(**key));
                before != after && before.is_some() == was && after.is_some() == is
            })
            .map(|key| key.as_str())
            .collect();
        (!names.is_empty()).then(|| format!("{word}: {}", names.join(", ")))
    })
    .collect();
    (!told.is_empty()).then(|| difference(what, "", &told.join("; ")))
}

#[cfg(test)]
mod tests {
    use bollard::models::ImageConfig;
    use serde_json::json;

    use super::*;

    fn image() -> ImageInspect {
        ImageInspect {
            id: Some("sha256:1".into()),
            config: Some(ImageConfig {
                env: Some(vec!["PATH=/bin".into(), "MODE=image".into()]),
                entrypoint: Some(vec!["/start".into()]),
                cmd: Some(vec!["serve".into()]),
                labels: Some([("maker".to_owned(), "me".to_owned())].into()),
                ..ImageConfig::default()
            }),
            ..ImageInspect::default()
        }
    }

    fn service(text: serde_json::Value) -> Configuration {
        Configuration::of_service(&serde_json::from_value(text).unwrap(), &image())
    }

    #[test]
    fn a_service_takes_from_its_image_what_it_does_not_say() {
        let found = service(json!({"environment": {"A": "1", "MODE": null}}));
        assert_eq!(found.environment["A"], "1");
        assert_eq!(found.environment["PATH"], "/bin");
        assert!(!found.environment.contains_key("MODE"));
        assert_eq!(found.command, ["serve"]);
        assert_eq!(found.labels["maker"], "me");
        let found = service(json!({"entrypoint": ["/other"]}));
        assert_eq!(
            (found.entrypoint.join(" "), found.command),
            ("/other".into(), vec![])
        );
    }

    #[test]
    fn differences_are_told_without_values() {
        let before = service(json!({"environment": {"A": "secret", "B": "1"}}));
        let after = service(json!({
            "environment": {"A": "other", "C": "1"},
            "command": ["serve", "--token", "secret"],
            "labels": {"dev.teal.rollout": "x", "com.docker.compose.version": "5"},
        }));
        assert_eq!(
            before.differences(&after),
            [
                difference("environment", "", "added: C; changed: A; removed: B"),
                difference("command", "serve", "serve --token …"),
            ]
        );
        assert_eq!(before.differences(&before), []);
        assert!(!format!("{before:?}").contains("secret"));
    }
}
