//! Configurations on disk: for each revision a file that Compose reads besides the project's own,
//! so that a rollback runs what ran then. Values of the environment are in it, so that only its
//! owner may read it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use yaml_serde::{
    Mapping, Value,
    value::{Tag, TaggedValue},
};

use super::Configuration;
use teal_files::file_name;
use teal_files::private;
use teal_model::{Error, OVERRIDE_FILE, Result};

/// The configurations of all services of this user.
#[derive(Debug, Clone)]
pub struct Configurations {
    directory: PathBuf,
}

impl Configurations {
    pub fn new(data: &Path) -> Self {
        Self {
            directory: data.join("revisions"),
        }
    }

    /// The file of one revision of a service, whether it is there or not. It has the override's
    /// name: containers made from it are known as those of the project's own files.
    pub fn path(&self, engine: &str, project: &str, service: &str, revision: u32) -> PathBuf {
        self.directory
            .join(file_name(&[engine, project, service]))
            .join(revision.to_string())
            .join(OVERRIDE_FILE)
    }

    /// Writes the file of a revision, for its owner only.
    pub fn write(path: &Path, service: &str, configuration: &Configuration) -> Result<()> {
        let text = configuration.to_compose(service)?;
        private::write(path, text.as_bytes()).map_err(|source| Error::File {
            operation: "write what the service ran with to",
            path: path.to_owned(),
            source,
        })
    }

    /// What a revision ran with; `None` if that was never written.
    pub fn read(path: &Path, service: &str) -> Result<Option<Configuration>> {
        let failed = |source| Error::File {
            operation: "read what the service ran with from",
            path: path.to_owned(),
            source,
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let value: Value = yaml_serde::from_str(&text)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        Ok(Some(Configuration::from_compose(&value, service)))
    }
}

impl Configuration {
    fn to_compose(&self, service: &str) -> Result<String> {
        let words =
            |words: &[String]| Value::Sequence(words.iter().map(|word| text(word)).collect());
        let map = |entries: &std::collections::BTreeMap<String, String>| {
            let entries = entries.iter();
            Value::Mapping(
                entries
                    .map(|(key, value)| (key.as_str().into(), text(value)))
                    .collect(),
            )
        };
        let keys: Mapping = [
            ("image", Value::from(self.image.clone())),
            // The image is on the engine: it is neither pulled nor built.
            ("pull_policy", "missing".into()),
            ("environment", instead(map(&self.environment))),
            ("entrypoint", instead(words(&self.entrypoint))),
            ("command", instead(words(&self.command))),
            ("labels", instead(map(&self.labels))),
        ]
        .into_iter()
        .map(|(key, value)| (Value::from(key), value))
        .collect();
        let service: Mapping = [(service.into(), Value::Mapping(keys))]
            .into_iter()
            .collect();
        let root: Mapping = [("services".into(), Value::Mapping(service))]
            .into_iter()
            .collect();
        yaml_serde::to_string(&root)
            .map_err(|error| Error::Unexpected(format!("can't write a configuration: {error}")))
    }

    fn from_compose(root: &Value, service: &str) -> Self {
        let key = |key: &str| match &root["services"][service][key] {
            Value::Tagged(tagged) => &tagged.value,
            value => value,
        };
        let words = |name: &str| {
            let words = key(name).as_sequence().into_iter().flatten();
            words.filter_map(Value::as_str).map(plain).collect()
        };
        let map = |name: &str| {
            let entries = key(name).as_mapping().into_iter().flatten();
            entries
                .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), plain(value.as_str()?))))
                .collect()
        };
        Self {
            image: key("image").as_str().unwrap_or_default().to_owned(),
            environment: map("environment"),
            entrypoint: words("entrypoint"),
            command: words("command"),
            labels: map("labels"),
        }
    }
}

/// A text that Compose does not interpolate.
fn text(text: &str) -> Value {
    text.replace('$', "$$").into()
}

fn plain(text: &str) -> String {
    text.replace("$$", "$")
}

/// Takes the place of what the files before say, where Compose would merge both.
fn instead(value: Value) -> Value {
    Value::Tagged(Box::new(TaggedValue {
        tag: Tag::new("!override"),
        value,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration() -> Configuration {
        Configuration {
            image: "sha256:1".into(),
            environment: [
                ("PRICE", "$5 ${X}"),
                ("EMPTY", ""),
                ("N", "1"),
                ("YES", "yes"),
            ]
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
            entrypoint: vec!["/bin/sh".into(), "-c".into()],
            command: vec!["echo $HOME\nend".into()],
            labels: [("a.b".into(), "c: d".into())].into(),
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let data = tempfile::tempdir().unwrap();
        let store = Configurations::new(data.path());
        let path = store.path("engine", "shop", "web", 3);
        assert_eq!(Configurations::read(&path, "web").unwrap(), None);
        Configurations::write(&path, "web", &configuration()).unwrap();
        let found = Configurations::read(&path, "web").unwrap();
        assert_eq!(found, Some(configuration()));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let data = tempfile::tempdir().unwrap();
        let path = Configurations::new(data.path()).path("engine", "shop", "web", 3);
        Configurations::write(&path, "web", &configuration()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}
