//! `docker-compose.blue-green.yml`, the override that carries the limits: where it is, and how it
//! and the project's other files are read, written and put back.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::working_directory;
use teal_files::private::sync_folder;
use teal_files::replace;
use teal_model::{Error, OVERRIDE_FILE, ProjectSource, Result};

pub use super::merge::merged;

/// The override's path: beside the project's first compose file.
pub fn path(source: &ProjectSource) -> PathBuf {
    match source.files.first().and_then(|file| file.parent()) {
        Some(folder) => folder.join(OVERRIDE_FILE),
        None => working_directory(source).join(OVERRIDE_FILE),
    }
}

/// The file's bytes; `None` if there is no file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The file's text; `None` if there is no file.
pub fn read_text(path: &Path) -> Result<Option<String>> {
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
/// after a crash. The file keeps its mode and owner, and a link stays a link; where that takes it,
/// it is written in place.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = follow(path)?;
    replace(&target, bytes).map_err(failed("write", path))
}

/// Puts the file back to what [`read`] found, byte for byte; removes it if there was none.
/// Writes nothing where it is so already: where nobody can write, nothing was changed.
pub fn restore(path: &Path, before: Option<&[u8]>) -> Result<()> {
    if read(path)?.as_deref() == before {
        return Ok(());
    }
    match before {
        Some(bytes) => write_atomic(path, bytes),
        None => remove(&follow(path)?).map_err(failed("remove", path)),
    }
}

/// The file that `path` means, through links, also where the last of them leads to no file yet.
pub fn follow(path: &Path) -> Result<PathBuf> {
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

/// Removes a file that may be gone already.
fn remove(target: &Path) -> io::Result<()> {
    match fs::remove_file(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(target),
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}
