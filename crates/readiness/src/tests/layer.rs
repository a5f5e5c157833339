//! What a container has written outside of volumes.

use std::collections::BTreeSet;

use bollard::models::{ChangeType, FilesystemChange};

use super::*;
use crate::{goes_with_blue, written};

const CHANGED: ChangeType = ChangeType::_0;
const ADDED: ChangeType = ChangeType::_1;
const GONE: ChangeType = ChangeType::_2;

fn found(changes: &[(ChangeType, &str)], mounts: &[&str]) -> Vec<String> {
    let changes: Vec<_> = changes
        .iter()
        .map(|(kind, path)| FilesystemChange {
            path: (*path).to_owned(),
            kind: *kind,
        })
        .collect();
    let mounts: Vec<_> = mounts.iter().map(ToString::to_string).collect();
    written(&changes, &mounts).into_iter().collect()
}

#[test]
fn files_that_people_may_miss_are_found() {
    let changes = [
        (CHANGED, "/srv"),
        (ADDED, "/srv/data"),
        (ADDED, "/srv/data/app.sqlite3"),
        (CHANGED, "/app/db.json"),
        (CHANGED, "/etc"),
        (ADDED, "/etc/letsencrypt"),
        (ADDED, "/etc/letsencrypt/account"),
    ];
    assert_eq!(
        found(&changes, &[]),
        [
            "/app/db.json",
            "/etc/letsencrypt/account",
            "/srv/data/app.sqlite3"
        ]
    );
}

#[test]
fn scratch_and_mounts_are_no_loss() {
    let changes = [
        (CHANGED, "/var"),
        (CHANGED, "/var/cache"),
        (CHANGED, "/var/cache/nginx"),
        (ADDED, "/var/cache/nginx/client_temp"),
        (ADDED, "/var/log/nginx/access.log"),
        (ADDED, "/app/logs/today"),
        (ADDED, "/tmp/hsperfdata_root/7"),
        (ADDED, "/run/nginx.pid"),
        (ADDED, "/var/run/app/app"),
        (ADDED, "/app/server.pid"),
        (ADDED, "/app/server.sock"),
        (ADDED, "/app/x/__pycache__/a.bin"),
        (ADDED, "/app/a.pyc"),
        (ADDED, "/root/.cache/pip/x"),
        (ADDED, "/root/.ash_history"),
        (CHANGED, "/etc/nginx/conf.d/default.conf"),
        (ADDED, "/etc/nginx/conf.d/site.conf"),
        (ADDED, "/etc/passwd-"),
        (CHANGED, "/etc/passwd"),
        // What `init: true` brings.
        (CHANGED, "/sbin"),
        (ADDED, "/sbin/docker-init"),
        (GONE, "/srv/data/old"),
        // Places of volumes.
        (ADDED, "/data"),
        (ADDED, "/mnt/more"),
        (ADDED, "/mnt"),
    ];
    assert_eq!(found(&changes, &["/data", "/mnt/more"]), [""; 0]);
}

#[test]
fn a_warning_names_the_first() {
    assert_eq!(goes_with_blue(&BTreeSet::new()), None);
    let written = ["/a", "/b", "/c", "/d", "/e"].map(String::from).into();
    let verdict = goes_with_blue(&written).unwrap();
    assert_eq!(
        (verdict.level, verdict.readiness),
        (Level::Warning, Readiness::Ready)
    );
    assert_eq!(
        verdict.reason,
        "has written `/a`, `/b`, `/c` and 2 more outside of any volume"
    );
}
