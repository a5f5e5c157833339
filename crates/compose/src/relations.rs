//! How the services of a project stand to each other.

use super::{
    ComposeModel,
    model::{ComposeService, Dependency},
};

/// A service's end that others wait for.
const COMPLETED: &str = "service_completed_successfully";

impl ComposeModel {
    /// The other services that name this one (`depends_on`, `links`, an address in a value of the
    /// environment or in the command), so that they may call it by its name.
    pub fn callers(&self, service: &str) -> Vec<String> {
        self.others(service, |other| {
            other.depends_on.contains_key(service)
                || other
                    .links
                    .iter()
                    .any(|link| link.split(':').next() == Some(service))
                || other.names_host(service)
        })
    }

    /// Whether another service calls this one by its name, as far as the files say so: one that only
    /// waits for its start need not.
    pub fn is_called(&self, service: &str) -> bool {
        let callers = self.others(service, |other| {
            let mut links = other.links.iter();
            links.any(|link| link.split(':').next() == Some(service)) || other.names_host(service)
        });
        !callers.is_empty()
    }

    /// The other services that live in a namespace of this one's container.
    pub fn lodgers(&self, service: &str) -> Vec<String> {
        let mode = format!("service:{service}");
        self.others(service, |other| {
            [&other.network_mode, &other.pid, &other.ipc]
                .into_iter()
                .any(|namespace| namespace.as_ref() == Some(&mode))
        })
    }

    /// The other services that wait for this one's end.
    pub fn waits_for_end_of(&self, service: &str) -> Vec<String> {
        self.depending(service, |dependency| dependency.condition == COMPLETED)
    }

    /// The other services that Compose restarts whenever it changes this one.
    pub fn restarted_with(&self, service: &str) -> Vec<String> {
        self.depending(service, |dependency| dependency.restart)
    }

    fn depending(&self, service: &str, wanted: impl Fn(&Dependency) -> bool) -> Vec<String> {
        self.others(service, |other| {
            other.depends_on.get(service).is_some_and(&wanted)
        })
    }

    /// The other services that may run while this one does, and are wanted.
    fn others(&self, service: &str, wanted: impl Fn(&ComposeService) -> bool) -> Vec<String> {
        let own = self.services.get(service);
        let may_run = |other: &ComposeService| own.is_none_or(|own| other.may_run_beside(own));
        self.services
            .iter()
            .filter(|(name, other)| *name != service && may_run(other) && wanted(other))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

impl ComposeService {
    /// Whether a value of its environment or its command names a host of that name.
    fn names_host(&self, host: &str) -> bool {
        let is_host_key = |key: &str| {
            let key = key.to_ascii_uppercase();
            ["HOST", "HOSTNAME", "SERVER", "ADDR", "ADDRESS"]
                .iter()
                .any(|end| key.ends_with(end))
        };
        let in_environment = self.environment.iter().any(|(key, value)| {
            value.as_ref().is_some_and(|value| {
                let value = value.reveal();
                names_host(value, host) || (is_host_key(key) && value == host)
            })
        });
        let words = self.command.iter().chain(&self.entrypoint).flatten();
        in_environment || words.into_iter().any(|word| names_host(word, host))
    }
}

/// Whether a text holds an address on that host: `http://host/`, `user@host`, `host:80`.
fn names_host(text: &str, host: &str) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    text.match_indices(host).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + host.len()..]);
        if before.ends_with(is_name) || after.starts_with(is_name) {
            return false;
        }
        let port = after.strip_prefix(':').unwrap_or_default();
        before.ends_with("//")
            || before.ends_with('@')
            || port.starts_with(|digit: char| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ComposeModel, names_host};

    #[test]
    fn a_service_that_is_off_counts_where_it_has_containers() {
        let services = json!({
            "web": {},
            "debug": {"profiles": ["debug"], "network_mode": "service:web", "depends_on": {"web": {}}},
            "tools": {"profiles": ["debug"], "links": ["debug"]},
        });
        let model = json!({"name": "shop", "services": services});
        let mut model: ComposeModel = serde_json::from_value(model).unwrap();
        model.enable_only(["web"].into_iter());
        assert_eq!(model.lodgers("web"), [""; 0]);
        assert_eq!(model.callers("web"), [""; 0]);
        // They come together.
        assert_eq!(model.callers("debug"), ["tools"]);
        model.mark_present(["debug"].into_iter());
        assert_eq!(model.lodgers("web"), ["debug"]);
        assert_eq!(model.callers("web"), ["debug"]);
    }

    #[test]
    fn a_shared_profile_that_is_off_starts_nothing_beside_a_service_that_is_on() {
        let services = json!({
            "web": {"profiles": ["small", "large"]},
            "worker": {"profiles": ["large"], "network_mode": "service:web"},
        });
        let model = json!({"name": "shop", "services": services});
        let mut model: ComposeModel = serde_json::from_value(model).unwrap();
        // `--profile small`
        model.enable_only(["web"].into_iter());
        assert_eq!(model.lodgers("web"), [""; 0]);
        // Neither is on: `--profile large` starts both.
        model.enable_only(std::iter::empty());
        assert_eq!(model.lodgers("web"), ["worker"]);
    }

    #[test]
    fn a_host_is_told_from_the_same_letters_elsewhere() {
        for text in [
            "http://api",
            "http://api:8080/v1",
            "postgres://user:secret@api/data",
            "one:1,api:9092",
            "--upstream=api:80",
        ] {
            assert!(names_host(text, "api"), "{text}");
        }
        for text in [
            "api",
            "http://example.com/api",
            "http://api.example.com",
            "http://my-api:80",
            "api:token",
            "rapid:80",
            "",
        ] {
            assert!(!names_host(text, "api"), "{text}");
        }
    }
}
