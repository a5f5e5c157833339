//! Files in the edge's volume, by the Docker archive API.

use std::io::{self, Cursor, Read};

use bollard::{
    Docker, body_full, errors::Error as DockerError, query_parameters::UploadToContainerOptions,
};
use bytes::Bytes;

use super::{DIRECTORY, routes::Generation};
use teal_docker::{archive, patiently, tarball};

/// A generation takes some KiB, and there are few.
const LARGEST_FOLDER: usize = 16 * 1024 * 1024;
/// A file that says nothing. The archive API can't remove one.
const NOTHING: &str = "# Nothing: no rollout runs.\n";

/// Writes files into a container's directory of routes.
async fn put(
    docker: &Docker,
    container: &str,
    files: &[(String, &str)],
) -> Result<(), DockerError> {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), 0o644, text.as_bytes()))
        .collect();
    let archive = tarball(&files).map_err(|err| DockerError::IOError { err })?;
    let options = UploadToContainerOptions {
        path: DIRECTORY.to_owned(),
        ..UploadToContainerOptions::default()
    };
    let archive = Bytes::from(archive);
    patiently(|| {
        let body = body_full(archive.clone());
        docker.upload_to_container(container, Some(options.clone()), body)
    })
    .await
}

pub(super) async fn put_generation(
    docker: &Docker,
    container: &str,
    number: u32,
    text: &str,
) -> Result<(), DockerError> {
    put(docker, container, &[(Generation::file(number), text)]).await
}

/// Has these generations say nothing any more.
pub(super) async fn blank(
    docker: &Docker,
    container: &str,
    numbers: &[u32],
) -> Result<(), DockerError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let files: Vec<_> = numbers
        .iter()
        .map(|number| (Generation::file(*number), NOTHING))
        .collect();
    put(docker, container, &files).await
}

/// The generations that say something, whichever process wrote them.
///
/// # Errors
/// The engine does not hand the files out, or they are more than the edge ever writes.
pub(super) async fn generations(docker: &Docker, container: &str) -> Result<Vec<u32>, DockerError> {
    let archive = archive(docker, container, DIRECTORY, LARGEST_FOLDER).await?;
    let numbers = match archive.is_whole {
        true => read(&archive.bytes),
        false => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{DIRECTORY} is larger than 16 MiB"),
        )),
    };
    numbers.map_err(|err| DockerError::IOError { err })
}

fn read(archive: &[u8]) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in tar::Archive::new(Cursor::new(archive)).entries()? {
        let mut entry = entry?;
        let number = Generation::number_of(&entry.path()?.to_string_lossy());
        if let Some(number) = number {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            if text != NOTHING {
                numbers.push(number);
            }
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_generations_that_say_something_count() {
        let archive = tarball(&[
            ("teal/baseline.yaml", 0o644, b"http: {}"),
            ("teal/split-2.yaml", 0o644, b"http: {}"),
            ("teal/split-10.yaml", 0o644, b"http: {}"),
            ("teal/split-3.yaml", 0o644, NOTHING.as_bytes()),
        ])
        .unwrap();
        assert_eq!(read(&archive).unwrap(), [2, 10]);
    }
}
