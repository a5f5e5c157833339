//! `container_name` goes, since two containers can't have one name; as an alias in the service's
//! networks it still leads callers there.

use super::{Remedy, Subject, cannot};
use teal_compose::{ComposeService, Edit, Node, TargetFile, list_at, says};
use teal_model::{Fix, FixChange, Result, Verdict};

pub(super) fn remedy(
    subject: &Subject,
    verdict: &Verdict,
    target: &TargetFile,
    name: &str,
) -> Result<Remedy> {
    let path = subject.path(&["container_name"]);
    let removal = if !target.in_file {
        Edit::set(&path, Node::reset())
    } else if target.others_say(&path) || !says(&target.text, &path) {
        return Err(cannot(
            format!(
                "the `container_name` of `{}` can't be removed in `{}` alone",
                subject.request.service,
                target.path.display()
            ),
            "choose the override (without `--in-file`): it takes the name back wherever it is written",
        ));
    } else {
        Edit::remove(&path)
    };
    let mut edits = vec![removal];
    edits.extend(aliases(subject, target, name));
    let place = match edits.len() {
        1 => String::new(),
        _ => format!("; `{name}` stays as an alias in its networks, so callers find it as before"),
    };
    Ok(Remedy {
        edits,
        change: FixChange {
            fix: Fix::RemoveContainerName {
                name: name.to_owned(),
            },
            reason: verdict.reason.clone(),
            change: format!("Compose names its containers itself{place}"),
            note: Some(format!(
                "`docker logs {name}` and `docker exec {name}` no longer find it: use `docker compose logs {service}` and `docker compose exec {service}`",
                service = subject.request.service
            )),
        },
        baseline: None,
        pulls: None,
    })
}

/// An alias in each network that does not have it. The service's own name is one already.
fn aliases(subject: &Subject, target: &TargetFile, name: &str) -> Vec<Edit> {
    let missing = missing(subject.service, name, &subject.request.service);
    if missing.is_empty() {
        return Vec::new();
    }
    let networks = subject.path(&["networks"]);
    // A list of networks has no place for an alias: the file gets a mapping of the same networks.
    if let Some(listed) = list_at(&target.text, &networks) {
        let mapping = listed.into_iter().map(|network| {
            let alias = ("aliases".to_owned(), Node::list(&[name]));
            let node = match missing.contains(&network.as_str()) {
                true => Node::Map(vec![alias]),
                false => Node::Map(Vec::new()),
            };
            (network, node)
        });
        return vec![Edit::set(&networks, Node::Map(mapping.collect()))];
    }
    missing
        .into_iter()
        .map(|network| Edit::append(&subject.path(&["networks", network, "aliases"]), name))
        .collect()
}

fn missing<'a>(service: &'a ComposeService, name: &str, own: &str) -> Vec<&'a str> {
    if name == own {
        return Vec::new();
    }
    let has = |aliases: &[String]| aliases.iter().any(|alias| alias == name);
    service
        .networks
        .iter()
        .filter(|(_, network)| {
            !network
                .as_ref()
                .is_some_and(|network| has(&network.aliases))
        })
        .map(|(network, _)| network.as_str())
        .collect()
}
