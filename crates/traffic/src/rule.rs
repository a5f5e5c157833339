//! Traefik's routing rules, as far as Teal has to understand them: the matchers in them, for a
//! request that a rule lets through.

use bollard::models::ContainerInspectResponse;

/// A GET that a router's rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    /// With the query, if the rule asks for one.
    pub path: String,
    pub headers: Vec<(String, String)>,
}

/// One call in an expression of matchers, such as ``Host(`a.localhost`)``.
#[derive(Debug, PartialEq, Eq)]
pub struct Matcher {
    pub name: String,
    pub values: Vec<String>,
    pub is_negated: bool,
}

/// The matchers of a rule, in the order they are written.
pub fn matchers(rule: &str) -> Vec<Matcher> {
    let mut found = Vec::new();
    let mut name = String::new();
    let mut is_negated = false;
    let mut rest = rule.chars();
    while let Some(character) = rest.next() {
        match character {
            '(' if !name.is_empty() => found.push(Matcher {
                name: std::mem::take(&mut name),
                values: values(&mut rest),
                is_negated: std::mem::take(&mut is_negated),
            }),
            letter if letter.is_alphanumeric() => name.push(letter),
            '!' => is_negated = true,
            '&' | '|' => {
                name.clear();
                is_negated = false;
            }
            _ => name.clear(),
        }
    }
    found
}

/// The quoted values up to the parenthesis that closes the call.
fn values(rest: &mut std::str::Chars<'_>) -> Vec<String> {
    let mut values = Vec::new();
    while let Some(character) = rest.next() {
        match character {
            '`' | '"' => values.push(
                rest.by_ref()
                    .take_while(|next| *next != character)
                    .collect(),
            ),
            ')' => break,
            _ => {}
        }
    }
    values
}

impl Target {
    /// The request for a router with this rule. `health_path` is a path that the service is known
    /// to answer; `strips` says that a middleware takes the rule's path off before the service.
    pub fn new(rule: &str, health_path: Option<&str>, strips: bool) -> Self {
        let matchers = matchers(rule);
        let first = |names: &[&str]| {
            matchers
                .iter()
                .filter(|matcher| !matcher.is_negated)
                .find(|matcher| {
                    names
                        .iter()
                        .any(|name| matcher.name.eq_ignore_ascii_case(name))
                })
                .map(|matcher| matcher.values.as_slice())
        };
        let host = match first(&["Host"]) {
            Some([host, ..]) if host != "*" => host.clone(),
            _ => "localhost".to_owned(),
        };
        let prefix = match first(&["Path", "PathPrefix"]) {
            Some([path, ..]) => path.trim_end_matches('/'),
            _ => "",
        };
        let mut path = match health_path {
            Some(health) if health.starts_with(prefix) => health.to_owned(),
            Some(health) if strips => format!("{prefix}{health}"),
            _ if prefix.is_empty() => "/".to_owned(),
            _ => prefix.to_owned(),
        };
        match first(&["Query"]) {
            Some([key, value]) => path.extend(["?", key, "=", value]),
            Some([key]) => path.extend(["?", key]),
            _ => {}
        }
        let headers = match first(&["Header", "Headers"]) {
            Some([key, value]) => vec![(key.clone(), value.clone())],
            _ => Vec::new(),
        };
        Self {
            host,
            path,
            headers,
        }
    }
}

/// The path that a container's own health check asks for, if it asks by HTTP and changes nothing.
pub fn health_path(container: &ContainerInspectResponse) -> Option<String> {
    let test = container
        .config
        .as_ref()?
        .healthcheck
        .as_ref()?
        .test
        .as_ref()?;
    let words = || test.iter().flat_map(|word| word.split_whitespace());
    if words().any(sends) {
        return None;
    }
    words().find_map(|word| {
        let (_, address) = word
            .split_once("http://")
            .or_else(|| word.split_once("https://"))?;
        let path = &address[address.find('/')?..];
        let end = path
            .find(['"', '\'', '|', '>', ';', '`', '$'])
            .unwrap_or(path.len());
        Some(path[..end].to_owned())
    })
}

/// Whether a word of a command has `curl` or `wget` send something.
fn sends(word: &str) -> bool {
    const OPTIONS: [&str; 6] = ["-X", "-d", "-F", "--request", "--data", "--form"];
    OPTIONS.iter().any(|option| {
        word.strip_prefix(option)
            .is_some_and(|rest| option.len() == 2 || !rest.starts_with(char::is_alphabetic))
    }) || word.starts_with("--post-")
        || word.starts_with("--method")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_that_sends_something_is_not_asked_for() {
        let path = |command: &str| {
            let test = ["CMD-SHELL", command].map(str::to_owned).to_vec();
            health_path(&ContainerInspectResponse {
                config: Some(bollard::models::ContainerConfig {
                    healthcheck: Some(bollard::models::HealthConfig {
                        test: Some(test),
                        ..Default::default()
                    }),
                    ..Default::default()
                }),
                ..Default::default()
            })
        };
        assert_eq!(
            path("curl -fsS --max-time 3 http://localhost:80/ready || exit 1").as_deref(),
            Some("/ready")
        );
        assert_eq!(
            path("wget --spider -q http://127.0.0.1/ping").as_deref(),
            Some("/ping")
        );
        for command in [
            "curl -X POST http://localhost/jobs",
            "curl -XPOST http://localhost/jobs",
            "curl --request DELETE http://localhost/jobs",
            "curl -d ping http://localhost/jobs",
            "curl --data-raw x http://localhost/jobs",
            "wget --post-data=x http://localhost/jobs",
        ] {
            assert_eq!(path(command), None, "{command}");
        }
    }

    #[test]
    fn a_request_satisfies_host_path_query_and_header() {
        let rule = "Host(`a.localhost`) && (PathPrefix(`/api`) || Path(\"/x\")) && !Header(`no`, `1`) && Query(`v`, `2`) && Header(`X-Tenant`, `t`)";
        assert_eq!(
            Target::new(rule, None, false),
            Target {
                host: "a.localhost".into(),
                path: "/api?v=2".into(),
                headers: vec![("X-Tenant".into(), "t".into())],
            }
        );
    }

    #[test]
    fn a_health_path_is_asked_for_where_the_rule_lets_it_through() {
        let path = |rule, strips| Target::new(rule, Some("/health"), strips).path;
        assert_eq!(path("Host(`a`)", false), "/health");
        assert_eq!(path("PathPrefix(`/`)", false), "/health");
        assert_eq!(path("PathPrefix(`/api/`)", false), "/api");
        assert_eq!(path("PathPrefix(`/api`)", true), "/api/health");
    }
}
