//! A lock on the folder of a file that all services of a project share: its override.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::{Duration, Instant},
};

/// A turn takes milliseconds: who waits longer waits for a process that was stopped in its own.
const AT_MOST: Duration = Duration::from_secs(30);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// While it lives, no other rollout changes the file, whatever its process, user or data directory.
#[derive(Debug)]
pub struct FolderLock {
    /// `None` if the folder can't be locked.
    _folder: Option<File>,
}

impl FolderLock {
    /// Waits for the turn at a file. Nothing fails for want of it: a rollout on a file system without
    /// locks goes on, and says so in the log.
    pub async fn at(file: &Path) -> Self {
        let began = Instant::now();
        let folder = match open(file.parent().unwrap_or(Path::new("."))) {
            Ok(folder) => folder,
            Err(error) => return Self::without(file, &error),
        };
        loop {
            match folder.try_lock() {
                Ok(()) => {
                    return Self {
                        _folder: Some(folder),
                    };
                }
                Err(TryLockError::WouldBlock) if began.elapsed() < AT_MOST => {}
                Err(error) => return Self::without(file, &error.into()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn without(file: &Path, error: &io::Error) -> Self {
        tracing::warn!(file = %file.display(), %error, "the file's folder can't be locked");
        Self { _folder: None }
    }
}

/// The folder itself: a file beside the override would have to stay there.
#[cfg(unix)]
fn open(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// Windows locks no folder, so a file of this user's stands for it.
#[cfg(not(unix))]
fn open(folder: &Path) -> io::Result<File> {
    use sha2::{Digest, Sha256};

    let folder = folder.canonicalize()?;
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let name = format!("teal-{digest:x}.lock");
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(std::env::temp_dir().join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_waits_until_the_other_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let first = FolderLock::at(&file).await;
        let second = tokio::spawn({
            let file = file.clone();
            async move {
                let _lock = FolderLock::at(&file).await;
                std::fs::read_to_string(&file).unwrap()
            }
        });
        // Its first try comes to nothing.
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        std::fs::write(&file, "of the first").unwrap();
        drop(first);
        assert_eq!(second.await.unwrap(), "of the first");
    }
}
