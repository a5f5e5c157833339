//! Volumes without a name that outlive their containers.

use bollard::models::ContainerInspectResponse;

use teal_docker as docker;
use teal_model::UnnamedVolume;
use teal_readiness::is_cache;

/// Those of containers that are kept when the containers go: all that are not known to be caches.
pub fn kept_volumes(containers: &[ContainerInspectResponse]) -> Vec<UnnamedVolume> {
    let volumes = containers.iter().flat_map(docker::unnamed_volumes);
    volumes.filter(|volume| !is_cache(&volume.target)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_without_a_name_are_kept_unless_they_are_caches() {
        let (data, cache) = ("a".repeat(64), "b".repeat(64));
        let container = serde_json::json!({"Mounts": [
            {"Type": "volume", "Name": data, "Destination": "/data"},
            {"Type": "volume", "Name": cache, "Destination": "/app/node_modules"},
            {"Type": "volume", "Name": "shop_media", "Destination": "/media"},
            {"Type": "bind", "Source": "/srv", "Destination": "/srv"},
        ]});
        let container = serde_json::from_value(container).unwrap();
        let kept = UnnamedVolume {
            id: data,
            target: "/data".to_owned(),
        };
        assert_eq!(kept_volumes(&[container]), [kept]);
    }
}
