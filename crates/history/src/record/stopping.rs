//! That a stop may have been sent, kept on the engine in a volume that nothing uses: whoever settles the
//! rollout has to know it, whatever became of the process that sent it.

use std::collections::HashMap;

use bollard::{Docker, models::VolumeCreateRequest, query_parameters::RemoveVolumeOptions};

use teal_docker::{Missing, failed, patiently, teal_label};
use teal_model::Result;

/// The role of the volume.
const STOPPING: &str = "stopping";

/// That the containers of Blue may have been sent a stop by a rollout.
pub struct StopMark<'a> {
    docker: &'a Docker,
    rollout: &'a str,
    project: &'a str,
    service: &'a str,
    name: String,
}

impl<'a> StopMark<'a> {
    pub fn of(docker: &'a Docker, rollout: &'a str, project: &'a str, service: &'a str) -> Self {
        Self {
            docker,
            rollout,
            project,
            service,
            name: format!("teal-stopping-{project}.{service}"),
        }
    }

    /// Sets it; one that a rollout before has left makes way.
    pub async fn set(&self) -> Result<()> {
        self.remove().await?;
        let labels = [
            (teal_label::ROLE, STOPPING),
            (teal_label::ROLLOUT, self.rollout),
            (teal_label::PROJECT, self.project),
            (teal_label::SERVICE, self.service),
        ];
        let labels = labels.map(|(label, value)| (label.to_owned(), value.to_owned()));
        let request = VolumeCreateRequest {
            name: Some(self.name.clone()),
            labels: Some(HashMap::from(labels)),
            ..VolumeCreateRequest::default()
        };
        patiently(|| self.docker.create_volume(request.clone()))
            .await
            .map_err(failed(format!("create volume `{}`", self.name)))
            .map(drop)
    }

    pub async fn is_set(&self) -> Result<bool> {
        let volume = patiently(|| self.docker.inspect_volume(&self.name))
            .await
            .missing()
            .map_err(failed(format!("inspect volume `{}`", self.name)))?;
        let of = volume.and_then(|mut volume| volume.labels.remove(teal_label::ROLLOUT));
        Ok(of.as_deref() == Some(self.rollout))
    }

    pub async fn remove(&self) -> Result<()> {
        patiently(|| {
            self.docker
                .remove_volume(&self.name, None::<RemoveVolumeOptions>)
        })
        .await
        .missing()
        .map_err(failed(format!("remove volume `{}`", self.name)))
        .map(drop)
    }
}
