//! Docker from the snap store: its Compose sees neither the system's `/tmp` nor hidden folders in
//! people's homes, so a file there can't be handed to it by its name.

use std::{env, ffi::OsStr, path::Path};

use super::Compose;

impl Compose {
    /// Whether this Compose can't open the file although people can.
    pub fn is_kept_from(&self, path: &Path) -> bool {
        let program = self.program.first().map_or("", String::as_str);
        is_hidden(path) && is_snap(env::var_os("PATH").as_deref(), program)
    }
}

fn is_hidden(path: &Path) -> bool {
    let names = path.components().map(std::path::Component::as_os_str);
    path.starts_with("/tmp")
        || names
            .filter(|name| *name != OsStr::new("..") && *name != OsStr::new("."))
            .any(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Each program of the snap store is a link to `snap` itself.
fn is_snap(path: Option<&OsStr>, program: &str) -> bool {
    let Some(path) = path else {
        return false;
    };
    env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .and_then(|file| file.canonicalize().ok())
        .is_some_and(|file| file.file_name() == Some(OsStr::new("snap")))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_program_of_the_snap_store_is_known_by_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let (system, snaps) = (folder.path().join("bin"), folder.path().join("snap/bin"));
        fs::create_dir_all(&system).unwrap();
        fs::create_dir_all(&snaps).unwrap();
        fs::write(system.join("snap"), "").unwrap();
        symlink(system.join("snap"), snaps.join("docker")).unwrap();
        let path = |folders: &[&Path]| env::join_paths(folders).unwrap();
        assert!(is_snap(Some(&path(&[&system, &snaps])), "docker"));
        fs::write(system.join("docker"), "").unwrap();
        assert!(!is_snap(Some(&path(&[&system, &snaps])), "docker"));
        assert!(!is_snap(None, "docker"));
    }

    #[test]
    fn it_sees_no_hidden_folder() {
        assert!(is_hidden(Path::new("/home/me/.local/share/teal/x.yml")));
        assert!(is_hidden(Path::new("/tmp/x.yml")));
        assert!(!is_hidden(Path::new("/home/me/shop/x.yml")));
    }
}
