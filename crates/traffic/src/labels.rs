//! What a container's labels tell Traefik, read as Traefik's Docker provider reads them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::default_rule::DefaultRule;

/// Options below a router, service or middleware: their path as written, and their value.
/// Traefik compares the paths without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options(BTreeMap<String, String>);

impl Options {
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(written, _)| written.eq_ignore_ascii_case(path))
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is this option, or one below it.
    pub(super) fn has_any(&self, path: &str) -> bool {
        self.0.keys().any(|written| is_at_or_below(written, path))
    }

    /// The options that are neither one of these nor below one.
    pub(super) fn without<'a>(
        &'a self,
        paths: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(|(written, _)| !paths.iter().any(|path| is_at_or_below(written, path)))
            .map(|(written, value)| (written.as_str(), value.as_str()))
    }

    /// The first word of every option: for a middleware, its type.
    pub(super) fn kinds(&self) -> impl Iterator<Item = String> {
        self.0
            .keys()
            .filter_map(|written| written.split('.').next())
            .map(str::to_ascii_lowercase)
    }
}

impl FromIterator<(String, String)> for Options {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(options: T) -> Self {
        Self(options.into_iter().collect())
    }
}

fn is_at_or_below(written: &str, path: &str) -> bool {
    match written.get(..path.len()) {
        Some(start) if start.eq_ignore_ascii_case(path) => {
            matches!(written.as_bytes().get(path.len()), None | Some(b'.' | b'['))
        }
        _ => false,
    }
}

/// The parts of Traefik's configuration that are in one container's labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Configured {
    pub(super) enable: Option<bool>,
    pub(super) network: Option<String>,
    pub(super) routers: BTreeMap<String, Options>,
    pub(super) services: BTreeMap<String, Options>,
    pub(super) middlewares: BTreeMap<String, Options>,
    /// TCP and UDP routers as people call them: by protocol and name.
    pub(super) streams: BTreeSet<String>,
    /// Whether there is anything for TCP or UDP. Then no HTTP router comes by itself.
    pub(super) has_streams: bool,
}

impl Configured {
    pub(super) fn read<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut configured = Self::default();
        for (label, value) in labels {
            let words: Vec<_> = label.splitn(5, '.').collect();
            let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
            let lower: Vec<_> = lower.iter().map(String::as_str).collect();
            match lower.as_slice() {
                ["traefik", "enable"] => {
                    configured.enable = Some(value.eq_ignore_ascii_case("true"));
                }
                ["traefik", "docker", "network"] => configured.network = Some(value.clone()),
                ["traefik", "http", kind, _, _] => {
                    let map = match *kind {
                        "routers" => &mut configured.routers,
                        "services" => &mut configured.services,
                        "middlewares" => &mut configured.middlewares,
                        _ => continue,
                    };
                    let options = map.entry(words[3].to_owned()).or_default();
                    options.0.insert(words[4].to_owned(), value.clone());
                }
                [
                    "traefik",
                    protocol @ ("tcp" | "udp"),
                    kind @ ("routers" | "services"),
                    _,
                    _,
                ] => {
                    configured.has_streams = true;
                    if *kind == "routers" {
                        let protocol = protocol.to_uppercase();
                        let router = format!("{protocol} router `{}`", words[3]);
                        configured.streams.insert(router);
                    }
                }
                _ => {}
            }
        }
        configured
    }
}

/// A router as Traefik makes it of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Router {
    pub(super) name: String,
    pub(super) rule: String,
    pub(super) priority: i64,
    /// Empty where it is on Traefik's default entry points.
    pub(super) entry_points: Vec<String>,
    pub(super) tls: bool,
    pub(super) middlewares: Vec<String>,
    pub(super) service: String,
    /// All its options, as written.
    pub(super) options: Options,
}

/// Why Teal can do nothing with a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Traefik makes none of it.
    Unserved(String),
    /// Traefik may well serve it, and Teal can't tell how.
    Unread(String),
}

/// A service as Traefik makes it of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) name: String,
    /// `None` if there is neither a label for it nor an exposed port.
    pub(super) port: Option<u16>,
    pub(super) options: Options,
}

/// What Traefik looks at in a container.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// Without the slash in front.
    pub(super) name: &'a str,
    pub(super) labels: &'a HashMap<String, String>,
    /// The lowest port that the image or the container exposes.
    pub(super) exposed_port: Option<u16>,
}

impl Subject<'_> {
    /// The name that Traefik gives to a router or service that has none.
    pub(super) fn default_name(&self) -> String {
        let label = |key: &str| self.labels.get(key).filter(|value| !value.is_empty());
        match (
            label("com.docker.compose.service"),
            label("com.docker.compose.project"),
        ) {
            (Some(service), Some(project)) => normalize(&format!("{service}_{project}")),
            _ => normalize(self.name),
        }
    }

    pub(super) fn backends(&self, configured: &Configured) -> Vec<Backend> {
        if configured.services.is_empty() {
            return vec![Backend {
                name: self.default_name(),
                port: self.exposed_port,
                options: Options::default(),
            }];
        }
        configured
            .services
            .iter()
            .map(|(name, options)| Backend {
                name: name.clone(),
                port: options
                    .get("loadbalancer.server.port")
                    .map_or(self.exposed_port, |port| port.parse().ok()),
                options: options.clone(),
            })
            .collect()
    }

    /// The HTTP routers by their names, each with what keeps Teal from reading it.
    pub(super) fn routers(
        &self,
        configured: &Configured,
        default_rule: &DefaultRule,
    ) -> Vec<(String, Result<Router, Unusable>)> {
        let unnamed = BTreeMap::from([(self.default_name(), Options::default())]);
        let routers = if !configured.routers.is_empty() {
            &configured.routers
        } else if configured.services.len() > 1
            || (configured.services.is_empty()
                && configured.middlewares.is_empty()
                && configured.has_streams)
        {
            return Vec::new();
        } else {
            &unnamed
        };
        routers
            .iter()
            .map(|(name, options)| {
                let router = self.router(name, options, configured, default_rule);
                (name.clone(), router)
            })
            .collect()
    }

    fn router(
        &self,
        name: &str,
        options: &Options,
        configured: &Configured,
        default_rule: &DefaultRule,
    ) -> Result<Router, Unusable> {
        let rule = match options.get("rule") {
            Some(rule) if !rule.is_empty() => rule.to_owned(),
            _ => default_rule.evaluate(self).map_err(Unusable::Unread)?,
        };
        let service = match options.get("service") {
            Some(service) if !service.is_empty() => service
                .strip_suffix("@docker")
                .unwrap_or(service)
                .to_owned(),
            _ if configured.services.len() > 1 => {
                return Err(Unusable::Unserved(format!(
                    "router `{name}`: it doesn't say which of several services to use"
                )));
            }
            _ => configured
                .services
                .keys()
                .next()
                .cloned()
                .unwrap_or_else(|| self.default_name()),
        };
        let priority = options
            .get("priority")
            .and_then(|priority| priority.parse().ok())
            .filter(|priority| *priority != 0)
            .unwrap_or_else(|| i64::try_from(rule.len()).unwrap_or(i64::MAX));
        Ok(Router {
            name: name.to_owned(),
            priority,
            entry_points: words(options.get("entrypoints")),
            tls: options.has_any("tls")
                && options
                    .get("tls")
                    .is_none_or(|value| !value.eq_ignore_ascii_case("false")),
            middlewares: words(options.get("middlewares")),
            service,
            options: options.clone(),
            rule,
        })
    }
}

fn words(list: Option<&str>) -> Vec<String> {
    list.into_iter()
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Traefik's `Normalize`: everything that is not a letter or a digit becomes one dash.
pub(super) fn normalize(name: &str) -> String {
    name.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
