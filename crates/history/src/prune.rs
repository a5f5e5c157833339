//! History is bounded, by number and by age.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    entries,
    journal::{self, State},
    name_of,
};

/// The most journals of a service.
const KEPT: usize = 100;
/// As many of a service stay whatever their age: its limits of today, and what to return to.
const ALWAYS_KEPT: usize = 5;
/// A journal is not kept for longer, nor is a service that had no rollout for so long.
const OLDEST: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Removes what is too old of this service, and services that nobody has rolled out for long.
/// What can't be removed stays: it must not stand in the way of a rollout.
pub(super) fn prune(directory: &Path, folder: &Path) {
    let now = Timestamp::now();
    if let Err(error) = prune_service(folder, now) {
        tracing::warn!(%error, "old journals are left");
    }
    let folders = entries(directory)
        .inspect_err(|error| tracing::warn!(%error, "journals of forgotten services are left"))
        .unwrap_or_default();
    for other in folders.iter().filter(|other| *other != folder) {
        if let Err(error) = prune_forgotten(other, now) {
            tracing::warn!(%error, "the journals of a forgotten service are left");
        }
    }
}

fn prune_service(folder: &Path, now: Timestamp) -> io::Result<()> {
    let mut paths = list(folder)?;
    paths.reverse();
    for (newer, path) in paths.iter().enumerate().skip(ALWAYS_KEPT) {
        if newer >= KEPT || is_old(path, now) {
            remove(path, now)?;
        }
    }
    Ok(())
}

fn prune_forgotten(folder: &Path, now: Timestamp) -> io::Result<()> {
    let paths = list(folder)?;
    if !paths.iter().all(|path| is_old(path, now)) {
        return Ok(());
    }
    for path in &paths {
        remove(path, now)?;
    }
    if list(folder)?.is_empty() {
        fs::remove_dir(folder)?;
    }
    Ok(())
}

/// A journal that this Teal can't read stays, and one that is not settled until it is old: then it
/// is one of a process that died before its first change.
fn remove(path: &Path, now: Timestamp) -> io::Result<()> {
    match journal::state(path)? {
        State::Settled => fs::remove_file(path),
        State::RolloutRecord if is_old(path, now) => fs::remove_file(path),
        State::RolloutRecord | State::Unknown => Ok(()),
    }
}

fn is_old(path: &Path, now: Timestamp) -> bool {
    let name = name_of(path);
    let started = name.split('-').next().and_then(|text| text.parse().ok());
    let started = started.and_then(|at| Timestamp::from_millisecond(at).ok());
    started.is_some_and(|at| now.duration_since(at) > OLDEST)
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    entries(folder).map_err(io::Error::other)
}
