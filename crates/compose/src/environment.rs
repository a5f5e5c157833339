//! The variables that Compose runs with besides the user's own.
//!
//! What chooses files, names, profiles and pace stays the user's (`COMPOSE_FILE`,
//! `COMPOSE_PROJECT_NAME`, `COMPOSE_PROFILES`, `COMPOSE_ENV_FILES`, `COMPOSE_PARALLEL_LIMIT`,
//! `COMPOSE_IGNORE_ORPHANS`, …). What would have a command of Teal's do more than it says does not.

use teal_docker::Environment;
use teal_model::Error;

/// What every run gets: how Compose prints, and what it leaves alone.
const FIXED: [(&str, &str); 4] = [
    ("COMPOSE_ANSI", "never"),
    ("COMPOSE_PROGRESS", "plain"),
    ("COMPOSE_MENU", "false"),
    // Containers that the files do not define are none of Teal's business.
    ("COMPOSE_REMOVE_ORPHANS", "false"),
];

/// With these Compose fetches compose files from a registry or a repository, only because a project
/// that somebody opens includes them. It does so by default; here somebody has to allow it.
const REMOTE: [&str; 2] = [
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE",
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE",
];

/// `is_set` tells of which variables the user has a say. A project's own `.env` file has none: it
/// comes with the files that would be fetched.
pub(super) fn fixed(is_set: impl Fn(&str) -> bool) -> Environment {
    let remote = REMOTE.iter().filter(|name| !is_set(name));
    let remote = remote.map(|name| (*name, "false"));
    let all = FIXED.into_iter().chain(remote);
    all.map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
        .collect()
}

/// The error where Compose says that it would have had to fetch a file.
pub(super) fn refused_remote(stderr: &str) -> Option<Error> {
    let variable = REMOTE
        .iter()
        .find(|name| stderr.contains(&format!("disabled by \"{name}\"")))?;
    Some(Error::RemoteFiles {
        variable: (*variable).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(all: &'a Environment, name: &str) -> Option<&'a str> {
        let found = all.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_deref())
    }

    #[test]
    fn orphans_stay_and_nothing_is_fetched() {
        let all = fixed(|_| false);
        assert_eq!(value(&all, "COMPOSE_REMOVE_ORPHANS"), Some("false"));
        for name in REMOTE {
            assert_eq!(value(&all, name), Some("false"));
        }
        assert_eq!(value(&all, "COMPOSE_FILE"), None);
    }

    #[test]
    fn who_has_set_it_has_allowed_or_forbidden_it() {
        let all = fixed(|name| name == REMOTE[1] || name == "COMPOSE_REMOVE_ORPHANS");
        assert_eq!(value(&all, REMOTE[0]), Some("false"));
        assert_eq!(value(&all, REMOTE[1]), None);
        assert_eq!(value(&all, "COMPOSE_REMOVE_ORPHANS"), Some("false"));
    }
}
