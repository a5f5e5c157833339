//! The compose file of a test's project.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use teal_engine::model::KeyFamily;

/// Describes a project with a Traefik of its own and the service `hello` behind it. What is not
/// said is as in the sample: one replica, limits of 1.0 and 512M, and a health check.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) name: String,
    replicas: Option<u32>,
    limits: Option<(Option<String>, Option<String>)>,
    reservations: Option<(String, String)>,
    key_family: KeyFamily,
    health_check: Option<HealthCheck>,
    environment: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    rule: Option<String>,
    service_text: String,
    more_services: String,
    traefik: bool,
    traefik_image: String,
    traefik_arguments: Vec<String>,
    /// How often Traefik takes changes in; `None` for its own default.
    traefik_throttle: Option<&'static str>,
    traefik_socket: String,
    /// A header that requests to `hello` carry.
    pub(crate) request_header: Option<(String, String)>,
    /// A folder of `fixtures/`, which says all of it instead.
    pub(crate) fixture: Option<PathBuf>,
}

/// How the engine finds out about a container's health.
#[derive(Debug, Clone, Copy)]
pub struct HealthCheck {
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: u32,
    pub start_period: Duration,
}

impl Default for HealthCheck {
    /// Quick, since tests wait for it.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            retries: 2,
            start_period: Duration::ZERO,
        }
    }
}

/// What the compose file needs to know of where it runs.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) project: &'a str,
    pub(crate) image: &'a str,
    pub(crate) web_port: u16,
    pub(crate) api_port: u16,
}

impl Template {
    /// `name` becomes a part of the project's name: lower case letters, digits and `-`.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            replicas: None,
            limits: Some((Some("1.0".to_owned()), Some("512M".to_owned()))),
            reservations: None,
            key_family: KeyFamily::Deploy,
            health_check: Some(HealthCheck::default()),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
            rule: Some("PathPrefix(`/`)".to_owned()),
            service_text: String::new(),
            more_services: String::new(),
            traefik: true,
            traefik_image: teal_sample::TRAEFIK.to_owned(),
            traefik_arguments: Vec::new(),
            // Its default of 2 s is most of what a rollout takes.
            traefik_throttle: Some("100ms"),
            traefik_socket: "/var/run/docker.sock".to_owned(),
            request_header: None,
            fixture: None,
        }
    }

    /// A project of `fixtures/NAME`: a setup of the field on which a fault was found. Its
    /// `compose.yaml` has `@project@`, `@image@`, `@web_port@` and `@api_port@` where a test's own
    /// values go; its other files are copied as they are. The service under test is `hello`.
    pub fn fixture(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        Self {
            fixture: Some(folder.join(name)),
            ..Self::named(name).no_router()
        }
    }

    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// CPUs and memory as Compose writes them; none for a limit that the file does not set.
    #[must_use]
    pub fn limits(mut self, cpus: Option<&str>, memory: Option<&str>) -> Self {
        self.limits = Some((cpus.map(str::to_owned), memory.map(str::to_owned)));
        self
    }

    /// A service without any limits.
    #[must_use]
    pub fn no_limits(mut self) -> Self {
        self.limits = None;
        self
    }

    /// Reservations under `deploy.resources`: CPUs and memory.
    #[must_use]
    pub fn reservations(mut self, cpus: &str, memory: &str) -> Self {
        self.reservations = Some((cpus.to_owned(), memory.to_owned()));
        self
    }

    /// Which keys the limits are written in.
    #[must_use]
    pub fn key_family(mut self, key_family: KeyFamily) -> Self {
        self.key_family = key_family;
        self
    }

    #[must_use]
    pub fn health_check(mut self, health_check: impl Into<Option<HealthCheck>>) -> Self {
        self.health_check = health_check.into();
        self
    }

    /// An environment variable of `hello`; its switches are in `crates/hello/src/switches.rs`.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A further label of `hello`, or another value of one it has.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The rule of the router `hello`. Traffic asks for the host in it, if it names one.
    #[must_use]
    pub fn rule(mut self, rule: &str) -> Self {
        self.rule = Some(rule.to_owned());
        self
    }

    /// No router of the template's own; `label` can say others.
    #[must_use]
    pub fn no_router(mut self) -> Self {
        self.rule = None;
        self
    }

    /// Further lines of the service `hello`, without the indent: `ports: ["8080:8080"]`.
    #[must_use]
    pub fn service_text(mut self, text: &str) -> Self {
        self.service_text.push_str(&indented(text, 4));
        self
    }

    /// Further services, or whatever else follows under `services:`, without the indent.
    #[must_use]
    pub fn more_services(mut self, text: &str) -> Self {
        self.more_services.push_str(&indented(text, 2));
        self
    }

    /// No Traefik in the project: nothing routes to `hello`.
    #[must_use]
    pub fn no_traefik(mut self) -> Self {
        self.traefik = false;
        self
    }

    /// Another Traefik than the sample's: [`OLDEST_TRAEFIK`](crate::OLDEST_TRAEFIK).
    #[must_use]
    pub fn traefik_image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.traefik_image);
        self
    }

    /// A further command line argument of Traefik.
    #[must_use]
    pub fn traefik_argument(mut self, argument: &str) -> Self {
        self.traefik_arguments.push(argument.to_owned());
        self
    }

    /// A Traefik that takes changes in every 2 s, as it does unless it is told otherwise.
    #[must_use]
    pub fn default_throttle(mut self) -> Self {
        self.traefik_throttle = None;
        self
    }

    /// Where Traefik finds the engine.
    #[must_use]
    pub fn traefik_socket(mut self, socket: &Path) -> Self {
        self.traefik_socket = socket.display().to_string();
        self
    }

    /// A header that requests to `hello` carry.
    #[must_use]
    pub fn request_header(mut self, name: &str, value: &str) -> Self {
        self.request_header = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// The host that the router asks for: the rule is ``Host(`host`)`` or goes on after it.
    pub(crate) fn host(&self) -> Option<&str> {
        let (_, after) = self.rule.as_ref()?.split_once("Host(`")?;
        Some(after.split_once('`')?.0)
    }

    /// Whether requests through Traefik reach `hello`.
    pub(crate) fn is_routed(&self) -> bool {
        self.traefik && self.rule.is_some()
    }

    /// The compose file's text.
    pub(crate) fn compose_text(&self, place: &Place<'_>) -> String {
        if let Some(fixture) = &self.fixture {
            return fixture_text(fixture, place);
        }
        let mut text = format!("name: {}\n\nservices:\n", place.project);
        if self.traefik {
            text.push_str(&self.traefik_text(place));
        }
        text.push_str(&self.hello_text(place));
        text.push_str(&self.more_services);
        text
    }

    fn traefik_text(&self, place: &Place<'_>) -> String {
        let Place {
            project,
            web_port,
            api_port,
            ..
        } = place;
        // A label of our own and not Compose's, so that Traefik also serves what carries the
        // labels of `hello` further.
        let mut arguments = vec![
            "--providers.docker=true".to_owned(),
            "--providers.docker.exposedbydefault=false".to_owned(),
            format!("--providers.docker.constraints=Label(`teal.testkit`,`{project}`)"),
            "--entrypoints.web.address=:80".to_owned(),
            "--api.insecure=true".to_owned(),
        ];
        let throttle = self.traefik_throttle.iter();
        arguments.extend(throttle.map(|it| format!("--providers.providersThrottleDuration={it}")));
        arguments.extend(self.traefik_arguments.iter().cloned());
        let mut text = format!(
            "  traefik:\n    image: {}\n    command:\n",
            self.traefik_image
        );
        for argument in arguments {
            line(&mut text, 6, &format!("- {}", quoted(&argument)));
        }
        line(&mut text, 4, "ports:");
        line(&mut text, 6, &format!("- \"127.0.0.1:{web_port}:80\""));
        line(&mut text, 6, &format!("- \"127.0.0.1:{api_port}:8080\""));
        line(&mut text, 4, "volumes:");
        let socket = &self.traefik_socket;
        line(&mut text, 6, &format!("- {socket}:/var/run/docker.sock:ro"));
        line(&mut text, 4, "stop_grace_period: 1s");
        text.push('\n');
        text
    }

    fn hello_text(&self, place: &Place<'_>) -> String {
        let mut text = format!(
            "  hello:\n    image: {}\n    pull_policy: never\n",
            place.image
        );
        self.push_limits(&mut text);
        if let Some(check) = self.health_check {
            line(&mut text, 4, "healthcheck:");
            line(&mut text, 6, "test: [\"CMD\", \"/hello\", \"check\"]");
            line(
                &mut text,
                6,
                &format!("interval: {}ms", check.interval.as_millis()),
            );
            line(
                &mut text,
                6,
                &format!("timeout: {}ms", check.timeout.as_millis()),
            );
            line(&mut text, 6, &format!("retries: {}", check.retries));
            line(
                &mut text,
                6,
                &format!("start_period: {}ms", check.start_period.as_millis()),
            );
        }
        push_map(&mut text, "environment", &self.environment);
        push_map(&mut text, "labels", &self.all_labels(place.project));
        text.push_str(&self.service_text);
        text
    }

    fn push_limits(&self, text: &mut String) {
        let (cpus, memory) = self.limits.clone().unwrap_or_default();
        let in_deploy = self.key_family == KeyFamily::Deploy;
        if !in_deploy {
            push_values(text, 4, [("cpus", &cpus), ("mem_limit", &memory)]);
        }
        let deploys_limits = in_deploy && self.limits.is_some();
        if self.replicas.is_none() && !deploys_limits && self.reservations.is_none() {
            return;
        }
        line(text, 4, "deploy:");
        if let Some(replicas) = self.replicas {
            line(text, 6, &format!("replicas: {replicas}"));
        }
        if deploys_limits || self.reservations.is_some() {
            line(text, 6, "resources:");
        }
        if deploys_limits {
            line(text, 8, "limits:");
            push_values(text, 10, [("cpus", &cpus), ("memory", &memory)]);
        }
        if let Some((cpus, memory)) = self.reservations.clone() {
            line(text, 8, "reservations:");
            push_values(text, 10, [("cpus", &Some(cpus)), ("memory", &Some(memory))]);
        }
    }

    fn all_labels(&self, project: &str) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([("teal.testkit".to_owned(), project.to_owned())]);
        let mut router = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
        if let Some(rule) = &self.rule {
            router("traefik.enable", "true");
            router("traefik.http.routers.hello.rule", rule);
            router("traefik.http.routers.hello.entrypoints", "web");
            router(
                "traefik.http.services.hello.loadbalancer.server.port",
                "8080",
            );
        }
        labels.extend(self.labels.clone());
        labels
    }
}

fn fixture_text(fixture: &Path, place: &Place<'_>) -> String {
    let file = fixture.join("compose.yaml");
    let text = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{} can't be read: {error}", file.display()));
    text.replace("@project@", place.project)
        .replace("@image@", place.image)
        .replace("@web_port@", &place.web_port.to_string())
        .replace("@api_port@", &place.api_port.to_string())
}

fn push_values<const N: usize>(
    text: &mut String,
    indent: usize,
    values: [(&str, &Option<String>); N],
) {
    for (key, value) in values {
        if let Some(value) = value {
            line(text, indent, &format!("{key}: {}", quoted(value)));
        }
    }
}

fn push_map(text: &mut String, key: &str, map: &BTreeMap<String, String>) {
    if map.is_empty() {
        return;
    }
    line(text, 4, &format!("{key}:"));
    for (name, value) in map {
        line(text, 6, &format!("{name}: {}", quoted(value)));
    }
}

fn line(text: &mut String, indent: usize, content: &str) {
    writeln!(text, "{:indent$}{content}", "").expect("a string takes any text");
}

/// As a YAML scalar in single quotes. A `$` is doubled, since Compose would interpolate it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''").replace('$', "$$"))
}

fn indented(content: &str, indent: usize) -> String {
    let mut text = String::new();
    for content in content.lines() {
        line(&mut text, indent, content);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place {
        project: "p",
        image: "hello:1",
        web_port: 1,
        api_port: 2,
    };

    #[test]
    fn writes_limits_in_the_family_that_is_asked_for() {
        let template = Template::named("x").no_traefik().no_router();
        let text = template.clone().health_check(None).compose_text(&PLACE);
        assert_eq!(
            text,
            "name: p\n\nservices:\n  hello:\n    image: hello:1\n    pull_policy: never\n    deploy:\n      \
             resources:\n        limits:\n          cpus: '1.0'\n          memory: '512M'\n    labels:\n      \
             teal.testkit: 'p'\n"
        );
        let text = template
            .key_family(KeyFamily::Service)
            .limits(None, Some("64M"))
            .compose_text(&PLACE);
        assert!(text.contains("    mem_limit: '64M'\n"), "{text}");
        assert!(
            !text.contains("deploy:") && !text.contains("cpus:"),
            "{text}"
        );
    }

    #[test]
    fn a_fixture_gets_the_tests_own_values() {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let text = "name: @project@ # @image@ @web_port@ @api_port@\n";
        let file = folder.path().join("compose.yaml");
        fs::write(file, text).expect("the file can be written");
        let text = fixture_text(folder.path(), &PLACE);
        assert_eq!(text, "name: p # hello:1 1 2\n");
    }

    #[test]
    fn what_a_test_says_wins_over_the_template() {
        let text = Template::named("x")
            .label("traefik.http.routers.hello.rule", "Path(`/$it's`)")
            .service_text("ports:\n  - \"8080\"")
            .compose_text(&PLACE);
        assert!(text.contains("hello.rule: 'Path(`/$$it''s`)'\n"), "{text}");
        assert!(text.contains("    ports:\n      - \"8080\"\n"), "{text}");
    }
}
