//! Which engine is meant, found as Docker's own tools find it, and how every program that Teal
//! starts is told of it.

use std::{io::ErrorKind, path::PathBuf, process::Output};

use serde::Deserialize;
use tokio::process::Command;

use teal_model::{Error, Result};

/// All that decides which engine a `docker` program talks to, and how.
const DECIDING: [&str; 5] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
];

/// Docker's name for what `DOCKER_HOST` and the default socket stand for.
const DEFAULT_CONTEXT: &str = "default";

#[cfg(unix)]
const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";
#[cfg(windows)]
const DEFAULT_ADDRESS: &str = "npipe:////./pipe/docker_engine";

/// A variable that a program gets; one without a value is taken away from it.
pub type Variable = (String, Option<String>);
pub type Environment = Vec<Variable>;

/// An engine's address, and how to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As `DOCKER_HOST` would name it.
    pub address: String,
    /// The Docker context's name, where it is not the default one.
    pub context: Option<String>,
    /// What only Docker's own tools know how to do: TLS, with whatever certificates.
    uses_tls: bool,
}

/// What `docker context inspect` prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    name: String,
    endpoints: Endpoints,
    #[serde(default, rename = "TLSMaterial")]
    tls_material: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: DockerEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerEndpoint {
    #[serde(default)]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

impl Endpoint {
    /// The engine at `docker_host`, else of `DOCKER_HOST`, else of `DOCKER_CONTEXT`, else of the
    /// context that `docker context use` has chosen, else at the default socket. The `docker` program
    /// is asked, so that its configuration is its own business.
    ///
    /// # Errors
    /// [`Error::DockerContext`] where that names a context that is not there or can't be read. No
    /// other engine is taken instead.
    pub async fn find(docker_host: Option<&str>) -> Result<Self> {
        let asked = Asked::of(docker_host)?;
        let mut command = Command::new("docker");
        command.args(["context", "inspect", "--format", "{{json .}}"]);
        if let Some(host) = docker_host {
            command.env("DOCKER_HOST", host);
        }
        match command.output().await {
            Ok(output) => asked.read(&output),
            Err(error) if error.kind() == ErrorKind::NotFound => asked.without_docker(),
            Err(source) => Err(Error::Command {
                command: "docker context inspect".to_owned(),
                source,
            }),
        }
    }

    /// What makes a `docker` program talk to this engine and no other, whatever is chosen or set
    /// meanwhile. An address says it all, except where a context has certificates.
    pub fn environment(&self) -> Environment {
        let (kept, pinned) = match &self.context {
            Some(context) if self.uses_tls => {
                (&DECIDING[..0], ("DOCKER_CONTEXT", context.as_str()))
            }
            Some(_) => (&DECIDING[..0], ("DOCKER_HOST", self.address.as_str())),
            // Where the certificates are is said by the environment.
            None => (&DECIDING[2..], ("DOCKER_HOST", self.address.as_str())),
        };
        let taken = DECIDING.iter().filter(|name| !kept.contains(name));
        taken
            .map(|name| {
                let value = (*name == pinned.0).then(|| pinned.1.to_owned());
                ((*name).to_owned(), value)
            })
            .collect()
    }

    /// Whether a connection has to be made by the `docker` program.
    pub(super) fn is_dialled(&self) -> bool {
        self.uses_tls
            || ["ssh://", "https://"]
                .iter()
                .any(|scheme| self.address.starts_with(scheme))
    }

    /// Whether it is its context's name alone that leads a `docker` program to this engine.
    pub fn is_named(&self) -> bool {
        self.uses_tls && self.context.is_some()
    }
}

/// Has a program talk to the engine that these variables name.
pub fn apply(environment: &[Variable], command: &mut Command) {
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// What names the engine.
enum Asked {
    Host(String),
    Context { name: String, from: String },
    Default,
}

impl Asked {
    fn of(docker_host: Option<&str>) -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(host) = docker_host
            .map(str::to_owned)
            .or_else(|| set("DOCKER_HOST"))
        {
            return Ok(Self::Host(host));
        }
        if let Some(name) = set("DOCKER_CONTEXT") {
            let from = "DOCKER_CONTEXT".to_owned();
            return Ok(Self::Context { name, from });
        }
        let Some(file) = config_file() else {
            return Ok(Self::Default);
        };
        let from = format!("currentContext in {}", file.display());
        Ok(match current_context(&file)? {
            Some(name) => Self::Context { name, from },
            None => Self::Default,
        })
    }

    fn read(&self, output: &Output) -> Result<Endpoint> {
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            return Err(self.unusable(last.unwrap_or("`docker context inspect` says nothing")));
        }
        let found: Inspected = serde_json::from_slice(&output.stdout)
            .map_err(|error| self.unusable(&format!("`docker context inspect`: {error}")))?;
        let DockerEndpoint {
            host,
            skip_tls_verify,
        } = found.endpoints.docker;
        if host.is_empty() {
            return Err(self.unusable("it names no Docker engine"));
        }
        Ok(Endpoint {
            uses_tls: skip_tls_verify || found.tls_material.contains_key("docker"),
            context: Some(found.name).filter(|name| name != DEFAULT_CONTEXT),
            address: host,
        })
    }

    /// Compose may stand alone, and then nobody knows contexts.
    fn without_docker(&self) -> Result<Endpoint> {
        let address = match self {
            Self::Host(host) => host.clone(),
            Self::Context { name, .. } if name != DEFAULT_CONTEXT => {
                return Err(self.unusable("the `docker` program, which knows it, was not found"));
            }
            Self::Context { .. } | Self::Default => DEFAULT_ADDRESS.to_owned(),
        };
        Ok(Endpoint {
            address,
            context: None,
            uses_tls: false,
        })
    }

    fn unusable(&self, reason: &str) -> Error {
        Error::DockerContext {
            asked: match self {
                Self::Host(host) => format!("the Docker engine `{host}` of `DOCKER_HOST`"),
                Self::Context { name, from } => {
                    format!("the Docker context `{name}` of `{from}`")
                }
                Self::Default => "Docker's default context".to_owned(),
            },
            reason: reason.to_owned(),
        }
    }
}

fn config_file() -> Option<PathBuf> {
    let directory = std::env::var_os("DOCKER_CONFIG").filter(|value| !value.is_empty());
    let directory = match directory {
        Some(directory) => PathBuf::from(directory),
        None => directories::BaseDirs::new()?.home_dir().join(".docker"),
    };
    Some(directory.join("config.json"))
}

/// The context that `docker context use` has chosen. Docker itself takes the default engine where it
/// can't read this, which may be quite another than was chosen.
fn current_context(file: &std::path::Path) -> Result<Option<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        #[serde(default)]
        current_context: String,
    }
    let unreadable = |reason: String| Error::DockerContext {
        asked: format!("Docker's configuration `{}`", file.display()),
        reason,
    };
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let config: Config =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    Ok(Some(config.current_context).filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(context: Option<&str>, uses_tls: bool) -> Endpoint {
        Endpoint {
            address: "tcp://far:2376".to_owned(),
            context: context.map(ToOwned::to_owned),
            uses_tls,
        }
    }

    fn told(endpoint: &Endpoint) -> Vec<String> {
        let environment = endpoint.environment().into_iter();
        environment
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn a_program_is_told_of_one_engine_and_of_no_other() {
        let host = "DOCKER_HOST=tcp://far:2376";
        let none = ["DOCKER_TLS=-", "DOCKER_TLS_VERIFY=-", "DOCKER_CERT_PATH=-"];
        assert_eq!(told(&endpoint(None, true)), [host, "DOCKER_CONTEXT=-"]);
        assert_eq!(
            told(&endpoint(Some("far"), false)),
            [&[host, "DOCKER_CONTEXT=-"][..], &none].concat()
        );
        assert_eq!(
            told(&endpoint(Some("far"), true)),
            [&["DOCKER_HOST=-", "DOCKER_CONTEXT=far"][..], &none].concat()
        );
    }

    #[test]
    fn what_docker_says_of_a_context_is_read() {
        let output = |status, stdout: &str, stderr: &str| {
            #[cfg(unix)]
            use std::os::unix::process::ExitStatusExt;
            #[cfg(windows)]
            use std::os::windows::process::ExitStatusExt;
            Output {
                status: ExitStatusExt::from_raw(status),
                stdout: stdout.into(),
                stderr: stderr.into(),
            }
        };
        let asked = Asked::Context {
            name: "far".into(),
            from: "DOCKER_CONTEXT".into(),
        };
        let said = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far:2376",
            "SkipTLSVerify":false}},"TLSMaterial":{"docker":["ca.pem"]},"Storage":{}}"#;
        let found = asked.read(&output(0, said, "")).unwrap();
        assert_eq!(found, endpoint(Some("far"), true));
        assert!(found.is_dialled());

        let said = r#"{"Name":"default","Endpoints":{"docker":{"Host":"unix:///x.sock",
            "SkipTLSVerify":false}},"TLSMaterial":{}}"#;
        let found = asked.read(&output(0, said, "")).unwrap();
        assert_eq!(
            (found.context.as_deref(), found.is_dialled()),
            (None, false)
        );

        let error = asked.read(&output(256, "\n", "context \"far\": context not found\n"));
        assert_eq!(
            error.unwrap_err().to_string(),
            "the Docker context `far` of `DOCKER_CONTEXT` can't be used: context \"far\": context not found"
        );
    }

    #[test]
    fn without_the_docker_program_no_context_is_passed_over() {
        let asked = |name: &str| Asked::Context {
            name: name.to_owned(),
            from: "DOCKER_CONTEXT".to_owned(),
        };
        assert!(asked("far").without_docker().is_err());
        let found = asked("default").without_docker().unwrap();
        assert_eq!(found.address, DEFAULT_ADDRESS);
    }
}
