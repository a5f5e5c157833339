//! What containers were made with that have been updated since: Compose's hash on them is of that.

use teal_compose::{Compose, ComposeService, override_file};
use teal_model::{Limits, ProjectSource, Result, Revision, RevisionKind};

/// The limits that the containers were made with, where they have been changed on the running ones
/// since. `past` is the service's history, the newest first.
pub fn limits_before(past: &[Revision]) -> Option<Limits> {
    let mut in_force = past.iter().filter(|revision| revision.took_effect());
    let first_update = in_force
        .by_ref()
        .take_while(|revision| revision.kind == RevisionKind::Live)
        .last();
    first_update.map(|update| update.limits_before)
}

/// Compose's hash of the service with Teal's override, if that still had the limits that the
/// containers were made with; `None` if nothing was updated, or there is no override.
pub async fn hash_before(
    compose: &Compose,
    source: &ProjectSource,
    (name, service): (&str, &ComposeService),
    past: &[Revision],
) -> Result<Option<String>> {
    let Some(limits) = limits_before(past) else {
        return Ok(None);
    };
    let path = override_file::path(source);
    let Some(text) = override_file::read_text(&path)? else {
        return Ok(None);
    };
    let written = service.in_their_words(limits);
    let text = override_file::merged(Some(&text), name, written, service.limit_keys(), &[])
        .map_err(|error| error.at(&path))?;
    let mut with_override = source.clone();
    with_override.files.push(path.clone());
    let hash = compose.config_hash_with(&with_override, &path, &text, name);
    hash.await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use teal_model::event::Outcome;
    use teal_model::testing::revision;

    fn memory(amount: &str) -> Limits {
        Limits {
            cpus: None,
            memory: Some(amount.parse().unwrap()),
        }
    }

    fn past(kind: RevisionKind, before: &str, after: &str) -> Revision {
        Revision {
            kind,
            limits_before: memory(before),
            limits_after: memory(after),
            outcome: Some(Outcome::Success),
            ..revision("shop", "web", 4)
        }
    }

    #[test]
    fn the_first_update_since_the_last_rollout_tells() {
        use RevisionKind::{Live, Rollout};
        let rollout = past(Rollout, "1G", "2G");
        assert_eq!(limits_before(&[]), None);
        assert_eq!(limits_before(std::slice::from_ref(&rollout)), None);
        let failed = Revision {
            outcome: Some(Outcome::RolledBack),
            ..past(Rollout, "4G", "8G")
        };
        let updated = [
            failed,
            past(Live, "3G", "4G"),
            past(Live, "2G", "3G"),
            rollout,
            past(Live, "512M", "1G"),
        ];
        assert_eq!(limits_before(&updated), Some(memory("2G")));
    }
}
