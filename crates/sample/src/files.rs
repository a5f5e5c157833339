//! The sample's files on disk.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use teal_engine::{Error, OVERRIDE_FILE, Result};

pub(crate) const COMPOSE: &str = "compose.yaml";
/// Holds the published port, so that every later call of Compose reads the same.
const ENVIRONMENT: &str = ".env";

const COMPOSE_TEXT: &str = include_str!("../../../samples/compose.yaml");
const PORT_VARIABLE: &str = "TEAL_SAMPLE_PORT";
const PORT: u16 = 8000;

/// Writes the compose file, and the port if none has been chosen yet.
pub(crate) fn write(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(failed("create", directory))?;
    let compose = directory.join(COMPOSE);
    fs::write(&compose, COMPOSE_TEXT).map_err(failed("write", &compose))?;
    let environment = directory.join(ENVIRONMENT);
    if environment.exists() {
        return Ok(());
    }
    let port = free_port().map_err(|source| Error::File {
        operation: "find a free port for",
        path: compose,
        source,
    })?;
    fs::write(&environment, format!("{PORT_VARIABLE}={port}\n"))
        .map_err(failed("write", &environment))
}

/// Removes the files, and the directory if nothing else is in it.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    for name in [COMPOSE, OVERRIDE_FILE, ENVIRONMENT] {
        let path = directory.join(name);
        allow(io::ErrorKind::NotFound, fs::remove_file(&path)).map_err(failed("remove", &path))?;
    }
    allow(io::ErrorKind::DirectoryNotEmpty, fs::remove_dir(directory))
        .map_err(failed("remove", directory))
}

/// The usual port, or another one where something listens there.
fn free_port() -> io::Result<u16> {
    if let Some(port) = std::env::var(PORT_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Ok(port);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}

fn allow(kind: io::ErrorKind, result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| {
        if error.kind() == kind {
            Ok(())
        } else {
            Err(error)
        }
    })
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_port_and_removes_only_its_own_files() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("sample");
        write(&directory).unwrap();
        let environment = directory.join(ENVIRONMENT);
        fs::write(&environment, "TEAL_SAMPLE_PORT=1234\n").unwrap();
        write(&directory).unwrap();
        assert_eq!(
            fs::read_to_string(&environment).unwrap(),
            "TEAL_SAMPLE_PORT=1234\n"
        );

        fs::write(directory.join("notes"), "").unwrap();
        remove(&directory).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_file(directory.join("notes")).unwrap();
        remove(&directory).unwrap();
        assert!(!directory.exists());
    }
}
