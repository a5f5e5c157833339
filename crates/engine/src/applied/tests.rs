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
        Self {
            applied: Applied::of(&folder.path().join("data"), "shop", "web"),
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
    let first = free_backup(&project.path("compose.yaml"), at);
    back_up(&first, b"one").unwrap();
    let second = free_backup(&project.path("compose.yaml"), at);
    assert_ne!(first, second);
    assert!(back_up(&first, b"two").is_err());
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
