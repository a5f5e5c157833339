//! A question to a container from within its own network, asked by a sidecar: it needs nothing of
//! the container's image.

use std::time::Duration;

use bollard::{
    Docker,
    container::LogOutput,
    models::ContainerCreateBody,
    query_parameters::{AttachContainerOptions, CreateContainerOptions, WaitContainerOptions},
};
use futures_util::StreamExt;
use uuid::Uuid;

use super::sidecar::{TARGET, remove};
use teal_docker::{SIDECAR, confined, ensure_image, failed, teal_label};
use teal_model::{Error, Result};

/// A sidecar gives up after 5 s; the engine needs a while to start and end it.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub success: bool,
    pub output: String,
}

/// Asks `path` at `port` of the container, good below status 400; without a path, whether the port
/// accepts connections.
pub async fn ask_within(
    docker: &Docker,
    container: &str,
    port: u16,
    path: Option<&str>,
) -> Result<Said> {
    let mut words = vec!["ask".to_owned(), port.to_string()];
    words.extend(path.map(str::to_owned));
    beside(docker, container, words, None).await
}

/// Runs a sidecar with these words beside the container, to its end.
pub(super) async fn beside(
    docker: &Docker,
    container: &str,
    words: Vec<String>,
    label: Option<(String, String)>,
) -> Result<Said> {
    let image = ensure_image(docker)
        .await
        .map_err(failed("bring in the sidecar"))?
        .ok_or_else(|| Error::CannotChange {
            reason: "Teal has no sidecar for the architecture of this engine".to_owned(),
            remedy: "name a health check that the image can run".to_owned(),
        })?;
    let body = ContainerCreateBody {
        image: Some(image),
        cmd: Some(words),
        attach_stdout: Some(true),
        labels: Some(labels(container).chain(label).collect()),
        host_config: Some(confined(format!("container:{container}"))),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptions {
        name: Some(format!("teal-ask-{}", Uuid::new_v4().simple())),
        ..CreateContainerOptions::default()
    };
    let created = docker
        .create_container(Some(options), body)
        .await
        .map_err(failed("create a sidecar"))?;
    let answer = tokio::time::timeout(LONGEST, run(docker, &created.id)).await;
    remove(docker, [created.id.as_str()])
        .await
        .map_err(failed("remove a sidecar"))?;
    answer.unwrap_or_else(|_| {
        Ok(Said {
            success: false,
            output: format!("no answer within {} s", LONGEST.as_secs()),
        })
    })
}

fn labels(container: &str) -> impl Iterator<Item = (String, String)> {
    let labels = [
        (teal_label::ROLE, SIDECAR),
        // It keeps it from being taken for one that was left behind.
        (TARGET, container),
        // Whatever Traefik's defaults are, this is not a server.
        ("traefik.enable", "false"),
    ];
    labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
}

/// Runs the sidecar to its end.
async fn run(docker: &Docker, id: &str) -> Result<Said> {
    let options = AttachContainerOptions {
        stream: true,
        stdout: true,
        ..AttachContainerOptions::default()
    };
    let mut lines = docker
        .attach_container(id, Some(options))
        .await
        .map_err(failed("listen to a sidecar"))?
        .output;
    docker
        .start_container(id, None)
        .await
        .map_err(failed("start a sidecar"))?;
    let mut output = String::new();
    while let Some(Ok(LogOutput::StdOut { message })) = lines.next().await {
        output.push_str(&String::from_utf8_lossy(&message));
    }
    let mut end = docker.wait_container(id, None::<WaitContainerOptions>);
    // bollard makes an exit code other than 0 an error.
    let success = matches!(end.next().await, Some(Ok(end)) if end.status_code == 0);
    Ok(Said {
        success,
        output: output.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `exposedByDefault` each start and end would make Traefik read everything again, and look
    /// for a port.
    #[test]
    fn what_only_asks_is_no_server_for_traefik() {
        let is_told = |(key, value): (String, String)| key == "traefik.enable" && value == "false";
        assert!(labels("1").any(is_told));
    }
}
