//! Containers that leave a network and come back to it: with the last network goes the host port.

use bollard::{
    Docker,
    errors::Error as DockerError,
    models::{
        ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest,
        NetworkCreateRequest, NetworkDisconnectRequest, NetworkInspect,
    },
    query_parameters::ListNetworksOptions,
};
use std::collections::HashMap;

use teal_docker::{is_status, look_at, patiently, short, teal_label};
use teal_model::Attachment;

/// The label of a waiting room that says where the edge in it belongs.
const PLACES: &str = "dev.teal.places";

/// A container's places in networks.
pub fn attachments(container: &ContainerInspectResponse) -> Vec<Attachment> {
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
                link_local: address.link_local_ips.unwrap_or_default(),
                mac: endpoint.mac_address.clone().filter(|mac| !mac.is_empty()),
                links: endpoint.links.clone().unwrap_or_default(),
                driver_options: endpoint.driver_opts.iter().flatten().map(owned).collect(),
                gateway_priority: endpoint.gw_priority,
            }
        })
        .collect();
    found.sort_by(|one, other| one.network.cmp(&other.network));
    found
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// Leaves the network. Not to be in it is fine, and not to be there at all.
pub(super) async fn leave(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
    patiently(|| leave_once(docker, place)).await
}

async fn leave_once(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
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
pub async fn join(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
    patiently(|| join_once(docker, place)).await
}

async fn join_once(docker: &Docker, place: &Attachment) -> Result<(), DockerError> {
    if is_attached(docker, place).await? {
        return Ok(());
    }
    let request = NetworkConnectRequest {
        container: place.container.clone(),
        endpoint_config: Some(endpoint(place)),
    };
    docker.connect_network(&place.network, request).await
}

/// All that the place was, so that the container has the same addresses and the same way out.
fn endpoint(place: &Attachment) -> EndpointSettings {
    let address = EndpointIpamConfig {
        ipv4_address: place.ipv4.clone(),
        ipv6_address: place.ipv6.clone(),
        link_local_ips: Some(place.link_local.clone()).filter(|ips| !ips.is_empty()),
    };
    EndpointSettings {
        aliases: Some(place.aliases.clone()),
        ipam_config: Some(address).filter(|address| *address != EndpointIpamConfig::default()),
        mac_address: place.mac.clone(),
        links: Some(place.links.clone()).filter(|links| !links.is_empty()),
        driver_opts: Some(place.driver_options.iter().map(owned).collect())
            .filter(|options: &HashMap<_, _>| !options.is_empty()),
        gw_priority: place.gateway_priority,
        ..EndpointSettings::default()
    }
}

/// Whether the container is in the network.
pub(super) async fn is_attached(docker: &Docker, place: &Attachment) -> Result<bool, DockerError> {
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

/// A network without a way out, so that no port is published by it. It remembers where the edge
/// that waits in it belongs. Its name comes back; one that is there already is as good.
pub(super) async fn open_waiting_room(
    docker: &Docker,
    project: &str,
    rollout: &str,
    places: &[Attachment],
) -> Result<String, DockerError> {
    let name = waiting_room(rollout);
    patiently(|| create_waiting_room(docker, &name, project, rollout, places)).await?;
    Ok(name)
}

/// Where the edge belongs that waits for this rollout; `None` if none does.
pub(super) async fn remembered_places(
    docker: &Docker,
    rollout: &str,
) -> Result<Option<Vec<Attachment>>, DockerError> {
    let room = inspect_waiting_room(docker, &waiting_room(rollout)).await?;
    let labels = room.and_then(|room| room.labels).unwrap_or_default();
    let places = labels.get(PLACES);
    Ok(places.and_then(|places| serde_json::from_str(places).ok()))
}

async fn inspect_waiting_room(
    docker: &Docker,
    name: &str,
) -> Result<Option<NetworkInspect>, DockerError> {
    match patiently(|| docker.inspect_network(name, None)).await {
        Ok(network) => Ok(Some(network)),
        Err(error) if is_status(&error, 404) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn create_waiting_room(
    docker: &Docker,
    name: &str,
    project: &str,
    rollout: &str,
    places: &[Attachment],
) -> Result<(), DockerError> {
    if inspect_waiting_room(docker, name).await?.is_some() {
        return Ok(());
    }
    let places = serde_json::to_string(places).unwrap_or_default();
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        internal: Some(true),
        labels: Some(
            [
                (teal_label::ROLLOUT, rollout),
                (teal_label::PROJECT, project),
                (PLACES, &places),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ),
        ..NetworkCreateRequest::default()
    };
    docker.create_network(request).await.map(drop)
}

/// Takes the network away, and who is in it out of it.
pub(super) async fn close_waiting_room(docker: &Docker, rollout: &str) -> Result<(), DockerError> {
    patiently(|| close_once(docker, rollout)).await
}

async fn close_once(docker: &Docker, rollout: &str) -> Result<(), DockerError> {
    let name = waiting_room(rollout);
    let Some(network) = inspect_waiting_room(docker, &name).await? else {
        return Ok(());
    };
    for container in network.containers.into_iter().flatten().map(|(id, _)| id) {
        let request = NetworkDisconnectRequest {
            container,
            force: Some(true),
        };
        docker.disconnect_network(&name, request).await?;
    }
    match docker.remove_network(&name).await {
        Err(error) if is_status(&error, 404) => Ok(()),
        removed => removed,
    }
}

/// Removes the waiting rooms of rollouts that nobody needs any more. One that somebody is in stays.
pub async fn remove_waiting_rooms(
    docker: &Docker,
    is_needed: impl Fn(&str) -> bool,
) -> Result<(), DockerError> {
    let label = vec![teal_label::ROLLOUT.to_owned()];
    let options = ListNetworksOptions {
        filters: Some(HashMap::from([("label".to_owned(), label)])),
    };
    let networks = patiently(|| docker.list_networks(Some(options.clone()))).await?;
    for network in networks {
        let labels = network.labels.unwrap_or_default();
        let rollout = labels.get(teal_label::ROLLOUT).map_or("", String::as_str);
        let Some(name) = network.name.filter(|name| *name == waiting_room(rollout)) else {
            continue;
        };
        if is_needed(rollout) {
            continue;
        }
        match patiently(|| docker.remove_network(&name)).await {
            Err(error) if is_status(&error, 403) || is_status(&error, 404) => {}
            removed => removed?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bollard::models::NetworkSettings;

    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        let was = EndpointSettings {
            aliases: Some(vec!["web".into()]),
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some("10.0.0.2".into()),
                ipv6_address: None,
                link_local_ips: Some(vec!["169.254.0.2".into()]),
            }),
            mac_address: Some("02:42:0a:00:00:02".into()),
            links: Some(vec!["db:database".into()]),
            driver_opts: Some(HashMap::from([("a".to_owned(), "b".to_owned())])),
            gw_priority: Some(7),
            ..EndpointSettings::default()
        };
        let container = ContainerInspectResponse {
            id: Some("1".into()),
            network_settings: Some(NetworkSettings {
                networks: Some(HashMap::from([("front".to_owned(), was.clone())])),
                ..NetworkSettings::default()
            }),
            ..ContainerInspectResponse::default()
        };
        let places = attachments(&container);
        assert_eq!(endpoint(&places[0]), was);

        let older =
            r#"{"container": "1", "network": "front", "aliases": [], "ipv4": null, "ipv6": null}"#;
        let older: Attachment = serde_json::from_str(older).unwrap();
        assert_eq!(endpoint(&older).ipam_config, None);
    }
}
