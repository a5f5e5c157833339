//! What a container has written outside of volumes: it goes with the container.

use std::{collections::BTreeSet, path::Path};

use bollard::models::{ChangeType, FilesystemChange};

use super::mounts::{is_cache, is_log, is_settings_file};
use teal_model::{Verdict, VerdictCode, list};

/// The most paths that are named.
const NAMED: usize = 3;

/// The files that a container has written into its own writable layer, as the engine lists its
/// changes, without what programs write to do their work: caches, logs, locks, settings made at its
/// start. `mounts` are the places of its volumes, which the engine lists as changes too.
pub fn written(changes: &[FilesystemChange], mounts: &[String]) -> BTreeSet<String> {
    let paths = changes.iter().map(|change| change.path.as_str());
    let paths = paths.chain(mounts.iter().map(String::as_str));
    let folders: BTreeSet<&Path> = paths
        .flat_map(|path| Path::new(path).ancestors().skip(1))
        .collect();
    let is_mount = |path: &Path| mounts.iter().any(|mount| path.starts_with(mount));
    let written = changes.iter().filter(|change| {
        let path = Path::new(&change.path);
        let is_gone = change.kind == ChangeType::_2;
        !is_gone
            && !folders.contains(path)
            && !is_mount(path)
            && !is_scratch(path)
            && !is_made_at_its_start(change)
    });
    written.map(|change| change.path.clone()).collect()
}

/// That these files go with Blue; `None` if there are none.
pub fn goes_with_blue(written: &BTreeSet<String>) -> Option<Verdict> {
    if written.is_empty() {
        return None;
    }
    let named: Vec<_> = written.iter().take(NAMED).collect();
    let more = match written.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(
        Verdict::warning(
            VerdictCode::WritableLayer,
            format!(
                "has written {}{more} outside of any volume",
                list(&named)
            ),
        )
        .means("what a container keeps in itself goes with it: Green starts without, and Blue is removed")
        .remedy("keep what matters in a named volume; `docker cp` takes it out of a container before"),
    )
}

/// The engine's own: the program that `init: true` starts, and what tells a container from a machine.
const OF_THE_ENGINE: [&str; 4] = [
    "/.dockerenv",
    "/etc/mtab",
    "/run/.containerenv",
    "/sbin/docker-init",
];

/// What nobody misses.
fn is_scratch(path: &Path) -> bool {
    const BELOW: [&str; 6] = ["/dev", "/proc", "/run", "/sys", "/var/lock", "/var/run"];
    const KINDS: [&str; 6] = ["lock", "pid", "pyc", "sock", "socket", "swp"];
    let mut places = path.ancestors().filter_map(Path::to_str);
    let kind = path.extension().and_then(|kind| kind.to_str());
    let name = path.file_name().and_then(|name| name.to_str());
    OF_THE_ENGINE.iter().any(|file| path == Path::new(file))
        || places.any(|place| is_cache(place) || is_log(place))
        || BELOW.iter().any(|folder| path.starts_with(folder))
        || kind.is_some_and(|kind| KINDS.contains(&kind))
        || name.is_some_and(|name| name.ends_with("_history"))
}

/// Settings that an entry point makes of the environment, each time.
fn is_made_at_its_start(change: &FilesystemChange) -> bool {
    let path = Path::new(&change.path);
    // Programs that keep users keep a copy of the list before as well: `/etc/passwd-`.
    let is_copy = change.path.ends_with('-');
    path.starts_with("/etc") && (change.kind == ChangeType::_0 || is_copy || is_settings_file(path))
}
