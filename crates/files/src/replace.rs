//! Another content for a file that people own, which stays the same file to everybody else: its mode,
//! owner, extended attributes (access control lists, security labels) and hard links are kept.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
};

use crate::private::sync_folder;

/// Replaces a file's content in one step, or makes the file. In place, and so not in one step, where
/// a new file could not be all that the old one is: one of several hard links, a mount of its own,
/// somebody else's, labelled in a way that this user may not repeat.
pub fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_there = match fs::metadata(target) {
        Ok(old) if has_more_links(&old) => return write_in_place(target, bytes),
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".teal.")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    if !is_there {
        be_like_its_neighbours(target, file.as_file())?;
    } else if let Err(error) = copy_attributes(target, file.as_file()) {
        tracing::debug!(%error, file = %target.display(), "written in place");
        drop(file);
        return write_in_place(target, bytes);
    }
    file.as_file().sync_all()?;
    match file.persist(target) {
        Ok(_) => sync_folder(target),
        Err(failed) if failed.error.kind() == ErrorKind::ResourceBusy => {
            drop(failed.file);
            write_in_place(target, bytes)
        }
        Err(failed) => Err(failed.error),
    }
}

/// Writes a copy of a file that only those can read who can read the file, never over another one.
pub fn copy(from: &Path, to: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = crate::private::open(OpenOptions::new().write(true).create_new(true), to)?;
    if let Err(error) = copy_attributes(from, &file) {
        tracing::warn!(%error, file = %to.display(), "only its writer can read it");
        crate::private::close(to)?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_folder(to)
}

/// A disk that gets full on the way must not leave half of the text.
fn write_in_place(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::read(target)?;
    let write = |bytes: &[u8]| {
        let mut file = OpenOptions::new().write(true).open(target)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    write(bytes).inspect_err(|_| {
        if let Err(error) = write(&before) {
            tracing::error!(%error, file = %target.display(), "it is not what it was");
        }
    })
}

#[cfg(unix)]
fn has_more_links(file: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
fn has_more_links(_file: &fs::Metadata) -> bool {
    false
}

/// Gives a file another one's owner, mode and extended attributes, in this order: each would change
/// those before it.
#[cfg(unix)]
fn copy_attributes(from: &Path, to: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let old = fs::metadata(from)?;
    let new = to.metadata()?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(to, Some(old.uid()), Some(old.gid()))?;
    }
    to.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
    copy_extended_attributes(from, to)
}

#[cfg(not(unix))]
fn copy_attributes(from: &Path, to: &File) -> io::Result<()> {
    to.set_permissions(fs::metadata(from)?.permissions())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn copy_extended_attributes(from: &Path, to: &File) -> io::Result<()> {
    use rustix::{
        fs::{
            XattrFlags, fgetxattr, fsetxattr, getxattr, getxattr_query, listxattr, listxattr_query,
        },
        io::Errno,
    };

    let size = match listxattr_query(from) {
        // The file system has none.
        Err(Errno::NOTSUP) => return Ok(()),
        size => size?,
    };
    let mut names = vec![0; size];
    let size = listxattr(from, &mut names[..])?;
    let names = names[..size].split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        let mut value = vec![0; getxattr_query(from, name)?];
        let size = getxattr(from, name, &mut value[..])?;
        value.truncate(size);
        let mut has = vec![0; value.len() + 1];
        let is_so = fgetxattr(to, name, &mut has[..]).is_ok_and(|size| has[..size] == value);
        if !is_so {
            fsetxattr(to, name, &value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
fn copy_extended_attributes(_from: &Path, _to: &File) -> io::Result<()> {
    Ok(())
}

/// A new compose file is no more open than those beside it, and belongs to whom they belong to: who
/// runs Compose there has to read it.
#[cfg(unix)]
fn be_like_its_neighbours(target: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    const NEW: u32 = 0o644;
    let neighbours = match is_compose_file(target) {
        true => compose_files(target.parent().unwrap_or(Path::new(".")))?,
        false => Vec::new(),
    };
    let strictest = neighbours
        .iter()
        .min_by_key(|file| (file.mode() & NEW).count_ones());
    if let Some(strictest) = strictest
        && let Err(error) = fchown(file, Some(strictest.uid()), Some(strictest.gid()))
    {
        tracing::debug!(%error, "the new file is its writer's");
    }
    let mode = strictest.map_or(NEW, |strictest| strictest.mode() & NEW);
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn be_like_its_neighbours(_target: &Path, _file: &File) -> io::Result<()> {
    Ok(())
}

/// Those that have one of Compose's own names, else everything that may be one.
#[cfg(unix)]
fn compose_files(folder: &Path) -> io::Result<Vec<fs::Metadata>> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = (path.extension()).is_some_and(|kind| kind == "yml" || kind == "yaml");
        // A link may lead nowhere.
        if let (true, Ok(found)) = (is_yaml, fs::metadata(&path)) {
            let list = match is_compose_file(&path) {
                true => &mut own,
                false => &mut others,
            };
            list.push(found);
        }
    }
    Ok(if own.is_empty() { others } else { own })
}

#[cfg(unix)]
fn is_compose_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("compose.") || name.starts_with("docker-compose.")
}
