//! Rollouts that have not been settled: they run, were left as they were, or their process died.
//!
//! What it takes to settle one is on the engine before its first change, in the labels of a volume
//! that nothing uses: it outlives Teal, Teal's data, and every container, and it is there for whoever
//! looks at the same engine. Green's labels and the sidecars' tell how far the rollout has come.

use std::{
    collections::HashMap,
    io::{Read, Write},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bollard::{
    Docker,
    models::{Volume, VolumeCreateRequest},
    query_parameters::ListVolumesOptions,
};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod stopping;

pub use stopping::StopMark;
use teal_docker::{self as docker, Missing, failed, is_name, patiently, teal_label};
use teal_model::{Error, Origin, Plan, Result};

/// The role of the volume.
const RECORD: &str = "record";
/// The rollout, as JSON, deflated, in Base64: a plan has the texts of two files in it.
const CONTENT: &str = "dev.teal.record";
/// No plan is as large: what inflates to more is not a record of Teal's.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What it takes to finish a rollout, or to return to Blue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRecord {
    pub rollout: String,
    pub started_at: Timestamp,
    pub origin: Origin,
    pub plan: Plan,
}

impl RolloutRecord {
    /// Keeps it on the engine.
    ///
    /// # Errors
    /// The engine's, or that of another rollout that has its record there.
    pub async fn keep(&self, docker: &Docker) -> Result<()> {
        let plan = &self.plan;
        let name = name(&plan.project, &plan.service);
        let labels = HashMap::from([
            (teal_label::ROLE.to_owned(), RECORD.to_owned()),
            (teal_label::ROLLOUT.to_owned(), self.rollout.clone()),
            (teal_label::PROJECT.to_owned(), plan.project.clone()),
            (teal_label::SERVICE.to_owned(), plan.service.clone()),
            (CONTENT.to_owned(), self.encode()?),
        ]);
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        // Of a volume that was there already the engine gives the old labels.
        let volume = patiently(|| docker.create_volume(request.clone()))
            .await
            .map_err(failed(format!(
                "keep the record of the rollout in `{name}`"
            )))?;
        match volume.labels.get(teal_label::ROLLOUT) {
            Some(rollout) if *rollout == self.rollout => Ok(()),
            Some(_) => Err(Error::Interrupted {
                service: plan.service.clone(),
                project: plan.project.clone(),
            }),
            None => Err(Error::Unexpected(format!(
                "a volume `{name}` of somebody else is in the way: remove it"
            ))),
        }
    }

    /// That of a service; `None` if every rollout is settled.
    pub async fn find(docker: &Docker, project: &str, service: &str) -> Result<Option<Self>> {
        // A name that Compose has for no service would mean another path of the engine's API.
        if !is_name(project) || !is_name(service) {
            return Ok(None);
        }
        let name = name(project, service);
        let volume = patiently(|| docker.inspect_volume(&name))
            .await
            .missing()
            .map_err(failed(format!("inspect volume `{name}`")))?;
        volume.map(|volume| Self::of(&volume)).transpose()
    }

    /// All on the engine. One that can't be read is left out and logged.
    pub async fn list(docker: &Docker) -> Result<Vec<Self>> {
        let filter = vec![format!("{}={RECORD}", teal_label::ROLE)];
        let options = ListVolumesOptions {
            filters: Some(HashMap::from([("label".to_owned(), filter)])),
        };
        let found = docker
            .list_volumes(Some(options))
            .await
            .map_err(failed("list volumes"))?;
        let volumes = found.volumes.into_iter().flatten();
        Ok(volumes
            .filter_map(|volume| {
                Self::of(&volume)
                    .inspect_err(|error| tracing::warn!(volume = volume.name, %error, "no record"))
                    .ok()
            })
            .collect())
    }

    /// Removes it from the engine: the rollout is settled.
    pub async fn settle(&self, docker: &Docker) -> Result<()> {
        self.mark(docker).remove().await?;
        let name = name(&self.plan.project, &self.plan.service);
        docker::remove_volume(docker, &name).await
    }

    /// That its Blue may have been sent a stop.
    pub fn mark<'a>(&'a self, docker: &'a Docker) -> StopMark<'a> {
        let plan = &self.plan;
        StopMark::of(docker, &self.rollout, &plan.project, &plan.service)
    }

    fn of(volume: &Volume) -> Result<Self> {
        let content = volume.labels.get(CONTENT).map_or("", String::as_str);
        Self::decode(content).map_err(|reason| {
            Error::Unexpected(format!(
                "the record of a rollout in volume `{}` can't be read: {reason}",
                volume.name
            ))
        })
    }

    fn encode(&self) -> Result<String> {
        let write = || -> std::io::Result<Vec<u8>> {
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
            deflated.write_all(&serde_json::to_vec(self)?)?;
            deflated.finish()
        };
        let bytes = write().map_err(|error| Error::Unexpected(error.to_string()))?;
        Ok(BASE64_STANDARD.encode(bytes))
    }

    /// Reads what [`encode`](Self::encode) wrote, or says what is wrong with it.
    fn decode(text: &str) -> std::result::Result<Self, String> {
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|error| error.to_string())?;
        let mut json = Vec::new();
        DeflateDecoder::new(&*bytes)
            .take(LARGEST)
            .read_to_end(&mut json)
            .map_err(|error| error.to_string())?;
        serde_json::from_slice(&json).map_err(|error| error.to_string())
    }
}

/// The volume of a service. A project's name has no dot in it, so no two services share one.
fn name(project: &str, service: &str) -> String {
    format!("teal-rollout-{project}.{service}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use teal_model::testing::plan;

    fn record() -> RolloutRecord {
        RolloutRecord {
            rollout: "1".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            origin: Origin::Window,
            plan: plan("shop", "web"),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut one = record();
        one.plan.override_before = Some("# ours\r\n\u{1f30a}".repeat(2_000));
        let text = one.encode().unwrap();
        assert!(text.len() < 4_000, "{} bytes", text.len());
        assert_eq!(RolloutRecord::decode(&text).unwrap(), one);
    }

    #[test]
    fn a_bomb_is_no_record() {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
        let text = BASE64_STANDARD.encode(deflated.finish().unwrap());
        assert!(RolloutRecord::decode(&text).is_err());
    }

    proptest! {
        #[test]
        fn any_other_text_is_an_error(text: String, bytes: Vec<u8>) {
            prop_assert!(RolloutRecord::decode(&text).is_err());
            prop_assert!(RolloutRecord::decode(&BASE64_STANDARD.encode(bytes)).is_err());
        }
    }
}
