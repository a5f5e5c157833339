//! The limits that Green gets.

use super::Planner;
use crate::live;
use teal_compose::{ComposeService, override_file};
use teal_model::{
    Error, Limits, LimitsChange, OVERRIDE_FILE, ProjectSource, Result, Revision, RolloutRequest,
};

/// The limits that Green gets, and where they come from if nobody has named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) limits: Limits,
    pub(super) reason: Option<String>,
}

impl Planner<'_> {
    /// What is asked for on top of what is in force; a revision's as a whole, so that one without a
    /// limit is without one again; or what the files say.
    pub(super) async fn wanted(
        &self,
        request: &RolloutRequest,
        source: &ProjectSource,
        service: &ComposeService,
        before: Limits,
        past: &[Revision],
    ) -> Result<Wanted> {
        if let Some(number) = request.to_revision {
            let revision = past.iter().find(|revision| revision.revision == number);
            let revision = revision.ok_or_else(|| Error::NoRevision {
                service: request.service.clone(),
                revision: number.to_string(),
            })?;
            return Ok(named(revision.limits_after));
        }
        if request.change != LimitsChange::default() {
            return Ok(named(before.with(request.change)));
        }
        let path = override_file::path(source);
        if request.limits_from_file || !path.exists() {
            return Ok(Wanted {
                limits: service.limits(),
                reason: Some("the compose files' limits".to_owned()),
            });
        }
        let overridden = self.compose.model(source, &[&path]).await?;
        let overridden = overridden
            .services
            .get(&request.service)
            .map_or(service.limits(), ComposeService::limits);
        Ok(of_files(service.limits(), overridden, past))
    }
}

fn named(limits: Limits) -> Wanted {
    Wanted {
        limits,
        reason: None,
    }
}

/// The newer word counts: a limit that was changed in the compose files since Teal wrote its
/// override is theirs, any other stays the override's.
fn of_files(file: Limits, overridden: Limits, past: &[Revision]) -> Wanted {
    let known = past
        .iter()
        .filter(|revision| revision.took_effect())
        .find_map(|revision| Some((revision.revision, revision.file_limits?)));
    // What the containers were made with before a live update is not a newer word: `keep` writes it.
    let made_with = live::limits_before(past);
    let mut reasons = Vec::new();
    let limits = Limits {
        cpus: pick(
            "CPUs",
            file.cpus,
            overridden.cpus,
            known.map(|(number, limits)| match made_with {
                Some(made_with) if made_with.cpus == file.cpus => (number, file.cpus),
                _ => (number, limits.cpus),
            }),
            &mut reasons,
        ),
        memory: pick(
            "memory",
            file.memory,
            overridden.memory,
            known.map(|(number, limits)| match made_with {
                Some(made_with) if made_with.memory == file.memory => (number, file.memory),
                _ => (number, limits.memory),
            }),
            &mut reasons,
        ),
    };
    if reasons.is_empty() {
        reasons.push("the compose files' limits".to_owned());
    }
    Wanted {
        limits,
        reason: Some(reasons.join("; ")),
    }
}

fn pick<T: Copy + PartialEq + std::fmt::Display>(
    what: &str,
    file: Option<T>,
    overridden: Option<T>,
    known: Option<(u32, Option<T>)>,
    reasons: &mut Vec<String>,
) -> Option<T> {
    if file == overridden {
        return file;
    }
    let word =
        |limit: Option<T>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let (file_word, overridden_word) = (word(file), word(overridden));
    match known {
        Some((number, then)) if then != file => {
            reasons.push(format!(
                "{what}: the compose files' {file_word}, changed since revision {number}; {OVERRIDE_FILE} had {overridden_word}"
            ));
            file
        }
        Some((number, _)) => {
            reasons.push(format!(
                "{what}: {overridden_word} from {OVERRIDE_FILE}; the compose files' {file_word} is not newer, it was there at revision {number}"
            ));
            overridden
        }
        None => {
            reasons.push(format!(
                "{what}: {overridden_word} from {OVERRIDE_FILE}, whether the compose files' {file_word} is newer is not known; `--limits-from-file` takes it"
            ));
            overridden
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use teal_model::testing::revision;

    fn memory(amount: &str) -> Limits {
        Limits {
            cpus: None,
            memory: Some(amount.parse().unwrap()),
        }
    }

    fn past(file: Option<Limits>) -> Vec<Revision> {
        vec![Revision {
            file_limits: file,
            ..revision("shop", "web", 4)
        }]
    }

    #[test]
    fn a_limit_changed_in_the_file_wins_over_the_override() {
        let wanted = of_files(memory("1G"), memory("640M"), &past(Some(memory("512M"))));
        assert_eq!(wanted.limits, memory("1G"));
        assert_eq!(
            wanted.reason.unwrap(),
            "memory: the compose files' 1G, changed since revision 4; docker-compose.blue-green.yml had 640M"
        );
    }

    #[test]
    fn a_limit_that_was_in_the_file_before_does_not() {
        let wanted = of_files(memory("512M"), memory("640M"), &past(Some(memory("512M"))));
        assert_eq!(wanted.limits, memory("640M"));
        assert!(wanted.reason.unwrap().contains("is not newer"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        for past in [past(None), Vec::new()] {
            let wanted = of_files(memory("512M"), memory("640M"), &past);
            assert_eq!(wanted.limits, memory("640M"));
            assert!(wanted.reason.unwrap().contains("--limits-from-file"));
        }
    }

    #[test]
    fn a_limit_taken_out_of_the_file_is_taken_away() {
        let wanted = of_files(
            Limits::default(),
            memory("640M"),
            &past(Some(memory("512M"))),
        );
        assert_eq!(wanted.limits, Limits::default());
    }

    #[test]
    fn where_both_agree_there_is_nothing_to_choose() {
        let wanted = of_files(memory("512M"), memory("512M"), &[]);
        assert_eq!(wanted.reason.as_deref(), Some("the compose files' limits"));
    }
}
