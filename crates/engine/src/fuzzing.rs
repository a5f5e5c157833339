//! The doors of the fuzz targets in `fuzz/`: each reads what may be anything, and checks what must be
//! so of whatever it reads. Here so that they are compiled, and the corpus is read, in every test run.

use teal_compose::{
    ComposeModel, ComposeService, Edit, LimitKeys, Node, edited, label_edit, limit_edits,
};
use teal_history as history;
use teal_model::{Cpus, Limits, Memory};
use teal_traffic as traffic;

/// Limits as people write them.
pub fn limits(text: &str) {
    if let Ok(cpus) = text.parse::<Cpus>() {
        assert!(cpus >= Cpus::MIN);
        assert_eq!(cpus.to_string().parse(), Ok(cpus));
        let json = serde_json::to_string(&cpus).expect("a number");
        assert_eq!(serde_json::from_str::<Cpus>(&json).ok(), Some(cpus));
        // Compose's rounding is a place to stay at.
        let set = cpus.as_compose_sets();
        assert_eq!(set.as_compose_sets(), set);
    }
    if let Ok(memory) = text.parse::<Memory>() {
        assert!(memory >= Memory::MIN);
        assert_eq!(memory.to_string().parse(), Ok(memory));
    }
}

/// What `docker compose config --format json` prints.
pub fn compose_model(text: &str) {
    let Ok(model) = ComposeModel::read(text) else {
        return;
    };
    for service in model.services.values() {
        check_service(service);
    }
}

fn check_service(service: &ComposeService) {
    let limits = service.limits();
    assert!(limits.memory.is_none_or(|memory| memory.bytes() > 0));
    assert!(limits.cpus.is_none_or(|cpus| cpus.nano() > 0));
    let _all = (
        service.reservations(),
        service.limit_keys(),
        service.health_check(None),
        service.replicas(),
        service.special_mode(),
        service.fixed_addresses(),
        service.mounts(),
    );
    for port in &service.ports {
        let _shown = (port.host_ports(), port.to_string());
    }
    // A value that may be a secret is in no log.
    for value in service.environment.values().flatten() {
        assert_eq!(format!("{value:?}"), "…");
    }
}

/// Every kind of edit in a compose file that people wrote.
pub fn compose_edit(text: &str) {
    let limits = Limits {
        cpus: Some(Cpus::from_nano(1_500_000_000)),
        memory: Some(Memory::from_bytes(768 << 20)),
    };
    for (limits, keys) in [
        (limits, LimitKeys::Deploy),
        (limits, LimitKeys::Service),
        (Limits::default(), LimitKeys::Both),
    ] {
        let mut edits = limit_edits("web", limits, keys);
        edits.push(label_edit("web", "dev.teal.rollout", "a-1"));
        check_edits(text, &edits);
    }
    check_edits(
        text,
        &[Edit::append(&["services", "web", "ports"], "8080:80")],
    );
    check_edits(
        text,
        &[
            Edit::remove(&["services", "web", "container_name"]),
            Edit::remove_item(&["services", "web", "labels"], "dev.teal.rollout"),
            Edit::set(&["services", "web", "healthcheck"], check_node()),
        ],
    );
}

fn check_node() -> Node {
    Node::Map(vec![
        ("test".to_owned(), Node::list(&["CMD", "a \"b\" # c"])),
        ("interval".to_owned(), Node::Text("5s".to_owned())),
    ])
}

/// That the values are the wanted ones is checked by the edit itself, with another reader.
fn check_edits(text: &str, edits: &[Edit]) {
    if let Ok(once) = edited(Some(text), edits) {
        let twice = edited(Some(&once), edits);
        assert_eq!(twice.as_deref(), Ok(once.as_str()));
        let has_bom = |text: &str| text.starts_with('\u{feff}');
        assert_eq!(has_bom(&once), has_bom(text));
    }
}

/// A journal on disk.
pub fn journal(bytes: &[u8]) {
    history::check_any_journal(bytes);
}

/// What a sidecar prints.
pub fn sidecar(bytes: &[u8]) {
    traffic::fuzzing::sidecar(bytes);
}

/// What Traefik's API answers, and the configuration that Traefik runs with.
pub fn traefik(bytes: &[u8]) {
    traffic::fuzzing::traefik(bytes);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// What the fuzzers have found worth keeping, and what they once broke.
    fn each_of(target: &str, door: impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/corpus")
            .join(target);
        let mut count = 0;
        for entry in fs::read_dir(folder).expect("there is a corpus") {
            door(&fs::read(entry.expect("readable").path()).expect("readable"));
            count += 1;
        }
        assert!(count > 3, "the corpus of {target} has {count} files");
    }

    fn text(door: impl Fn(&str)) -> impl Fn(&[u8]) {
        move |bytes| {
            if let Ok(text) = str::from_utf8(bytes) {
                door(text);
            }
        }
    }

    #[test]
    fn the_corpus_of_limits_holds() {
        each_of("limits", text(limits));
    }

    #[test]
    fn the_corpus_of_compose_models_holds() {
        each_of("compose_model", text(compose_model));
    }

    #[test]
    fn the_corpus_of_compose_files_to_edit_holds() {
        each_of("compose_edit", text(compose_edit));
    }

    #[test]
    fn the_corpus_of_journals_holds() {
        each_of("journal", journal);
    }

    #[test]
    fn the_corpus_of_sidecar_reports_holds() {
        each_of("sidecar", sidecar);
    }

    #[test]
    fn the_corpus_of_traefik_answers_holds() {
        each_of("traefik", traefik);
    }
}
