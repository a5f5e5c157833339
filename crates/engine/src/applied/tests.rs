//! Files on the disk: changed, put back byte for byte, and never over what others wrote.

use tempfile::TempDir;

use super::*;

struct Project {
    folder: TempDir,
    applied: Applied,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self {
            applied: applied(&data, "engine", folder.path()),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn change(&self, name: &str, before: Option<&str>, after: &str, backup: bool) -> FileChange {
        FileChange {
            path: self.path(name),
            before: before.map(str::to_owned),
            after: after.to_owned(),
            diff: String::new(),
            backup,
        }
    }

    /// What is in the folder, by name, without the data.
    fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(&path).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

/// Those of `web` in the project `shop` with a file in this folder.
fn applied(data: &Path, engine: &str, folder: &Path) -> Applied {
    let source = ProjectSource {
        files: vec![folder.join("compose.yaml")],
        ..ProjectSource::default()
    };
    Applied::of(data, engine, "shop", "web", &source)
}

#[test]
fn a_new_file_goes_and_an_old_one_is_as_before() {
    let project = Project::new();
    fs::write(project.path("compose.yaml"), "a: b\r\n").unwrap();
    let before = project.files();
    let changes = [
        project.change("compose.yaml", Some("a: b\r\n"), "a: c\r\n", true),
        project.change("compose.override.yaml", None, "x: y\n", false),
    ];
    project.applied.apply(ChangeKind::Ready, &changes).unwrap();
    let written = project.files();
    assert_eq!(written.len(), 3, "{written:?}");
    let backup = Path::new(&written[2].0);
    assert!(written[2].0.starts_with("compose.yaml."), "{written:?}");
    assert_eq!(backup.extension(), Some("bak".as_ref()));
    assert_eq!(written[2].1, "a: b\r\n");
    let listed = project.applied.list().unwrap();
    assert_eq!(listed[0].files.len(), 2);
    assert_eq!(listed[0].backups.len(), 1);

    project.applied.undo(ChangeKind::Ready).unwrap();
    assert_eq!(project.files(), before);
    assert_eq!(project.applied.list().unwrap(), []);
    let error = project.applied.undo(ChangeKind::Ready).unwrap_err();
    assert!(matches!(error, Error::NothingToUndo { service } if service == "web"));
}

#[test]
fn a_second_backup_of_the_same_second_gets_a_name_of_its_own() {
    let project = Project::new();
    let at = Timestamp::now();
    let file = project.path("compose.yaml");
    fs::write(&file, "one").unwrap();
    let first = free_backup(&file, at);
    back_up(&file, &first, b"one").unwrap();
    let second = free_backup(&project.path("compose.yaml"), at);
    assert_ne!(first, second);
    assert!(back_up(&file, &first, b"two").is_err());
    assert_eq!(fs::read(&first).unwrap(), b"one");
}

#[test]
fn what_others_wrote_since_is_not_overwritten() {
    let project = Project::new();
    let file = project.path("compose.override.yaml");
    fs::write(&file, "theirs\n").unwrap();
    let change = || [project.change("compose.override.yaml", None, "ours\n", false)];
    let error = project
        .applied
        .apply(ChangeKind::Ready, &change())
        .unwrap_err();
    assert!(matches!(error, Error::FileChanged { .. }), "{error:?}");

    fs::remove_file(&file).unwrap();
    project.applied.apply(ChangeKind::Ready, &change()).unwrap();
    fs::write(&file, "ours\ntheirs\n").unwrap();
    match project.applied.undo(ChangeKind::Ready).unwrap_err() {
        Error::FileChanged { path, diff } => {
            assert_eq!(path, file);
            assert!(diff.contains("+theirs"), "{diff}");
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "ours\ntheirs\n");

    // Once it is as Teal left it, the change can be undone.
    fs::write(&file, "ours\n").unwrap();
    project.applied.undo(ChangeKind::Ready).unwrap();
    assert!(!file.exists());
}

#[test]
fn changes_of_another_kind_stay() {
    let project = Project::new();
    let ready = project.change("a", None, "1\n", false);
    let keep = project.change("b", None, "2\n", false);
    project.applied.apply(ChangeKind::Ready, &[ready]).unwrap();
    project.applied.apply(ChangeKind::Keep, &[keep]).unwrap();
    let kinds = || -> Vec<_> {
        let listed = project.applied.list().unwrap();
        listed.iter().map(|change| change.kind).collect()
    };
    assert_eq!(kinds(), [ChangeKind::Keep, ChangeKind::Ready]);
    project.applied.undo(ChangeKind::Ready).unwrap();
    assert_eq!(kinds(), [ChangeKind::Keep]);
    assert_eq!(project.files(), [("b".to_owned(), "2\n".to_owned())]);
}

#[test]
fn checkouts_and_engines_with_one_projects_name_have_changes_of_their_own() {
    let project = Project::new();
    let (data, one, two) = (
        project.path("data"),
        project.path("one"),
        project.path("two"),
    );
    let change = |folder: &Path| FileChange {
        path: folder.join("compose.override.yaml"),
        before: None,
        after: "x: y\n".to_owned(),
        diff: String::new(),
        backup: false,
    };
    for folder in [&one, &two] {
        fs::create_dir(folder).unwrap();
        let applied = applied(&data, "engine", folder);
        applied.apply(ChangeKind::Ready, &[change(folder)]).unwrap();
    }
    // The first was changed since, which is no concern of the second.
    fs::write(one.join("compose.override.yaml"), "theirs\n").unwrap();
    let elsewhere = applied(&data, "another engine", &two);
    assert!(matches!(
        elsewhere.undo(ChangeKind::Ready),
        Err(Error::NothingToUndo { .. })
    ));
    let undone = applied(&data, "engine", &two)
        .undo(ChangeKind::Ready)
        .unwrap();
    assert_eq!(undone, [two.join("compose.override.yaml")]);
    assert!(!two.join("compose.override.yaml").exists());
    assert_eq!(
        fs::read_to_string(one.join("compose.override.yaml")).unwrap(),
        "theirs\n"
    );
    assert_eq!(applied(&data, "engine", &one).list().unwrap().len(), 1);
    let beside = Applied::override_beside(&data, "shop", &one.join("compose.yaml"));
    assert_eq!(beside, Some(one.join("compose.override.yaml")));
}

#[test]
fn records_of_an_earlier_teal_are_told_apart_by_their_paths() {
    let project = Project::new();
    let (data, one, two) = (
        project.path("data"),
        project.path("one"),
        project.path("two"),
    );
    let record = |folder: &Path| {
        serde_json::json!({
            "kind": "ready",
            "at": "2026-11-01T10:00:00Z",
            "files": [{
                "path": folder.join("compose.override.yaml"),
                "before": null,
                "after": "x: y\n",
                "backup": null,
            }],
        })
    };
    for folder in [&one, &two] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("compose.override.yaml"), "x: y\n").unwrap();
    }
    fs::create_dir_all(data.join("files")).unwrap();
    let old = data.join("files/shop.web.json");
    let records = serde_json::to_vec(&[record(&one), record(&two)]).unwrap();
    fs::write(&old, records).unwrap();

    let second = applied(&data, "engine", &two);
    assert_eq!(second.list().unwrap().len(), 1);
    second.undo(ChangeKind::Ready).unwrap();
    assert!(!two.join("compose.override.yaml").exists());
    assert!(one.join("compose.override.yaml").exists());
    assert_eq!(second.list().unwrap(), []);

    // What is new beside an old record is undone with it.
    let first = applied(&data, "engine", &one);
    let more = FileChange {
        path: one.join("more.yaml"),
        before: None,
        after: "z: 1\n".to_owned(),
        diff: String::new(),
        backup: false,
    };
    first.apply(ChangeKind::Ready, &[more]).unwrap();
    let undone = first.undo(ChangeKind::Ready).unwrap();
    assert_eq!(
        undone,
        [one.join("more.yaml"), one.join("compose.override.yaml")]
    );
    assert_eq!(fs::read_to_string(&old).unwrap(), "[]");
}

#[cfg(unix)]
#[test]
fn a_private_file_has_a_private_backup_and_a_private_record() {
    use std::os::unix::fs::PermissionsExt;

    let project = Project::new();
    let file = project.path("compose.yaml");
    fs::write(&file, "a: b\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let changes = [
        project.change("compose.yaml", Some("a: b\n"), "a: c\n", true),
        project.change("compose.override.yaml", None, "x: y\n", false),
    ];
    project.applied.apply(ChangeKind::Ready, &changes).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (name, _) in project.files() {
        assert_eq!(mode(&project.path(&name)), 0o600, "{name}");
    }
    let record = &project.applied.path;
    assert_eq!(mode(record), 0o600);
    assert_eq!(mode(record.parent().unwrap()), 0o700);
    assert_eq!(mode(&project.path("data")), 0o700);
}
