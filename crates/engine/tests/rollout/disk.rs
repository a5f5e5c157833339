//! Folders that can't be written: the project's from the start, that of the history in the middle.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use teal_engine::{
    Engine, Error, OVERRIDE_FILE, Settings,
    event::{EventKind, Outcome, Phase},
    model::VerdictCode,
};
use teal_testkit::Template;

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

/// What is mounted over a folder, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// Not even root can write to the folder.
    fn read_only(folder: &Path) -> Self {
        let path = folder.to_str().unwrap();
        mount(&["--bind", path, path]);
        let mounted = Self(folder.to_owned());
        mount(&["-o", "remount,bind,ro", path]);
        mounted
    }

    /// There is room for so much.
    fn small(folder: &Path, size: &str) -> Self {
        let size = format!("size={size}");
        mount(&[
            "-t",
            "tmpfs",
            "-o",
            &size,
            "tmpfs",
            folder.to_str().unwrap(),
        ]);
        Self(folder.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Where it fails, removing the folder tells.
        Command::new("umount").arg(&self.0).status().ok();
    }
}

fn mount(words: &[&str]) {
    let done = Command::new("mount").args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

/// Writes until not a byte more goes into the folder.
fn fill(folder: &Path) -> PathBuf {
    use std::io::Write;

    let path = folder.join("full");
    let mut file = fs::File::create(&path).unwrap();
    let full = loop {
        if let Err(error) = file.write_all(&[0; 512]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    path
}

#[tokio::test]
async fn a_disk_that_fills_up_costs_the_history_alone() {
    let mut stage = Stage::up(Template::named("full")).await;
    let data = tempfile::tempdir().unwrap();
    let _mount = Mount::small(data.path(), "256k");
    stage.engine = Engine::connect(Settings {
        data_directory: Some(data.path().to_owned()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut filler = None;
    let ended = follow(&rollout, |event| {
        if let EventKind::PhaseStarted {
            phase: Phase::HealthCheck,
            ..
        } = event.kind
        {
            filler = Some(fill(data.path()));
        }
    })
    .await;
    ended.assert_outcome(Outcome::Success);
    let warnings = ended.warnings().join("\n");
    assert!(
        warnings.contains("history of this rollout is not written")
            && warnings.contains("No space left"),
        "{warnings}"
    );
    // The record on the engine tells that it is settled, whatever the torn journal says.
    let interrupted = stage.engine.interrupted().await.unwrap();
    let is_its = |project: &str| project == stage.project.name();
    assert!(!interrupted.iter().any(|one| is_its(&one.project)));
    assert_eq!(stage.engine.history(None, Some(SERVICE)).unwrap(), []);
    fs::remove_file(filler.unwrap()).unwrap();
    // With room again the next one is kept.
    let again = stage.roll_out(change(None, Some("128M")), quick()).await;
    again.assert_outcome(Outcome::Success);
    let kept = stage.engine.history(None, Some(SERVICE)).unwrap();
    assert_eq!(kept[0].outcome, Some(Outcome::Success));
    assert_eq!(kept[0].limits_after, limits("1", "128M"));
    stage.assert_succeeded(limits("1", "128M")).await;
}

#[tokio::test]
async fn a_project_that_can_not_be_written_is_left_as_it_is() {
    let mut stage = Stage::up(Template::named("read-only")).await;
    // The data is elsewhere.
    let data = std::env::temp_dir().join(format!("teal-data-{}", stage.project.name()));
    stage.engine = Engine::connect(Settings {
        data_directory: Some(data.clone()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let read_only = Mount::read_only(&stage.project.directory());
    let refused = stage.start(change(None, Some("256M")), quick()).await;
    drop(read_only);
    fs::remove_dir_all(data).unwrap();
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    let [verdict] = verdicts.as_slice() else {
        panic!("{verdicts:?}");
    };
    assert_eq!(verdict.code, VerdictCode::CannotWrite);
    let folder = stage.project.directory();
    assert!(
        verdict.reason.contains(folder.to_str().unwrap()) && verdict.reason.contains("Read-only"),
        "{}",
        verdict.reason
    );
    assert!(verdict.remedy.contains("can be written"), "{verdict:?}");
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_project_that_turns_unwritable_is_left_as_it_is() {
    let mut stage = Stage::up(Template::named("turns-ro")).await;
    // The data is elsewhere.
    let data = std::env::temp_dir().join(format!("teal-data-{}", stage.project.name()));
    stage.engine = Engine::connect(Settings {
        data_directory: Some(data.clone()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let started = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = started.expect("it starts");
    let mut read_only = None;
    let ended = follow(&rollout, |event| {
        // Helpers have yet to start before the file is written.
        if matches!(&event.kind, EventKind::Step { text, .. } if text.contains("Holding")) {
            read_only = Some(Mount::read_only(&stage.project.directory()));
        }
    })
    .await;
    drop(read_only);
    fs::remove_dir_all(data).unwrap();
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert!(
        failure.message.contains(OVERRIDE_FILE) && failure.message.contains("Read-only"),
        "{failure:?}"
    );
    assert!(failure.hint.contains("can be written"), "{failure:?}");
    stage.assert_restored().await;
}
