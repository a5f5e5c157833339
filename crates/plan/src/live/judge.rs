//! Whether the running containers can take new limits, and whether they should.

use bollard::models::ContainerInspectResponse;

use super::runtime::{Process, Sizes, sizes_itself};
use teal_model::{ContainerState, Difference, Limits, LiveUpdate, Memory, Replica};

/// What has to stay free above present use for a smaller limit to be a good idea, in percent.
const ROOM: u64 = 10;

/// What it depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub replicas: &'a [Replica],
    /// One of them.
    pub container: Option<&'a ContainerInspectResponse>,
    pub after: Limits,
    /// The most that one of them uses now.
    pub memory_in_use: Option<Memory>,
    /// What else a new container would get.
    pub differences: &'a [Difference],
}

pub fn judge(facts: &Facts) -> LiveUpdate {
    match impossible(facts) {
        Some(reason) => LiveUpdate {
            possible: false,
            recommended: false,
            reason,
        },
        None => match inadvisable(facts) {
            Some(reason) => LiveUpdate {
                possible: true,
                recommended: false,
                reason,
            },
            None => LiveUpdate {
                possible: true,
                recommended: true,
                reason: advice(facts),
            },
        },
    }
}

fn impossible(facts: &Facts) -> Option<String> {
    let after = facts.after;
    let running = |replica: &Replica| replica.state == ContainerState::Running;
    if facts.replicas.is_empty() {
        return Some("it has no container".to_owned());
    }
    if !facts.replicas.iter().all(running) {
        return Some("not all of its containers run".to_owned());
    }
    if facts.replicas.iter().all(|replica| replica.limits == after) {
        return Some("the limits stay as they are".to_owned());
    }
    let removes = |replica: &Replica| {
        let before = replica.limits;
        before.cpus.is_some() && after.cpus.is_none()
            || before.memory.is_some() && after.memory.is_none()
    };
    if facts.replicas.iter().any(removes) {
        return Some(
            "Docker can't take a limit away from a running container: a new one is needed"
                .to_owned(),
        );
    }
    match (facts.memory_in_use, after.memory) {
        (Some(used), Some(limit)) if limit < used => Some(format!(
            "memory goes below the {} in use: a new container is needed",
            about(used)
        )),
        _ => None,
    }
}

fn inadvisable(facts: &Facts) -> Option<String> {
    if let Some(difference) = facts.differences.first() {
        return Some(format!(
            "the files also change the {}, which takes a new container",
            difference.what
        ));
    }
    if let (Some(used), Some(limit)) = (facts.memory_in_use, facts.after.memory)
        && shrinks(facts)
        && limit.bytes() < used.bytes() + used.bytes() * ROOM / 100
    {
        return Some(format!(
            "memory comes close to the {} in use, and the kernel may kill what runs: a new container starts with less",
            about(used)
        ));
    }
    let sizes = sizes_itself(&Process::of(facts.container?))?;
    let touched = Sizes {
        memory: facts
            .replicas
            .iter()
            .any(|replica| replica.limits.memory != facts.after.memory),
        cpus: facts
            .replicas
            .iter()
            .any(|replica| replica.limits.cpus != facts.after.cpus),
    };
    sizes.hits(touched)
}

fn shrinks(facts: &Facts) -> bool {
    let after = facts.after.memory;
    facts.replicas.iter().any(|replica| {
        replica
            .limits
            .memory
            .is_none_or(|before| after.is_some_and(|after| after < before))
    })
}

fn advice(facts: &Facts) -> String {
    match (shrinks(facts), facts.memory_in_use) {
        (true, Some(used)) if facts.after.memory.is_some() => format!(
            "applies instantly: the new memory limit is above the {} in use",
            about(used)
        ),
        _ => "applies instantly, and no request moves".to_owned(),
    }
}

/// An amount to be read: whole mebibytes.
fn about(memory: Memory) -> String {
    let mebi = memory.bytes().div_ceil(1 << 20);
    format!("{mebi}M")
}

#[cfg(test)]
mod tests {
    use bollard::models::ContainerConfig;

    use super::*;
    use teal_model::Health;

    fn limits(cpus: Option<&str>, memory: Option<&str>) -> Limits {
        Limits {
            cpus: cpus.map(|cpus| cpus.parse().unwrap()),
            memory: memory.map(|memory| memory.parse().unwrap()),
        }
    }

    fn replica(limits: Limits) -> Replica {
        Replica {
            id: "1".into(),
            name: "shop-web-1".into(),
            number: 1,
            state: ContainerState::Running,
            exit_code: None,
            health: Health::Healthy,
            limits,
            started_at: None,
            image_id: "sha256:1".into(),
            rollout: None,
        }
    }

    fn judged(before: Limits, after: Limits, used: Option<&str>, words: &[&str]) -> LiveUpdate {
        let container = ContainerInspectResponse {
            config: Some(ContainerConfig {
                cmd: Some(words.iter().map(ToString::to_string).collect()),
                ..ContainerConfig::default()
            }),
            ..ContainerInspectResponse::default()
        };
        judge(&Facts {
            replicas: &[replica(before)],
            container: Some(&container),
            after,
            memory_in_use: used.map(|used| used.parse().unwrap()),
            differences: &[],
        })
    }

    fn is(update: &LiveUpdate, possible: bool, recommended: bool, reason: &str) {
        assert_eq!(
            (update.possible, update.recommended),
            (possible, recommended),
            "{update:?}"
        );
        assert!(update.reason.contains(reason), "{update:?}");
    }

    #[test]
    fn growing_needs_no_new_container() {
        let grown = judged(
            limits(Some("1"), Some("512M")),
            limits(Some("2"), Some("1G")),
            Some("400M"),
            &["serve"],
        );
        is(&grown, true, true, "applies instantly");
    }

    #[test]
    fn shrinking_depends_on_what_is_in_use() {
        let before = limits(None, Some("512M"));
        let to = |after: &str| judged(before, limits(None, Some(after)), Some("200M"), &["serve"]);
        is(&to("256M"), true, true, "above the 200M in use");
        is(&to("210M"), true, false, "close to the 200M in use");
        is(
            &to("128M"),
            false,
            false,
            "memory goes below the 200M in use: a new container is needed",
        );
    }

    #[test]
    fn a_limit_cant_be_taken_away() {
        let before = limits(Some("1"), Some("512M"));
        is(
            &judged(before, limits(Some("1"), None), None, &[]),
            false,
            false,
            "take a limit away",
        );
        is(
            &judged(before, before, None, &[]),
            false,
            false,
            "stay as they are",
        );
    }

    #[test]
    fn a_runtime_that_sized_itself_at_its_start_should_start_again() {
        let before = limits(Some("1"), Some("512M"));
        let java = judged(
            before,
            limits(Some("1"), Some("1G")),
            None,
            &["java", "-jar", "x.jar"],
        );
        is(&java, true, false, "JVM");
        let gunicorn = judged(
            before,
            limits(Some("1"), Some("1G")),
            None,
            &["gunicorn", "app"],
        );
        is(&gunicorn, true, true, "applies instantly");
        let gunicorn = judged(
            before,
            limits(Some("2"), Some("512M")),
            None,
            &["gunicorn", "app"],
        );
        is(&gunicorn, true, false, "gunicorn");
    }

    #[test]
    fn other_changes_take_a_new_container() {
        let update = judge(&Facts {
            replicas: &[replica(limits(Some("1"), None))],
            container: None,
            after: limits(Some("2"), None),
            memory_in_use: None,
            differences: &[teal_history::configuration::difference("image", "1", "2")],
        });
        is(&update, true, false, "the files also change the image");
    }
}
