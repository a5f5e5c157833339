//! What `up` would do besides creating Green. It has to be nothing: Compose stops and removes
//! containers for a network that the files define differently now, whatever `--no-recreate` says.

use std::path::Path;

use teal_compose::{Compose, Kind, Step};
use teal_model::{ContainerState, Error, Replica, Result, Verdict, VerdictCode};

/// Asks Compose, and judges what it says. `text` is that of the file that `words` name as standard
/// input.
///
/// # Errors
/// Compose can't be run.
pub async fn besides_green(
    compose: &Compose,
    words: &[String],
    directory: &Path,
    text: Option<&str>,
    blue: &[Replica],
) -> Result<Option<Verdict>> {
    match compose.dry_run(words, directory, text).await {
        Ok(steps) => Ok(judge(&steps, blue)),
        Err(Error::ProjectInvalid { message }) => Ok(Some(unknown(&message))),
        Err(error) => Err(error),
    }
}

fn judge(steps: &[Step], blue: &[Replica]) -> Option<Verdict> {
    let unwanted: Vec<_> = steps
        .iter()
        .filter(|step| !is_of_green(step, blue))
        .collect();
    if unwanted.is_empty() {
        return None;
    }
    let of = |kind| {
        let names = unwanted.iter().filter(|step| step.kind == kind);
        let mut names: Vec<_> = names.map(|step| format!("`{}`", step.name)).collect();
        names.sort();
        names.dedup();
        names.join(", ")
    };
    let (networks, containers) = (of(Kind::Network), of(Kind::Container));
    let reason = match (networks.as_str(), containers.as_str()) {
        ("", _) => {
            let each = unwanted
                .iter()
                .map(|step| format!("`{}`: {}", step.name, step.what));
            let each: Vec<_> = each.collect();
            format!(
                "`docker compose up` would do more than create Green: {}",
                each.join(", ")
            )
        }
        (networks, "") => format!(
            "network {networks} is not as the files define it now: `docker compose up` would make it again"
        ),
        (networks, containers) => format!(
            "network {networks} is not as the files define it now: `docker compose up` would stop {containers} and make it again"
        ),
    };
    Some(
        Verdict::refused(VerdictCode::OtherChanges, reason)
            .means("Blue would be gone before Green is there, and requests would fail")
            .remedy("take that change back in the files, or apply it in a maintenance window with `docker compose up -d` (`docker compose down` first, where containers of others are on it); then deploy again"),
    )
}

/// What creating Green is made of: what is new is created and started, what runs is found running,
/// and what has ended is started with it, as the way back knows. Whatever else there may be in
/// later versions is not.
fn is_of_green(step: &Step, blue: &[Replica]) -> bool {
    let word = step.what.split_whitespace().next().unwrap_or_default();
    let is_created = matches!(word, "Creating" | "Created");
    match step.kind {
        Kind::Container => {
            let known = blue.iter().find(|replica| replica.name == step.name);
            let runs = known.is_some_and(|replica| replica.state == ContainerState::Running);
            match word {
                "Running" | "Waiting" | "Healthy" => true,
                "Starting" | "Started" => !runs,
                _ => is_created && known.is_none(),
            }
        }
        Kind::Network => is_created,
        // Compose asks whether to make one again that the files define differently. Nobody
        // answers, which it takes for a no.
        Kind::Volume => is_created || word == "exists",
    }
}

fn unknown(message: &str) -> Verdict {
    Verdict::needs_force(
        VerdictCode::OtherChanges,
        format!("a dry run of `docker compose up` fails: {message}"),
    )
    .means("what it would do to the containers that run is not known, or Green can't be created")
    .remedy("see what Compose says; where the dry run alone is at fault, go on with `--force`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use teal_docker as docker;
    use teal_model::Level;

    fn blue(state: ContainerState) -> Vec<Replica> {
        let mut replica = docker::replica(&bollard::models::ContainerInspectResponse::default());
        "shop-web-1".clone_into(&mut replica.name);
        replica.state = state;
        vec![replica]
    }

    fn steps(lines: &[(Kind, &str, &str)]) -> Vec<Step> {
        let step = |(kind, name, what): &(Kind, &str, &str)| Step {
            kind: *kind,
            name: (*name).to_owned(),
            what: (*what).to_owned(),
        };
        lines.iter().map(step).collect()
    }

    const GREEN: [(Kind, &str, &str); 5] = [
        (Kind::Container, "shop-web-1", "Running"),
        (Kind::Container, "shop-web-2", "Creating"),
        (Kind::Container, "shop-web-2", "Created"),
        (Kind::Container, "shop-web-2", "Starting"),
        (Kind::Container, "shop-web-2", "Started"),
    ];

    fn with(more: &[(Kind, &str, &str)]) -> Option<Verdict> {
        let all = [&GREEN, more].concat();
        judge(&steps(&all), &blue(ContainerState::Running))
    }

    #[test]
    fn creating_green_is_fine() {
        assert_eq!(with(&[]), None);
        assert_eq!(
            with(&[
                (Kind::Network, "shop_new", "Creating"),
                (Kind::Network, "shop_new", "Created"),
                (Kind::Volume, "shop_new", "Created"),
                (Kind::Volume, "shop_old", "exists but doesn't match"),
            ]),
            None
        );
    }

    #[test]
    fn a_blue_that_has_ended_is_started_but_none_that_runs() {
        let restart = steps(&[
            (Kind::Container, "shop-web-1", "Starting"),
            (Kind::Container, "shop-web-1", "Started"),
        ]);
        assert_eq!(judge(&restart, &blue(ContainerState::Exited)), None);
        assert!(judge(&restart, &blue(ContainerState::Running)).is_some());
    }

    #[test]
    fn a_changed_network_is_named_with_whom_it_takes_along() {
        let verdict = with(&[
            (Kind::Container, "shop-web-1", "Stopping"),
            (Kind::Container, "shop-web-1", "Stopped"),
            (Kind::Network, "shop_web", "Removing"),
            (Kind::Network, "shop_web", "Removed"),
            (Kind::Network, "shop_web", "Creating"),
        ])
        .unwrap();
        assert_eq!(
            (verdict.level, verdict.code),
            (Level::Refused, VerdictCode::OtherChanges)
        );
        assert_eq!(
            verdict.reason,
            "network `shop_web` is not as the files define it now: `docker compose up` would stop `shop-web-1` and make it again"
        );
    }

    #[test]
    fn whatever_else_is_done_to_what_is_there_is_refused() {
        for (more, named) in [
            ((Kind::Container, "shop-web-1", "Recreate"), "shop-web-1"),
            ((Kind::Container, "shop-web-1", "Created"), "shop-web-1"),
            ((Kind::Container, "shop-old-1", "Removed"), "shop-old-1"),
            ((Kind::Container, "shop-web-1", "Frobnicated"), "shop-web-1"),
            ((Kind::Volume, "shop_data", "Removed"), "shop_data"),
            ((Kind::Network, "shop_web", "Removed"), "shop_web"),
        ] {
            let verdict = with(&[more]).unwrap_or_else(|| panic!("{more:?} is refused"));
            assert_eq!(verdict.level, Level::Refused);
            assert!(verdict.reason.contains(named), "{}", verdict.reason);
        }
    }
}
