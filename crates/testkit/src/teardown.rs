//! Removing all that belongs to a project, whatever has become of it.

use std::fmt::Write;

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error,
    query_parameters::{
        LogsOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions, RemoveVolumeOptions,
    },
};
use futures_util::TryStreamExt;

use crate::{Container, containers, snapshot};

const LOG_LINES: &str = "20";

/// Removes containers, networks, volumes and images of the project.
pub(crate) async fn remove_all(docker: &Docker, project: &str) {
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    // The last first: what stands in another's network goes before the other.
    for container in containers::of_project(docker, project)
        .await
        .into_iter()
        .rev()
    {
        gone(
            docker
                .remove_container(&container.id, Some(options.clone()))
                .await,
        );
    }
    for network in snapshot::networks(docker, project).await {
        gone(docker.remove_network(&network).await);
    }
    for volume in snapshot::volumes(docker, project).await {
        gone(
            docker
                .remove_volume(&volume, None::<RemoveVolumeOptions>)
                .await,
        );
    }
    for image in snapshot::images(docker, project).await {
        gone(
            docker
                .remove_image(&image, None::<RemoveImageOptions>, None)
                .await,
        );
    }
}

/// Somebody else may have been quicker, or be at it.
fn gone<T>(result: Result<T, Error>) {
    match result {
        Ok(_)
        | Err(Error::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => {}
        Err(error) => panic!("the engine can't remove what a test made: {error}"),
    }
}

/// What a person wants to see of a failed test: the containers and the ends of their logs.
pub(crate) async fn account(docker: &Docker, project: &str) -> String {
    let mut text = format!("what there is of project `{project}`:\n");
    for container in containers::of_project(docker, project).await {
        let Container {
            name,
            state,
            health,
            exit_code,
            ..
        } = &container;
        writeln!(
            text,
            "== {name}: {state}, health {health}, exit code {exit_code:?}"
        )
        .expect("a string takes any text");
        text += &log_end(docker, &container.id).await;
    }
    text
}

async fn log_end(docker: &Docker, id: &str) -> String {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .tail(LOG_LINES)
        .build();
    let lines: Result<Vec<LogOutput>, Error> = docker.logs(id, Some(options)).try_collect().await;
    match lines {
        Ok(lines) => lines.iter().map(ToString::to_string).collect(),
        Err(error) => format!("no log: {error}\n"),
    }
}
