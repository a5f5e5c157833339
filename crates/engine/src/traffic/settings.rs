//! Traefik's static configuration: its file, else its arguments, else its environment. Traefik
//! itself takes the first of these that there is.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use bollard::{
    Docker, errors::Error as DockerError, models::ContainerInspectResponse,
    query_parameters::DownloadFromContainerOptions,
};
use futures_util::TryStreamExt;
use serde_json::Value;

use super::sidecar::is_status;

/// `entrypoints.web.address` and its value; the keys in lower case.
pub(super) type Settings = BTreeMap<String, String>;

const FILES: [&str; 3] = [
    "/etc/traefik/traefik.toml",
    "/etc/traefik/traefik.yaml",
    "/etc/traefik/traefik.yml",
];
const LARGEST_FILE: u64 = 1024 * 1024;

pub(super) async fn of(
    docker: &Docker,
    container: &ContainerInspectResponse,
) -> Result<Settings, DockerError> {
    let arguments = from_arguments(container.args.as_deref().unwrap_or_default());
    let named = arguments.get("configfile").map(String::as_str);
    let files = named.map_or_else(|| FILES.to_vec(), |file| vec![file]);
    for path in files {
        if let Some(text) = read(docker, container.id.as_deref().unwrap_or_default(), path).await? {
            match from_file(path, &text) {
                Some(settings) => return Ok(settings),
                None => tracing::warn!(path, "Traefik's configuration file can't be read"),
            }
        }
    }
    if !arguments.is_empty() {
        return Ok(arguments);
    }
    let environment = container
        .config
        .as_ref()
        .and_then(|config| config.env.as_deref());
    Ok(from_environment(environment.unwrap_or_default()))
}

/// A file of a container, if there is one.
async fn read(docker: &Docker, id: &str, path: &str) -> Result<Option<String>, DockerError> {
    let options = DownloadFromContainerOptions { path: path.into() };
    let archive: Vec<_> = match docker
        .download_from_container(id, Some(options))
        .try_collect::<Vec<_>>()
        .await
    {
        Ok(parts) => parts.concat(),
        Err(error) if is_status(&error, 404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    let mut archive = tar::Archive::new(Cursor::new(archive));
    let first = archive
        .entries()
        .and_then(|mut entries| entries.next().transpose());
    let read = first.and_then(|entry| match entry {
        Some(entry) => entry.take(LARGEST_FILE).read_to_string(&mut text),
        None => Ok(0),
    });
    Ok(read.is_ok().then_some(text))
}

pub(super) fn from_file(path: &str, text: &str) -> Option<Settings> {
    let is_toml = std::path::Path::new(path)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let value: Value = if is_toml {
        toml::from_str(text).ok()?
    } else {
        yaml_serde::from_str(text).ok()?
    };
    let mut settings = Settings::new();
    flatten("", &value, &mut settings);
    Some(settings)
}

/// Nested maps as one level of dotted keys. A key without a value is on, as `asDefault:` is.
fn flatten(key: &str, value: &Value, settings: &mut Settings) {
    let text = match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let name = name.to_lowercase();
                let below = if key.is_empty() {
                    name
                } else {
                    format!("{key}.{name}")
                };
                flatten(&below, value, settings);
            }
            return;
        }
        Value::Object(_) | Value::Null => "true".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    settings.insert(key.to_owned(), text);
}

/// `--entryPoints.web.address=:80`, `--api.insecure`
fn from_arguments(arguments: &[String]) -> Settings {
    let mut settings = Settings::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let Some(option) = argument.strip_prefix('-') else {
            continue;
        };
        let option = option.strip_prefix('-').unwrap_or(option);
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => match rest.next_if(|next| !next.starts_with('-')) {
                Some(value) => (option, value.clone()),
                None => (option, "true".to_owned()),
            },
        };
        settings.insert(key.to_lowercase(), value);
    }
    settings
}

/// `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80`
fn from_environment(environment: &[String]) -> Settings {
    environment
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .filter_map(|(name, value)| {
            let key = name.to_lowercase();
            let key = key.strip_prefix("traefik_")?.replace('_', ".");
            Some((key, value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn arguments_environment_and_files_say_the_same() {
        let wanted = settings(&[
            ("entrypoints.web.address", ":80"),
            ("providers.docker.exposedbydefault", "false"),
            ("api.insecure", "true"),
        ]);
        let arguments = [
            "traefik",
            "--entryPoints.web.address",
            ":80",
            "--providers.docker.exposedByDefault=false",
            "--api.insecure",
        ];
        assert_eq!(from_arguments(&arguments.map(str::to_owned)), wanted);
        let environment = [
            "PATH=/bin",
            "TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=:80",
            "TRAEFIK_PROVIDERS_DOCKER_EXPOSEDBYDEFAULT=false",
            "TRAEFIK_API_INSECURE=true",
        ];
        assert_eq!(from_environment(&environment.map(str::to_owned)), wanted);
        let yaml = "entryPoints: {web: {address: ':80'}}\nproviders: {docker: {exposedByDefault: false}}\napi: {insecure: true}\n";
        assert_eq!(from_file("/a.yml", yaml), Some(wanted.clone()));
        let toml = "[entryPoints.web]\naddress = ':80'\n[providers.docker]\nexposedByDefault = false\n[api]\ninsecure = true\n";
        assert_eq!(from_file("/a.toml", toml), Some(wanted));
    }
}
