//! What people wrote, and where: no rollout loses it unless somebody has said so.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use teal_engine::{
    Error,
    event::{EventKind, Outcome},
    model::{Level, Origin, Recovery, RolloutOptions, Verdict, VerdictCode},
};
use teal_testkit::{Project, Template};

use crate::stage::{SERVICE, Stage, change, engine, follow, limits, quick};

const NOTE: &str = "what somebody wrote\n";

fn forced() -> RolloutOptions {
    RolloutOptions {
        force: true,
        ..quick()
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes the note into a container, as the service would.
fn write_note(folder: &Path, container: &str, path: &str) {
    let note = folder.join("note");
    fs::write(&note, NOTE).unwrap();
    docker(&["cp", note.to_str().unwrap(), &format!("{container}:{path}")]);
    fs::remove_file(note).unwrap();
}

/// A volume that a test wants to be kept. It goes with the test.
struct Volume(String);

impl Volume {
    /// The one at this place in a container.
    fn of(container: &str, target: &str) -> Self {
        let format = format!(
            "{{{{range .Mounts}}}}{{{{if eq .Destination \"{target}\"}}}}{{{{.Name}}}}{{{{end}}}}{{{{end}}}}"
        );
        let id = docker(&["inspect", "--format", &format, container]);
        assert_eq!(id.len(), 64, "{id}");
        Self(id)
    }

    fn is_there(&self) -> bool {
        let found = docker(&["volume", "ls", "--quiet"]);
        found.lines().any(|name| name == self.0)
    }

    /// Whether the note is still in it, as another container sees it.
    fn has_note(&self, project: &Project, folder: &Path) -> bool {
        let mount = format!("{}:/old", self.0);
        let name = format!("{}-looks", project.name());
        docker(&["create", "--name", &name, "-v", &mount, project.image()]);
        let to = folder.join("found");
        let from = format!("{name}:/old/note.txt");
        let copied = Command::new("docker")
            .args(["cp", &from, to.to_str().unwrap()])
            .output()
            .unwrap();
        docker(&["rm", &name]);
        copied.status.success() && fs::read_to_string(&to).unwrap() == NOTE
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // It may be in use, where the test has failed.
        Command::new("docker")
            .args(["volume", "rm", "--force", &self.0])
            .output()
            .ok();
    }
}

async fn up(fixture: &str) -> Stage {
    Stage::up(Template::fixture(fixture).rule("PathPrefix(`/`)")).await
}

fn of(verdicts: &[Verdict], code: VerdictCode) -> Option<&Verdict> {
    verdicts.iter().find(|verdict| verdict.code == code)
}

/// What in a folder others than its owner may read.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap();
        folders.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_dir())
                .collect::<Vec<_>>(),
        );
        let files = fs::read_dir(&folder).unwrap();
        let all = files.map(|entry| entry.unwrap().path()).chain([folder]);
        found.extend(all.filter(|path| {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            mode & 0o077 != 0
        }));
    }
    found
}

#[tokio::test]
async fn a_volume_without_a_name_needs_force_and_outlives_blue() {
    let stage = up("anon-volume").await;
    let folder = tempfile::tempdir().unwrap();
    let blue = stage.blue[0].id.clone();
    let volume = Volume::of(&blue, "/data");
    let cache = Volume::of(&blue, "/app/node_modules");
    write_note(folder.path(), &blue, "/data/note.txt");

    let refused = stage.start(change(None, Some("256M")), quick()).await;
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].code, VerdictCode::SharedVolume);
    assert_eq!(
        verdicts[0].reason,
        "keeps files in `/data`, an anonymous volume"
    );
    let source = stage.project.source();
    let project = stage.engine.service(&source, SERVICE).await.unwrap();
    let service = &project.services[0];
    assert!(service.verdicts.contains(&verdicts[0]), "{service:?}");
    stage
        .before
        .assert_unchanged(&stage.project.snapshot().await);

    let request = stage.request(change(None, Some("256M")), forced());
    let plan = stage.engine.plan(&request).await.unwrap();
    assert_eq!(plan.kept_volumes.len(), 1, "{:?}", plan.kept_volumes);
    assert_eq!(plan.kept_volumes[0].id, volume.0);
    assert_eq!(plan.kept_volumes[0].target, "/data");

    let ended = stage.roll_out(change(None, Some("256M")), forced()).await;
    ended.assert_outcome(Outcome::Success);
    let said = ended.warnings();
    assert!(
        (said.iter()).any(|text| text.contains(&volume.0) && text.contains("`/data`")),
        "{said:?}"
    );
    assert_eq!(ended.receipt().kept_volumes, plan.kept_volumes);
    assert!(volume.has_note(&stage.project, folder.path()));
    assert!(!cache.is_there(), "a cache goes with Blue");
    let data = stage.project.data_directory();
    assert_eq!(open_to_others(&data), Vec::<PathBuf>::new());
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_volume_outlives_blue_whoever_finishes_the_rollout() {
    let stage = up("anon-volume").await;
    let folder = tempfile::tempdir().unwrap();
    let blue = stage.blue[0].id.clone();
    let volume = Volume::of(&blue, "/data");
    write_note(folder.path(), &blue, "/data/note.txt");

    let request = stage.request(change(None, Some("256M")), forced());
    let is_told = |event: &teal_engine::event::Event| match &event.kind {
        EventKind::Warning { text } => text.contains("stays on the engine"),
        _ => false,
    };
    stage.kill_at(request, is_told).await.unwrap();

    // With nothing of what the first one has on disk.
    fs::remove_dir_all(stage.project.data_directory()).unwrap();
    let engine = engine(&stage.project).await;
    let recovery = engine
        .recover(
            &stage.project.source(),
            SERVICE,
            Some(Recovery::Finish),
            Origin::Terminal,
        )
        .await
        .unwrap();
    let ended = follow(&recovery, |_| ()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.receipt().kept_volumes.len(), 1);
    assert_eq!(ended.receipt().kept_volumes[0].id, volume.0);
    assert!(volume.has_note(&stage.project, folder.path()));
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn what_was_written_into_a_green_that_served_is_kept_too() {
    let stage = up("anon-volume").await;
    let folder = tempfile::tempdir().unwrap();
    let rollout = stage
        .start(change(None, Some("256M")), forced())
        .await
        .unwrap();
    let mut kept = None;
    let mut green = None;
    let ended = follow(&rollout, |event| match &event.kind {
        EventKind::Containers {
            color: teal_engine::event::Color::Green,
            replicas,
        } if !replicas.is_empty() => green = Some(replicas[0].id.clone()),
        EventKind::Split { green_percent } if *green_percent > 0 && kept.is_none() => {
            let green = green.as_deref().expect("Green was shown before");
            write_note(folder.path(), green, "/data/note.txt");
            kept = Some(Volume::of(green, "/data"));
            rollout.abort();
        }
        _ => (),
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    let kept = kept.expect("Green got a share");
    assert!(kept.has_note(&stage.project, folder.path()));
    let said = ended.warnings();
    assert!(said.iter().any(|text| text.contains(&kept.0)), "{said:?}");
    assert_eq!(ended.receipt().kept_volumes[0].id, kept.0);
    stage.assert_restored().await;
}

/// Whoever calls the service by its name finds Green from its start, whatever phase it is.
#[tokio::test]
async fn what_was_written_into_a_green_that_callers_found_by_name_is_kept_too() {
    let template = Template::named("anon-by-name")
        .no_router()
        .service_text("volumes: [/data]");
    let stage = Stage::up(template).await;
    let folder = tempfile::tempdir().unwrap();
    let rollout = stage
        .start(change(None, Some("256M")), forced())
        .await
        .unwrap();
    let mut kept = None;
    let ended = follow(&rollout, |event| {
        if let EventKind::Containers {
            color: teal_engine::event::Color::Green,
            replicas,
        } = &event.kind
            && let (Some(green), None) = (replicas.first(), &kept)
        {
            write_note(folder.path(), &green.id, "/data/note.txt");
            kept = Some(Volume::of(&green.id, "/data"));
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    let kept = kept.expect("Green was made");
    assert!(kept.has_note(&stage.project, folder.path()));
    assert_eq!(ended.receipt().kept_volumes[0].id, kept.0);
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn data_beside_the_sources_and_in_the_web_root_needs_force() {
    for (fixture, places) in [
        (
            "build-context-data",
            &["`./data/app.sqlite3`", "`./uploads`"][..],
        ),
        ("bind-web-root", &["`./site`"]),
    ] {
        let project = Project::new(Template::fixture(fixture)).await;
        let engine = engine(&project).await;
        let request = teal_engine::model::RolloutRequest {
            source: project.source(),
            service: SERVICE.to_owned(),
            change: change(None, Some("256M")),
            options: quick(),
            origin: Origin::Terminal,
            to_revision: None,
            limits_from_file: false,
            recreate: false,
        };
        let plan = engine.plan(&request).await.unwrap();
        let looked_at = engine.service(&project.source(), SERVICE).await.unwrap();
        let service = &looked_at.services[0];
        for verdicts in [&plan.verdicts, &service.verdicts] {
            let verdict = of(verdicts, VerdictCode::SharedVolume).unwrap();
            assert_eq!(verdict.level, Level::NeedsForce, "{verdict:?}");
            for place in places {
                assert!(verdict.reason.contains(place), "{verdict:?}");
            }
            assert!(!verdict.reason.contains("src"), "{verdict:?}");
        }
    }
}

#[tokio::test]
async fn what_a_container_has_written_outside_of_volumes_is_told() {
    let stage = Stage::up(Template::named("layer")).await;
    let folder = tempfile::tempdir().unwrap();
    let source = stage.project.source();
    let request = stage.request(change(None, Some("256M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    assert_eq!(of(&plan.verdicts, VerdictCode::WritableLayer), None);

    write_note(folder.path(), &stage.blue[0].id, "/note.txt");
    let plan = stage.engine.plan(&request).await.unwrap();
    let project = stage.engine.service(&source, SERVICE).await.unwrap();
    let service = &project.services[0];
    for verdicts in [&plan.verdicts, &service.verdicts] {
        let verdict = of(verdicts, VerdictCode::WritableLayer).unwrap();
        assert_eq!(verdict.level, Level::Warning);
        assert_eq!(
            verdict.reason,
            "has written `/note.txt` outside of any volume"
        );
    }
    // A list of all services asks no container for that.
    let project = stage.engine.project(&source).await.unwrap();
    let listed = project.services.iter().find(|it| it.name == SERVICE);
    let verdicts = &listed.unwrap().verdicts;
    assert_eq!(of(verdicts, VerdictCode::WritableLayer), None);
    stage.assert_restored().await;
}
