//! Programs that look at their limits only once, when they start.

use bollard::models::ContainerInspectResponse;
use teal_docker::ImageName;

/// A container's process, as far as it tells what runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Process {
    image: String,
    /// Names of the environment's variables, and whether they are what sizes the process.
    environment: Vec<(String, String)>,
    words: Vec<String>,
}

/// What a program derives from its limits at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) memory: bool,
    pub(super) cpus: bool,
}

/// A program that sizes itself, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizing {
    sizes: Sizes,
    what: &'static str,
}

const MEMORY: Sizes = Sizes {
    memory: true,
    cpus: false,
};
const CPUS: Sizes = Sizes {
    memory: false,
    cpus: true,
};
const BOTH: Sizes = Sizes {
    memory: true,
    cpus: true,
};

impl Process {
    pub(super) fn of(container: &ContainerInspectResponse) -> Self {
        let config = container.config.clone().unwrap_or_default();
        let environment = config.env.unwrap_or_default();
        let words = config.entrypoint.unwrap_or_default().into_iter();
        Self {
            image: config.image.unwrap_or_default(),
            environment: environment
                .iter()
                .filter_map(|entry| entry.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            words: words.chain(config.cmd.unwrap_or_default()).collect(),
        }
    }

    fn has_variable(&self, names: &[&str]) -> bool {
        let keys = self.environment.iter().map(|(key, _)| key.as_str());
        keys.into_iter().any(|key| names.contains(&key))
    }

    /// Whether a command line, or a value of the environment, holds this.
    fn says(&self, text: &str) -> bool {
        let values = self.environment.iter().map(|(_, value)| value);
        values.chain(&self.words).any(|value| value.contains(text))
    }

    /// Whether a word of the command line, or of a shell's script in it, is this program.
    fn runs(&self, programs: &[&str]) -> bool {
        self.words
            .iter()
            .flat_map(|word| word.split_whitespace())
            .any(|word| {
                let program = word.rsplit('/').next().unwrap_or_default();
                programs.contains(&program)
            })
    }

    fn is_image(&self, names: &[&str]) -> bool {
        names.contains(&ImageName::new(&self.image).last())
    }
}

impl Sizing {
    /// Why a change of this should come with a new container; `None` if it is not what the
    /// program looks at.
    fn reason(self) -> String {
        format!("{}: with a new container it does so again", self.what)
    }

    /// Why, where what is touched is what it sizes itself by.
    pub(super) fn hits(self, touched: Sizes) -> Option<String> {
        let hit = self.sizes.memory && touched.memory || self.sizes.cpus && touched.cpus;
        hit.then(|| self.reason())
    }
}

/// What a program sizes at its start by its limits; `None` if it is not known to.
pub(super) fn sizes_itself(process: &Process) -> Option<Sizing> {
    let sizing = |sizes, what| Some(Sizing { sizes, what });
    if process.runs(&["java", "catalina.sh"])
        || process.has_variable(&[
            "JAVA_OPTS",
            "JAVA_TOOL_OPTIONS",
            "JDK_JAVA_OPTIONS",
            "ES_JAVA_OPTS",
            "JAVA_HOME",
        ])
        || process.is_image(&[
            "elasticsearch",
            "cassandra",
            "kafka",
            "solr",
            "tomcat",
            "jetty",
            "jenkins",
            "eclipse-temurin",
            "amazoncorretto",
            "openjdk",
        ])
    {
        return sizing(BOTH, "a JVM sizes its heap and its pools when it starts");
    }
    if process.has_variable(&["GOMEMLIMIT"]) {
        return sizing(MEMORY, "Go takes GOMEMLIMIT when it starts");
    }
    if process.has_variable(&["GOMAXPROCS"]) {
        return sizing(CPUS, "Go takes GOMAXPROCS when it starts");
    }
    if process.says("--max-old-space-size") {
        return sizing(
            MEMORY,
            "Node's --max-old-space-size is fixed when it starts",
        );
    }
    if process.has_variable(&[
        "DOTNET_RUNNING_IN_CONTAINER",
        "DOTNET_VERSION",
        "ASPNET_VERSION",
    ]) {
        return sizing(BOTH, ".NET sizes its heap and its threads when it starts");
    }
    if process.runs(&[
        "gunicorn",
        "puma",
        "unicorn",
        "uwsgi",
        "uvicorn",
        "hypercorn",
    ]) || process.has_variable(&["WEB_CONCURRENCY"])
    {
        return sizing(
            CPUS,
            "gunicorn, puma and their like decide on their workers when they start",
        );
    }
    if process.runs(&["nginx"]) || process.is_image(&["nginx", "nginx-unprivileged", "openresty"]) {
        return sizing(CPUS, "nginx decides on its workers when it starts");
    }
    if process.runs(&["node", "npm", "yarn"]) || process.has_variable(&["NODE_VERSION"]) {
        return sizing(MEMORY, "Node sizes its heap when it starts");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(image: &str, environment: &[(&str, &str)], words: &[&str]) -> Process {
        Process {
            image: image.into(),
            environment: environment
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            words: words.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn runtimes_are_known_by_image_environment_and_command() {
        for (process, wanted) in [
            (
                process("shop:1", &[], &["/usr/bin/java", "-jar", "app.jar"]),
                "JVM",
            ),
            (
                process("shop:1", &[], &["sh", "-c", "exec java -jar app.jar"]),
                "JVM",
            ),
            (
                process("docker.io/library/elasticsearch:8@sha256:1", &[], &[]),
                "JVM",
            ),
            (
                process("shop:1", &[("GOMEMLIMIT", "400MiB")], &["/shop"]),
                "GOMEMLIMIT",
            ),
            (
                process(
                    "shop:1",
                    &[("NODE_OPTIONS", "--max-old-space-size=300")],
                    &["node"],
                ),
                "max-old-space",
            ),
            (
                process(
                    "shop:1",
                    &[("NODE_VERSION", "22")],
                    &["docker-entrypoint.sh"],
                ),
                "Node",
            ),
            (
                process("nginx:1.29", &[], &["/docker-entrypoint.sh"]),
                "nginx",
            ),
            (process("shop:1", &[], &["gunicorn", "-w", "3"]), "gunicorn"),
        ] {
            let found = sizes_itself(&process).unwrap_or_else(|| panic!("{process:?}"));
            assert!(found.reason().contains(wanted), "{found:?}");
        }
        assert!(
            sizes_itself(&process(
                "shop:1",
                &[("MODE", "java")],
                &["/shop", "--javascript"]
            ))
            .is_none()
        );
    }
}
