//! Traefik's static configuration: its file, else its arguments, else its environment. Traefik
//! itself takes the first of these that there is.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::{Component, Path, PathBuf},
};

use bollard::{Docker, errors::Error as DockerError, models::ContainerInspectResponse};
use serde_json::Value;

use teal_docker::{Archive, Missing, archive};

/// `entrypoints.web.address` and its value; the keys in lower case.
pub(super) type Settings = BTreeMap<String, String>;

/// Where Traefik looks for a file that nobody names, each with [`EXTENSIONS`].
const PLACES: [&str; 4] = [
    "/etc/traefik/traefik",
    "$XDG_CONFIG_HOME/traefik",
    "$HOME/.config/traefik",
    "./traefik",
];
const EXTENSIONS: [&str; 3] = ["toml", "yaml", "yml"];
/// A larger file is not a configuration that somebody wrote.
const LARGEST_FILE: usize = 1024 * 1024;
/// Links from one to the next: more are a loop.
const MOST_LINKS: usize = 8;

/// What a Traefik runs with.
///
/// # Errors
/// The engine does not hand out a file that is there.
pub(super) async fn of(
    docker: &Docker,
    container: &ContainerInspectResponse,
) -> Result<Settings, DockerError> {
    if let Some(settings) = of_file(docker, container).await? {
        return Ok(settings);
    }
    let arguments = from_arguments(arguments(container));
    if !arguments.is_empty() {
        return Ok(arguments);
    }
    Ok(from_environment(environment(container)))
}

/// What its file says, if there is one.
///
/// # Errors
/// As for [`of`].
pub(super) async fn of_file(
    docker: &Docker,
    container: &ContainerInspectResponse,
) -> Result<Option<Settings>, DockerError> {
    for path in places(container) {
        if let Some(text) = read(docker, container.id.as_deref().unwrap_or_default(), &path).await?
        {
            let settings = from_file(&path, &text);
            if settings.is_none() {
                tracing::warn!(path = %path.display(), "Traefik's configuration file can't be read");
            }
            return Ok(settings);
        }
    }
    Ok(None)
}

/// What a container was started with, without the program.
pub(super) fn arguments(container: &ContainerInspectResponse) -> &[String] {
    container.args.as_deref().unwrap_or_default()
}

pub(super) fn environment(container: &ContainerInspectResponse) -> &[String] {
    let config = container.config.as_ref();
    config
        .and_then(|config| config.env.as_deref())
        .unwrap_or_default()
}

/// Where the file may be, in the order in which Traefik looks.
fn places(container: &ContainerInspectResponse) -> Vec<PathBuf> {
    let config = container.config.as_ref();
    let directory = config
        .and_then(|config| config.working_dir.as_deref())
        .filter(|directory| !directory.is_empty())
        .unwrap_or("/");
    let variable = |name: &str| {
        let mut variables = environment(container)
            .iter()
            .filter_map(|variable| variable.split_once('='));
        variables.find_map(|(key, value)| (key == name).then_some(value))
    };
    // Where the image has no user of that name, a container's home is its root.
    let homes = match variable("HOME") {
        Some(home) => vec![home],
        None => vec!["/root", "/"],
    };
    let named = from_arguments(arguments(container)).remove("configfile");
    let mut places: Vec<_> = named.into_iter().collect();
    for place in PLACES {
        let configuration = variable("XDG_CONFIG_HOME").unwrap_or_default();
        let place = place.replace("$XDG_CONFIG_HOME", configuration);
        let homes = match place.contains("$HOME") {
            true => &homes[..],
            false => &homes[..1],
        };
        for home in homes {
            let place = place.replace("$HOME", home);
            places.extend(EXTENSIONS.map(|extension| format!("{place}.{extension}")));
        }
    }
    let mut paths = Vec::new();
    for place in places {
        let path = without_dots(&Path::new(directory).join(place));
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The same path from the root, without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(name) => plain.push(name),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    plain
}

/// A file of a container, if there is one. A container that is just going has none any more.
async fn read(docker: &Docker, id: &str, path: &Path) -> Result<Option<String>, DockerError> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let place = path.display().to_string();
        let archive = archive(docker, id, &place, LARGEST_FILE).await;
        let Some(archive) = archive.missing()? else {
            return Ok(None);
        };
        match first_of(&archive) {
            Some(Entry::File(text)) => return Ok(Some(text)),
            // The engine hands a link out as it is.
            Some(Entry::Link(target)) => {
                path = without_dots(&path.parent().unwrap_or(Path::new("/")).join(target));
            }
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// What an archive begins with.
enum Entry {
    File(String),
    Link(PathBuf),
}

/// The first entry of an archive; `None` where it is neither a text nor a link, or is not all there.
fn first_of(archive: &Archive) -> Option<Entry> {
    let mut entries = tar::Archive::new(Cursor::new(&archive.bytes));
    let mut entry = entries.entries().ok()?.next()?.ok()?;
    let kind = entry.header().entry_type();
    if kind.is_symlink() {
        return Some(Entry::Link(entry.link_name().ok()??.into_owned()));
    }
    if !kind.is_file() || !archive.is_whole {
        return None;
    }
    let mut text = String::new();
    entry.read_to_string(&mut text).ok()?;
    Some(Entry::File(text))
}

pub(super) fn from_file(path: &Path, text: &str) -> Option<Settings> {
    let is_toml = path
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
    use teal_docker::tarball;

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
        assert_eq!(from_file(Path::new("/a.yml"), yaml), Some(wanted.clone()));
        let toml = "[entryPoints.web]\naddress = ':80'\n[providers.docker]\nexposedByDefault = false\n[api]\ninsecure = true\n";
        assert_eq!(from_file(Path::new("/a.toml"), toml), Some(wanted));
    }

    /// Half a configuration would pass for a whole one.
    #[test]
    fn a_file_that_was_cut_off_is_not_read() {
        let text = b"entryPoints: {web: {address: ':80'}}\n";
        let bytes = tarball(&[("traefik.yml", 0o644, text.as_slice())]).unwrap();
        let read = |bytes: &[u8], is_whole| {
            let bytes = bytes.to_vec();
            match first_of(&Archive { bytes, is_whole }) {
                Some(Entry::File(text)) => Some(text),
                _ => None,
            }
        };
        assert_eq!(read(&bytes, true).unwrap().as_bytes(), text);
        assert_eq!(read(&bytes, false), None);
        assert_eq!(read(&bytes[..512 + 20], false), None);
    }

    #[test]
    fn a_file_is_looked_for_where_traefik_does() {
        let places = |config: Value, arguments: &[&str]| {
            let container = serde_json::json!({ "Config": config, "Args": arguments });
            let places = places(&serde_json::from_value(container).unwrap());
            let places = places.iter().map(|path| path.display().to_string());
            places.collect::<Vec<_>>()
        };
        let official = places(serde_json::json!({ "WorkingDir": "/" }), &[]);
        assert_eq!(
            official,
            [
                "/etc/traefik/traefik.toml",
                "/etc/traefik/traefik.yaml",
                "/etc/traefik/traefik.yml",
                "/traefik.toml",
                "/traefik.yaml",
                "/traefik.yml",
                "/root/.config/traefik.toml",
                "/root/.config/traefik.yaml",
                "/root/.config/traefik.yml",
                "/.config/traefik.toml",
                "/.config/traefik.yaml",
                "/.config/traefik.yml",
            ]
        );
        let own = serde_json::json!({
            "WorkingDir": "/srv/edge",
            "Env": ["HOME=/home/edge", "XDG_CONFIG_HOME=/conf"],
        });
        let own = places(own, &["--configFile", "../edge.yml"]);
        assert_eq!(own[0], "/srv/edge.yml");
        assert_eq!(own[4], "/conf/traefik.toml");
        assert_eq!(own[9], "/home/edge/.config/traefik.yml");
        assert_eq!(own[12], "/srv/edge/traefik.yml");
        assert_eq!(own.len(), 13);
    }
}
