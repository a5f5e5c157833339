//! Whether the override can be written. Nothing is, to find out.

use std::path::Path;

use teal_compose::override_file;
use teal_model::{Verdict, VerdictCode};

/// What stands in the way of writing a text into the file.
pub(super) fn verdict(file: &Path, text: &str) -> Option<Verdict> {
    // The file is replaced, so the folder that it is in counts; a link stays one.
    let target = override_file::follow(file).ok()?;
    let folder = target.parent().filter(|folder| folder.is_dir())?;
    let reason = unwritable(folder, text.len() as u64)?;
    let verdict = Verdict::refused(
        VerdictCode::CannotWrite,
        format!("`{}` {reason}", folder.display()),
    );
    Some(
        verdict
            .means("the new limits are written into a file there, which Compose reads")
            .remedy("see that the project's folder can be written and has room, then deploy again"),
    )
}

#[cfg(unix)]
fn unwritable(folder: &Path, size: u64) -> Option<String> {
    use rustix::fs::{Access, access, statvfs};

    if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        return Some(format!("can't be written: {error}"));
    }
    // Where the file system does not tell, the write will.
    let space = statvfs(folder).ok()?;
    let has_entries = space.f_files == 0 || space.f_favail > 0;
    let has_room = space.f_bavail.saturating_mul(space.f_frsize) >= size;
    (!has_entries || !has_room).then(|| "has no space left".to_owned())
}

#[cfg(not(unix))]
fn unwritable(folder: &Path, _size: u64) -> Option<String> {
    let attributes = std::fs::metadata(folder).ok()?;
    attributes
        .permissions()
        .readonly()
        .then(|| "can't be written".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_nobody_can_write_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docker-compose.blue-green.yml");
        assert_eq!(verdict(&file, "services: {}\n"), None);
        // Not even root can write here, and a link leads there.
        std::os::unix::fs::symlink("/proc/self/x.yml", &file).unwrap();
        let found = verdict(&file, "services: {}\n");
        assert_eq!(
            found.map(|found| found.code),
            Some(VerdictCode::CannotWrite)
        );
    }

    #[test]
    fn more_than_there_is_room_for_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unwritable(folder.path(), 1), None);
        let told = unwritable(folder.path(), u64::MAX);
        assert_eq!(told.as_deref(), Some("has no space left"));
    }
}
