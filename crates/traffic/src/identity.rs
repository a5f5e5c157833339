//! Telling Traefik from other programs by what a container is and runs, since an image's name says
//! little: it may be built, renamed, or gone from the engine's list once its tag was moved.

use bollard::models::ContainerInspectResponse;

use super::settings::{Settings, arguments, environment};
use teal_docker::ImageName;

/// What the official image, and what is built upon it, says it is.
const TITLE: &str = "org.opencontainers.image.title";
const NAME: &str = "traefik";

/// What a container is, as far as can be told without its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    Traefik,
    /// If it has a configuration file of Traefik's.
    Perhaps,
    Other,
}

impl Identity {
    pub(super) fn of(container: &ContainerInspectResponse) -> Self {
        if is_titled(container) || runs(container) || are_options(arguments(container)) {
            return Self::Traefik;
        }
        let is_likely = is_named(container) || sees_engine(container);
        match is_likely {
            // Companions share its variables in a file of environment; these have no reason to.
            true if is_configured(environment(container)) => Self::Traefik,
            true => Self::Perhaps,
            false => Self::Other,
        }
    }
}

/// Whether settings are Traefik's own rather than those of a program that is configured alike.
pub(super) fn are_settings(settings: &Settings) -> bool {
    settings
        .keys()
        .any(|key| key.starts_with("entrypoints.") || key.starts_with("providers."))
}

/// Whether words on a command line are options of Traefik's.
pub fn are_options(words: &[String]) -> bool {
    words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        let option = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        option.is_some_and(|option| {
            ["entrypoints.", "providers.docker", "providers.file"]
                .iter()
                .any(|start| option.starts_with(start))
        })
    })
}

/// Whether variables (`NAME=value`, or names alone) configure Traefik.
pub fn is_configured(variables: &[impl AsRef<str>]) -> bool {
    variables.iter().any(|variable| {
        let variable = variable.as_ref().to_ascii_uppercase();
        variable.starts_with("TRAEFIK_ENTRYPOINTS_") || variable.starts_with("TRAEFIK_PROVIDERS_")
    })
}

/// Whether an image's name says that it is a Traefik: `my_traefik:3`, but not `traefik-kop`.
pub fn is_name(image: &str) -> bool {
    ImageName::new(image)
        .last()
        .to_ascii_lowercase()
        .rsplit(['-', '_', '.'])
        .next()
        .is_some_and(|word| word == NAME)
}

fn is_titled(container: &ContainerInspectResponse) -> bool {
    let labels = container
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    labels
        .and_then(|labels| labels.get(TITLE))
        .is_some_and(|title| title.eq_ignore_ascii_case(NAME))
}

/// Whether the program, or what an entry point's script is told to start, is `traefik`.
fn runs(container: &ContainerInspectResponse) -> bool {
    let words = container.path.iter().chain(arguments(container).first());
    words
        .into_iter()
        .any(|word| word.rsplit('/').next() == Some(NAME))
}

fn is_named(container: &ContainerInspectResponse) -> bool {
    let config = container.config.as_ref();
    config
        .and_then(|config| config.image.as_deref())
        .is_some_and(is_name)
}

/// Whether it has the engine's socket, by which Traefik finds the containers.
fn sees_engine(container: &ContainerInspectResponse) -> bool {
    let mounts = container.mounts.iter().flatten();
    let mut ends = mounts.flat_map(|mount| [&mount.source, &mount.destination]);
    ends.any(|path| {
        path.as_ref()
            .is_some_and(|path| path.ends_with("docker.sock"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(container: Value) -> Identity {
        Identity::of(&serde_json::from_value(container).unwrap())
    }

    #[test]
    fn the_official_image_is_known_whatever_its_tag_means_by_now() {
        let official = json!({
            "Path": "/entrypoint.sh",
            "Args": ["--ping"],
            "Config": {
                "Image": "sha256:0011",
                "Labels": { "org.opencontainers.image.title": "Traefik" },
            },
        });
        assert_eq!(of(official), Identity::Traefik);
        let unlabelled = json!({
            "Path": "/entrypoint.sh",
            "Args": ["--entryPoints.web.address=:80", "--log"],
            "Config": { "Image": "sha256:0011" },
        });
        assert_eq!(of(unlabelled), Identity::Traefik);
        let without_words = json!({ "Path": "/entrypoint.sh", "Args": ["traefik"] });
        assert_eq!(of(without_words), Identity::Traefik);
    }

    #[test]
    fn a_built_one_is_known_by_its_variables_or_by_its_file() {
        let built = |variables: &[&str]| {
            of(json!({
                "Path": "/entrypoint.sh",
                "Args": [],
                "Config": { "Image": "shop/my_traefik:1", "Env": variables },
            }))
        };
        assert_eq!(
            built(&["PATH=/bin", "TRAEFIK_PROVIDERS_DOCKER=true"]),
            Identity::Traefik
        );
        assert_eq!(built(&["PATH=/bin"]), Identity::Perhaps);
        let renamed = json!({
            "Path": "/edge",
            "Config": { "Image": "edge:1" },
            "Mounts": [{ "Source": "/run/docker.sock", "Destination": "/var/run/docker.sock" }],
        });
        assert_eq!(of(renamed), Identity::Perhaps);
    }

    #[test]
    fn companions_and_plain_services_are_others() {
        let dumper = json!({
            "Path": "/traefik-certs-dumper",
            "Args": ["file", "--version", "v2"],
            "Config": { "Image": "ldez/traefik-certs-dumper:v2" },
        });
        assert_eq!(of(dumper), Identity::Other);
        // The variables of a shared file alone make no Traefik.
        let app = json!({
            "Path": "/app",
            "Config": { "Image": "shop:1", "Env": ["TRAEFIK_PROVIDERS_DOCKER=true"] },
        });
        assert_eq!(of(app), Identity::Other);
        let portainer = json!({
            "Path": "/portainer",
            "Mounts": [{ "Destination": "/var/run/docker.sock" }],
        });
        assert_eq!(of(portainer), Identity::Perhaps);
    }
}
