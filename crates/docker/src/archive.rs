//! Files of a container, as the archive that the engine makes of them.

use bollard::{
    Docker, errors::Error as BollardError, query_parameters::DownloadFromContainerOptions,
};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use super::patiently;

/// A tar archive, or the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub bytes: Vec<u8>,
    /// Whether this is all of it.
    pub is_whole: bool,
}

/// The file or folder at `path` in a container. Reading ends once there are `at_most` bytes, whatever
/// the container holds.
///
/// # Errors
/// The engine's own: 404 where there is no such container or path.
pub async fn archive(
    docker: &Docker,
    container: &str,
    path: &str,
    at_most: usize,
) -> Result<Archive, BollardError> {
    let options = DownloadFromContainerOptions {
        path: path.to_owned(),
    };
    patiently(|| {
        let chunks = docker.download_from_container(container, Some(options.clone()));
        beginning(chunks, at_most)
    })
    .await
}

async fn beginning<E>(
    chunks: impl Stream<Item = Result<Bytes, E>>,
    at_most: usize,
) -> Result<Archive, E> {
    let mut chunks = std::pin::pin!(chunks);
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        let room = at_most - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Archive {
                bytes,
                is_whole: false,
            });
        }
    }
    Ok(Archive {
        bytes,
        is_whole: true,
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn read(chunks: &[&'static str], at_most: usize) -> (String, bool) {
        let chunks = chunks
            .iter()
            .map(|it| Ok::<_, ()>(Bytes::from_static(it.as_bytes())));
        let archive = beginning(stream::iter(chunks), at_most).await.unwrap();
        (String::from_utf8(archive.bytes).unwrap(), archive.is_whole)
    }

    #[tokio::test]
    async fn no_more_is_kept_than_was_asked_for() {
        assert_eq!(read(&[], 4).await, (String::new(), true));
        assert_eq!(read(&["ab", "cd"], 4).await, ("abcd".to_owned(), true));
        assert_eq!(read(&["ab", "cde"], 4).await, ("abcd".to_owned(), false));
        let endless = stream::repeat(Ok::<_, ()>(Bytes::from_static(b"xyz")));
        let archive = beginning(endless, 7).await.unwrap();
        assert_eq!((archive.bytes.len(), archive.is_whole), (7, false));
    }

    #[tokio::test]
    async fn a_failure_on_the_way_is_no_archive() {
        let chunks = [Ok(Bytes::from_static(b"ab")), Err("gone")];
        assert_eq!(beginning(stream::iter(chunks), 4).await, Err("gone"));
    }
}
