//! `docker-compose.blue-green.yml`, the override that carries the limits: where it is, and how it
//! and the project's other files are read, written and put back.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::working_directory;
use crate::{Error, OVERRIDE_FILE, Result, model::ProjectSource};

pub(crate) use super::merge::merged;

/// The override's path: beside the project's first compose file.
pub(crate) fn path(source: &ProjectSource) -> PathBuf {
    match source.files.first().and_then(|file| file.parent()) {
        Some(folder) => folder.join(OVERRIDE_FILE),
        None => working_directory(source).join(OVERRIDE_FILE),
    }
}

/// The file's bytes; none where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The file's text; none where there is no file.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>> {
    read(path)?
        .map(String::from_utf8)
        .transpose()
        .map_err(|_| Error::Override {
            path: path.to_owned(),
            line: None,
            reason: "it is not UTF-8".to_owned(),
            remedy: "save it as UTF-8, or move it away".to_owned(),
        })
}

/// Replaces the file's content in one step: whoever reads it sees the old text or the new, also
/// after a crash. The file keeps its mode and owner, and a link stays a link.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = follow(path)?;
    replace(&target, bytes).map_err(failed("write", path))
}

/// Puts the file back to what [`read`] found, byte for byte; removes it if there was none.
/// Writes nothing where it is so already: where nobody can write, nothing was changed.
pub(crate) fn restore(path: &Path, before: Option<&[u8]>) -> Result<()> {
    if read(path)?.as_deref() == before {
        return Ok(());
    }
    match before {
        Some(bytes) => write_atomic(path, bytes),
        None => remove(&follow(path)?).map_err(failed("remove", path)),
    }
}

/// The file that `path` means, through links, also where the last of them leads to no file yet.
fn follow(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    // As many as Linux follows before it gives up.
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(link) => target = target.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(target),
        }
    }
    let endless = io::Error::other("its links lead in a circle");
    Err(failed("write", path)(endless))
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".teal.")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    keep_attributes(target, file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    sync_folder(target)
}

/// Removes a file that may be gone already.
fn remove(target: &Path) -> io::Result<()> {
    match fs::remove_file(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(target),
    }
}

/// Gives the new file the old one's mode and owner, or a new file's usual mode.
#[cfg(unix)]
fn keep_attributes(target: &Path, file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let (mode, owner) = match fs::metadata(target) {
        Ok(old) => (old.mode(), Some((old.uid(), old.gid()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (0o644, None),
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    if let Some((user, group)) = owner
        && (user, group) != (new.uid(), new.gid())
    {
        fchown(file, Some(user), Some(group))?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode & 0o7777))
}

#[cfg(not(unix))]
fn keep_attributes(target: &Path, file: &fs::File) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(old) => file.set_permissions(old.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a rename or removal last through a crash.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Windows writes a folder's entries itself.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}
