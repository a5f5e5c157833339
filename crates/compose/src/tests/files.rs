//! The override on the disk: written whole, kept as it was, put back byte for byte.

use std::{fs, path::Path};

use super::folder;
use crate::override_file::{path, read, restore, write_atomic};
use teal_model::{Error, ProjectSource};

const NAME: &str = teal_model::OVERRIDE_FILE;

/// What is in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn it_lies_beside_the_first_compose_file() {
    let source = ProjectSource {
        files: vec!["/shop/deploy/compose.yaml".into(), "/shop/more.yaml".into()],
        project_directory: Some("/shop".into()),
        ..ProjectSource::default()
    };
    assert_eq!(path(&source), Path::new("/shop/deploy").join(NAME));
}

#[test]
fn a_file_is_written_and_put_back_byte_for_byte() {
    let folder = folder(&[]);
    let file = folder.path().join(NAME);
    assert_eq!(read(&file).unwrap(), None);
    for before in [
        &b"# no newline"[..],
        b"\xef\xbb\xbfa: b\r\n",
        b"",
        b"\xff\xfe\0",
    ] {
        fs::write(&file, before).unwrap();
        let kept = read(&file).unwrap();
        write_atomic(&file, b"services: {}\n").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"services: {}\n");
        restore(&file, kept.as_deref()).unwrap();
        assert_eq!(fs::read(&file).unwrap(), before);
        assert_eq!(names(folder.path()), [NAME]);
    }
}

#[test]
fn a_file_that_was_not_there_is_removed() {
    let folder = folder(&[]);
    let file = folder.path().join(NAME);
    write_atomic(&file, b"x").unwrap();
    restore(&file, None).unwrap();
    assert_eq!(names(folder.path()), [""; 0]);
    // A second time does no harm.
    restore(&file, None).unwrap();
}

#[test]
fn a_folder_that_is_gone_is_an_error_that_names_the_file() {
    let folder = folder(&[]);
    let file = folder.path().join("gone").join(NAME);
    match write_atomic(&file, b"x").unwrap_err() {
        Error::File {
            operation, path, ..
        } => {
            assert_eq!((operation, path), ("write", file));
        }
        error => panic!("{error:?}"),
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_keeps_its_mode() {
        let folder = folder(&[(NAME, "a: b\n")]);
        let file = folder.path().join(NAME);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&file, b"c: d\n").unwrap();
        assert_eq!(mode(&file), 0o640);

        fs::remove_file(&file).unwrap();
        write_atomic(&file, b"c: d\n").unwrap();
        assert_eq!(mode(&file), 0o644);
    }

    #[test]
    fn a_file_keeps_its_owner() {
        let folder = folder(&[(NAME, "a: b\n")]);
        let file = folder.path().join(NAME);
        // Only root can give files away; everybody else owns what they write anyway.
        let owner = match chown(&file, Some(12_345), Some(54_321)) {
            Ok(()) => (12_345, 54_321),
            Err(_) => {
                let file = fs::metadata(&file).unwrap();
                (file.uid(), file.gid())
            }
        };
        write_atomic(&file, b"c: d\n").unwrap();
        let file = fs::metadata(&file).unwrap();
        assert_eq!((file.uid(), file.gid()), owner);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = folder(&[("real/override.yml", "a: b\n"), ("project/x", "")]);
        let link = folder.path().join("project").join(NAME);
        let real = folder.path().join("real/override.yml");
        symlink("../real/override.yml", &link).unwrap();
        write_atomic(&link, b"c: d\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"c: d\n");
        assert_eq!(names(&folder.path().join("real")), ["override.yml"]);

        // Also one that leads nowhere yet.
        fs::remove_file(&real).unwrap();
        assert_eq!(read(&link).unwrap(), None);
        write_atomic(&link, b"e: f\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"e: f\n");
        restore(&link, None).unwrap();
        assert!(link.is_symlink(), "the link was there before");
        assert!(!real.exists());
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let folder = folder(&[]);
        let link = folder.path().join(NAME);
        symlink(NAME, &link).unwrap();
        let error = write_atomic(&link, b"x").unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
    }

    #[test]
    fn a_new_file_is_no_more_open_than_the_compose_file_beside_it() {
        let folder = folder(&[("compose.yaml", ""), ("secrets.yml", "")]);
        let set = |name: &str, mode| {
            let file = folder.path().join(name);
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        set("secrets.yml", 0o600);
        let compose = set("compose.yaml", 0o640);
        // Only root can give files away.
        let is_given = chown(&compose, Some(12_345), Some(54_321)).is_ok();
        let file = folder.path().join(NAME);
        write_atomic(&file, b"c: d\n").unwrap();
        assert_eq!(mode(&file), 0o640);
        if is_given {
            let file = fs::metadata(&file).unwrap();
            assert_eq!((file.uid(), file.gid()), (12_345, 54_321));
        }
        fs::remove_file(&file).unwrap();
        set("compose.yaml", 0o600);
        write_atomic(&file, b"c: d\n").unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_file_keeps_its_hard_links() {
        let folder = folder(&[(NAME, "a: b\n")]);
        let (file, other) = (folder.path().join(NAME), folder.path().join("other"));
        fs::hard_link(&file, &other).unwrap();
        for text in ["longer than before: d\n", "s\n"] {
            write_atomic(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&other).unwrap(), text);
        }
        assert_eq!(names(folder.path()), [NAME, "other"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_keeps_its_extended_attributes() {
        use rustix::{
            fs::{XattrFlags, getxattr, setxattr},
            io::Errno,
        };

        // Beside the sources: a temporary file system may have none.
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = folder.path().join(NAME);
        fs::write(&file, "a: b\n").unwrap();
        let set = |value: &[u8]| setxattr(&file, "user.teal", value, XattrFlags::empty());
        if set(b"kept") == Err(Errno::NOTSUP) {
            return;
        }
        write_atomic(&file, b"c: d\n").unwrap();
        let mut value = [0; 8];
        let size = getxattr(&file, "user.teal", &mut value[..]).unwrap();
        assert_eq!(&value[..size], b"kept");
        assert_eq!(fs::read(&file).unwrap(), b"c: d\n");
    }
}
