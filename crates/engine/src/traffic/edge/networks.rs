//! Containers that leave a network and come back to it: with the last network goes the host port.

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{
        ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
        NetworkCreateRequest, NetworkDisconnectRequest,
    },
    query_parameters::ListNetworksOptions,
};
use std::collections::HashMap;

use crate::{
    docker::{look_at, teal_label},
    model::Attachment,
    traffic::sidecar::{is_status, short},
};

/// A container's places in networks.
pub(super) fn attachments(container: &ContainerInspectResponse) -> Vec<Attachment> {
    let networks = container.network_settings.iter();
    let mut found: Vec<_> = networks
        .filter_map(|settings| settings.networks.as_ref())
        .flatten()
        .map(|(network, endpoint)| {
            let address = endpoint.ipam_config.clone().unwrap_or_default();
            Attachment {
                container: container.id.clone().unwrap_or_default(),
                network: network.clone(),
                aliases: endpoint.aliases.clone().unwrap_or_default(),
                ipv4: address.ipv4_address.filter(|address| !address.is_empty()),
                ipv6: address.ipv6_address.filter(|address| !address.is_empty()),
            }
        })
        .collect();
    found.sort_by(|one, other| one.network.cmp(&other.network));
    found
}

/// Leaves the network. Not to be in it is fine, and not to be there at all.
pub(super) async fn leave(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
    if !is_attached(docker, place).await? {
        return Ok(());
    }
    let request = NetworkDisconnectRequest {
        container: place.container.clone(),
        force: Some(true),
    };
    docker.disconnect_network(&place.network, request).await
}

/// Comes (back) to the network. To be in it is fine.
pub(super) async fn join(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
    if is_attached(docker, place).await? {
        return Ok(());
    }
    let address = EndpointIpamConfig {
        ipv4_address: place.ipv4.clone(),
        ipv6_address: place.ipv6.clone(),
        ..EndpointIpamConfig::default()
    };
    let is_fixed = place.ipv4.is_some() || place.ipv6.is_some();
    let request = NetworkConnectRequest {
        container: place.container.clone(),
        endpoint_config: Some(EndpointSettings {
            aliases: Some(place.aliases.clone()),
            ipam_config: is_fixed.then_some(address),
            ..EndpointSettings::default()
        }),
    };
    docker.connect_network(&place.network, request).await
}

async fn is_attached(docker: &Docker, place: &Attachment) -> Result<bool, DockerError> {
    let container = look_at(docker, &place.container).await?;
    Ok(container.is_some_and(|container| {
        attachments(&container)
            .iter()
            .any(|attached| attached.network == place.network)
    }))
}

/// The name of the network that an edge waits in for its ports.
fn waiting_room(rollout: &str) -> String {
    format!("teal-{}-wait", short(rollout, 8))
}

/// A network without a way out, so that no port is published by it. Its name comes back.
pub(super) async fn open_waiting_room(
    docker: &Docker,
    project: &str,
    rollout: &str,
) -> Result<String, DockerError> {
    let name = waiting_room(rollout);
    let request = NetworkCreateRequest {
        name: name.clone(),
        internal: Some(true),
        labels: Some(
            [
                (teal_label::ROLLOUT, rollout),
                (teal_label::PROJECT, project),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ),
        ..NetworkCreateRequest::default()
    };
    docker.create_network(request).await?;
    Ok(name)
}

/// Takes the network away, and who is in it out of it.
pub(super) async fn close_waiting_room(docker: &Docker, rollout: &str) -> Result<(), DockerError> {
    let name = waiting_room(rollout);
    let network = match docker.inspect_network(&name, None).await {
        Ok(network) => network,
        Err(error) if is_status(&error, 404) => return Ok(()),
        Err(error) => return Err(error),
    };
    for container in network.containers.into_iter().flatten().map(|(id, _)| id) {
        let request = NetworkDisconnectRequest {
            container,
            force: Some(true),
        };
        docker.disconnect_network(&name, request).await?;
    }
    docker.remove_network(&name).await
}

/// Removes the waiting rooms of rollouts that nobody needs any more. One that somebody is in stays.
pub(crate) async fn remove_waiting_rooms(
    docker: &Docker,
    is_needed: impl Fn(&str) -> bool,
) -> Result<(), DockerError> {
    let label = vec![teal_label::ROLLOUT.to_owned()];
    let options = ListNetworksOptions {
        filters: Some(HashMap::from([("label".to_owned(), label)])),
    };
    for network in docker.list_networks(Some(options)).await? {
        let labels = network.labels.unwrap_or_default();
        let rollout = labels.get(teal_label::ROLLOUT).map_or("", String::as_str);
        let Some(name) = network.name.filter(|name| *name == waiting_room(rollout)) else {
            continue;
        };
        if is_needed(rollout) {
            continue;
        }
        match docker.remove_network(&name).await {
            Err(error) if is_status(&error, 403) || is_status(&error, 404) => {}
            removed => removed?,
        }
    }
    Ok(())
}
