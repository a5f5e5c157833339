//! Teal's edge: a Traefik of the project's own that holds the host ports of services which publish
//! some, so that two sets of containers can run behind them.
//!
//! It is a service in the override that plain `docker compose up` reads. Its *baseline* is a file
//! beside that override and leads each port to a service by its name: it needs no Teal. During a
//! rollout *splits* come above it, files that the Docker archive API puts into the volume that the
//! edge watches, and that so outlive its restart and its replacement.

mod definition;
mod entry;
mod files;
mod fronting;
mod image;
mod networks;
mod pending;
mod protocol;
mod routes;
mod splits;
mod take_over;
mod waiting;

use bollard::{
    Docker,
    errors::Error as DockerError,
    query_parameters::{RemoveContainerOptions, RemoveVolumeOptions},
};
pub(super) use entry::is_edge;
pub use networks::{attachments, join, remove_waiting_rooms};

use entry::Entry;
use teal_compose::ComposeModel;
use teal_docker::is_status;
use teal_docker::{Missing, patiently};

pub use definition::{BASELINE_FILE, Definition};
pub use entry::Protocol;
pub(super) use fronting::Fronting;
pub use image::EdgeImage;
pub use pending::{announcement, handover, no_image};
pub use protocol::protocol;
pub(super) use splits::Splits;
pub(super) use take_over::{TakeOver, Transfer};

/// The edge's name among the project's services.
pub const SERVICE: &str = "teal-edge";

/// Where the edge looks for its routes. A volume, since nothing else in it can be written to.
const DIRECTORY: &str = "/etc/teal";

/// The entry point that only the edge's own container can reach: for pings.
const PING_ENTRY: &str = "teal";
const PING_PORT: u16 = 9_999;

/// Removes the volume of a project's edge where no edge uses it any more.
async fn remove_volume(docker: &Docker, project: &str) -> Result<(), DockerError> {
    let name = format!("{project}_{SERVICE}");
    match patiently(|| docker.remove_volume(&name, None::<RemoveVolumeOptions>)).await {
        Err(error) if is_status(&error, 404) || is_status(&error, 409) => Ok(()),
        removed => removed,
    }
}

/// Whether the files put the edge in front of this service.
pub fn is_in_front(model: &ComposeModel, service: &str) -> bool {
    let edge = model.services.get(SERVICE);
    let entries = edge.map_or_else(Vec::new, |edge| Entry::all(&edge.labels));
    entries.iter().any(|entry| entry.service == service)
}

/// Whether a project's edge on the engine is in front of this service.
pub async fn has_ports_of(
    docker: &Docker,
    project: &str,
    service: &str,
) -> Result<bool, DockerError> {
    let edges = fronting::find_all(docker, project).await?;
    Ok(edges
        .iter()
        .any(|edge| !fronting::entries_for(edge, service).is_empty()))
}

/// Removes the edges of a project and their volume. Requests in flight through them may end first.
pub async fn remove(docker: &Docker, project: &str) -> Result<(), DockerError> {
    for edge in fronting::find_all(docker, project).await? {
        let id = edge.id.unwrap_or_default();
        teal_docker::to_its_end(docker, &id).await?;
        remove_container(docker, &id).await?;
    }
    remove_volume(docker, project).await
}

/// Removes an edge's container, killed if it runs. One that is gone is as good.
async fn remove_container(docker: &Docker, id: &str) -> Result<(), DockerError> {
    let options = RemoveContainerOptions {
        force: true,
        ..RemoveContainerOptions::default()
    };
    let removed = patiently(|| docker.remove_container(id, Some(options.clone()))).await;
    removed.missing().map(drop)
}
