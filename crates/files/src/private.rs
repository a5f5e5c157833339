//! Files that are their owner's alone: what Teal keeps of people's projects may say what nobody else
//! is to read, such as passwords in a compose file or in a log.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Creates a folder, with those above it, for its owner alone. One that others may look into, as
/// earlier Teals made them, is closed to them.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    close(path)
}

/// Closes a file or a folder to everybody but its owner; nothing is to be done where there is none.
/// What belongs to somebody else is left as it is.
pub fn close(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|file| close_open(&file)) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        closed => closed,
    }
}

/// Opens a file that only its owner may read, whether it is made now or was there.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(path)?;
    match close_open(&file) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(file),
        closed => closed.map(|()| file),
    }
}

/// Puts these bytes in a file in one step: whoever reads it sees the old ones or the new, also after
/// a crash.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    // A temporary file is its owner's only.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(path)
}

/// Makes a rename or removal last through a crash.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Windows writes a folder's entries itself.
#[cfg(not(unix))]
pub fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn close_open(file: &File) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    /// Everything that the group and others may do.
    const OTHERS: u32 = 0o077;
    let mode = file.metadata()?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode & 0o700))
}

/// What is in a person's own folders is theirs alone on Windows.
#[cfg(not(unix))]
fn close_open(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn mode(path: &Path) -> u32 {
        let metadata = fs::metadata(path).expect("there is something");
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn what_is_new_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        write(&data.join("files/shop.json"), b"{}").unwrap();
        let journal = data.join("journal");
        create_folder(&journal).unwrap();
        let file = journal.join("1.jsonl");
        open(OpenOptions::new().create(true).append(true), &file).unwrap();
        for (path, wanted) in [
            (&data, 0o700),
            (&data.join("files"), 0o700),
            (&data.join("files/shop.json"), 0o600),
            (&journal, 0o700),
            (&file, 0o600),
        ] {
            assert_eq!(mode(path), wanted, "{}", path.display());
        }
    }

    #[test]
    fn what_was_open_is_closed_when_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let file = data.join("old");
        fs::write(&file, "a").unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&data, 0o755);
        set(&file, 0o644);
        create_folder(&data).unwrap();
        open(OpenOptions::new().append(true), &file).unwrap();
        assert_eq!((mode(&data), mode(&file)), (0o700, 0o600));

        set(&file, 0o664);
        write(&file, b"b").unwrap();
        assert_eq!(mode(&file), 0o600);
        close(&data.join("none")).unwrap();
    }
}
