//! Volumes that nobody gave a name.

use bollard::{Docker, models::ContainerInspectResponse, query_parameters::RemoveVolumeOptions};

use super::{Missing, failed, patiently};
use teal_model::{Result, UnnamedVolume, Volume};

/// A container's volumes without a name, whether its file or its image asked for them: the engine
/// calls them by 64 digits.
pub fn unnamed_volumes(container: &ContainerInspectResponse) -> Vec<UnnamedVolume> {
    let mounts = container.mounts.iter().flatten();
    mounts
        .filter_map(|mount| {
            let name = mount.name.as_ref()?;
            let is_unnamed = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_unnamed.then_some(UnnamedVolume {
                id: name.clone(),
                target: mount.destination.clone()?,
            })
        })
        .collect()
}

/// Where a container keeps files in volumes without a name that its image alone asks for: `mounts`,
/// the service's own, do not mention them.
pub fn image_volumes(
    container: Option<&ContainerInspectResponse>,
    mounts: &[Volume],
) -> Vec<String> {
    let unnamed = container.map(unnamed_volumes).unwrap_or_default();
    let targets = unnamed.into_iter().map(|volume| volume.target);
    targets
        .filter(|target| mounts.iter().all(|mount| mount.target != *target))
        .collect()
}

/// Removes a volume. One that is gone is as good.
pub async fn remove_volume(docker: &Docker, name: &str) -> Result<()> {
    patiently(|| docker.remove_volume(name, None::<RemoveVolumeOptions>))
        .await
        .missing()
        .map_err(failed(format!("remove volume `{name}`")))
        .map(drop)
}
