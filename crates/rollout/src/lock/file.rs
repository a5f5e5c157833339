//! A lock among the processes with the same data.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::holder::Holder;
use teal_files::file_name;
use teal_files::private;
use teal_model::{Error, Result};

/// Held as long as it lives. The system takes it from a process that dies, so none is ever stale.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a service.
    ///
    /// # Errors
    /// [`Error::Busy`] names the process that holds it.
    pub fn take(data: &Path, engine: &str, project: &str, service: &str) -> Result<Self> {
        let directory = data.join("locks");
        let path = directory.join(file_name(&[engine, project, service]));
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::File {
                operation,
                path,
                source,
            }
        };
        private::create_folder(&directory).map_err(failed("create the lock"))?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = private::open(&mut options, &path).map_err(failed("open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)
                    .map_err(failed("read the lock"))?;
                return Err(Error::Busy {
                    service: service.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("take the lock")(source)),
        }
        // The file stays: removing it would let two processes lock two files of one name.
        file.set_len(0).map_err(failed("write the lock"))?;
        file.rewind().map_err(failed("write the lock"))?;
        file.write_all(Holder::here().to_string().as_bytes())
            .map_err(failed("write the lock"))?;
        Ok(Self { _file: file })
    }

    /// Whether some process holds the lock of a service.
    pub fn is_held(data: &Path, engine: &str, project: &str, service: &str) -> Result<bool> {
        let path = data
            .join("locks")
            .join(file_name(&[engine, project, service]));
        let failed = |source| Error::File {
            operation: "look at the lock",
            path: path.clone(),
            source,
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_seen_whether_somebody_holds_a_lock() {
        let data = tempfile::tempdir().unwrap();
        let held = || FileLock::is_held(data.path(), "engine", "shop", "web").unwrap();
        assert!(!held());
        let lock = FileLock::take(data.path(), "engine", "shop", "web").unwrap();
        assert!(held());
        drop(lock);
        assert!(!held());
    }

    #[test]
    fn a_second_lock_names_the_first_holder() {
        let data = tempfile::tempdir().unwrap();
        let first = FileLock::take(data.path(), "engine", "shop", "web").unwrap();
        let second = FileLock::take(data.path(), "engine", "shop", "web").unwrap_err();
        assert_eq!(second.exit_code(), 6);
        assert!(second.to_string().contains(&std::process::id().to_string()));
        FileLock::take(data.path(), "engine", "shop", "api").expect("another service is free");
        drop(first);
        FileLock::take(data.path(), "engine", "shop", "web").expect("a released lock is free");
    }
}
