//! Sidecars on the engine: their image, their containers, and what they report.

use std::{collections::HashMap, pin::Pin};

use bollard::{
    Docker, body_full,
    container::LogOutput,
    errors::Error as DockerError,
    models::{ContainerCreateBody, ContainerSummaryStateEnum, HostConfig, HostConfigLogConfig},
    query_parameters::{
        AttachContainerOptions, CreateContainerOptions, ImportImageOptions, ListContainersOptions,
        ListImagesOptions, RemoveContainerOptions, RemoveImageOptions,
    },
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    docker::{
        Missing, compose_label, look_at, patiently,
        teal_label::{DATA, ROLE, ROLLOUT},
        until_sent,
    },
    event::Color,
};

use super::{
    report::{Reading, Report},
    split::Split,
};

/// The role of a sidecar and its image.
pub(super) const SIDECAR: &str = "sidecar";
const GENERATION: &str = "dev.teal.generation";
const COLOR: &str = "dev.teal.color";
const SPLIT: &str = "dev.teal.split";
pub(super) const TARGET: &str = "dev.teal.target";

const REPOSITORY: &str = "teal-sidecar";
const PROGRAM: &str = "teal-sidecar";
const USER: &str = "65534:65534";
/// The program itself needs less than a tenth; the runtime that starts it is bound as well, and takes
/// memory and threads by the processors of the machine.
const MEMORY: i64 = 64 * 1024 * 1024;
const PROCESSES: i64 = 64;
/// What a sidecar follows where the ports of requests are not known.
const ALL_PORTS: &str = "all";

/// A sidecar program for one architecture.
struct Program {
    architecture: &'static str,
    digest: &'static str,
    bytes: &'static [u8],
}

static PROGRAMS: &[Program] = include!(concat!(env!("OUT_DIR"), "/sidecars.rs"));

/// What to start beside a container.
#[derive(Debug)]
pub(super) struct Order {
    /// The id of the container.
    pub(super) target: String,
    /// The container's, for a sidecar that pins and counts; none for one that only brings routers.
    pub(super) color: Option<Color>,
    pub(super) generation: u32,
    /// Where its routers lead, if it brings some.
    pub(super) split: Option<Split>,
    /// For Traefik.
    pub(super) labels: HashMap<String, String>,
}

/// A sidecar that runs. Dropping it leaves the container where it is.
#[derive(Debug)]
pub(super) struct Sidecar {
    pub(super) target: String,
    pub(super) generation: u32,
    /// Whether it reports what is in flight.
    pub(super) counts: bool,
    pub(super) readings: watch::Receiver<Option<Reading>>,
    _reader: AbortOnDropHandle<()>,
}

/// Whether there is a program for this architecture, by Docker's name of it. A Teal carries those
/// that the toolchain could build it was built with.
pub(super) fn runs_on(architecture: &str) -> bool {
    program_for(architecture).is_some()
}

/// The architectures of engines that this Teal has a sidecar for, by Docker's names of them. On
/// others it steers nothing.
#[must_use]
pub fn sidecar_architectures() -> Vec<&'static str> {
    PROGRAMS
        .iter()
        .map(|program| program.architecture)
        .collect()
}

fn program_for(architecture: &str) -> Option<&'static Program> {
    PROGRAMS
        .iter()
        .find(|program| program.architecture == architecture)
}

/// The image for the engine's architecture, imported where it is not there yet.
pub(crate) async fn ensure_image(docker: &Docker) -> Result<Option<String>, DockerError> {
    let version = patiently(|| docker.version()).await?;
    let architecture = version.arch.unwrap_or_default();
    let Some(program) = program_for(&architecture) else {
        return Ok(None);
    };
    let image = format!("{REPOSITORY}:{}", program.digest);
    match patiently(|| docker.inspect_image(&image)).await {
        Ok(_) => return Ok(Some(image)),
        Err(error) if is_status(&error, 404) => {}
        Err(error) => return Err(error),
    }
    let archive = archive(program, &image).map_err(|err| DockerError::IOError { err })?;
    docker
        .import_image(ImportImageOptions::default(), body_full(archive), None)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(Some(image))
}

/// The image in the form that `docker load` takes. It has no date, so it is the same whoever makes
/// it, and two that are loaded at once are one.
fn archive(program: &Program, image: &str) -> std::io::Result<Bytes> {
    let layer = tarball(&[(PROGRAM, 0o755, program.bytes)])?;
    let digest = Sha256::digest(&layer);
    let config = json!({
        "architecture": program.architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": [format!("/{PROGRAM}")],
            "User": USER,
            "Labels": { ROLE: SIDECAR },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest:x}")] },
    });
    let manifest = json!([{
        "Config": "config.json",
        "RepoTags": [image],
        "Layers": ["layer.tar"],
    }]);
    let archive = tarball(&[
        ("config.json", 0o644, config.to_string().as_bytes()),
        ("layer.tar", 0o644, &layer),
        ("manifest.json", 0o644, manifest.to_string().as_bytes()),
    ])?;
    Ok(archive.into())
}

pub(super) fn tarball(files: &[(&str, u32, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        builder.append_data(&mut header, path, *content)?;
    }
    builder.into_inner()
}

/// Removes the image and those of other versions of Teal, unless a container still uses them.
pub(crate) async fn remove_image(docker: &Docker) -> Result<(), DockerError> {
    let label = format!("{ROLE}={SIDECAR}");
    let options = ListImagesOptions {
        filters: Some(HashMap::from([("label".to_owned(), vec![label])])),
        ..ListImagesOptions::default()
    };
    for image in patiently(|| docker.list_images(Some(options.clone()))).await? {
        let removed = docker
            .remove_image(&image.id, None::<RemoveImageOptions>, None)
            .await;
        match removed.missing() {
            Ok(_) => {}
            // A rollout of another process uses it.
            Err(error) if is_status(&error, 409) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Creates a sidecar that is not started yet. Its id comes back.
pub(super) async fn create(
    docker: &Docker,
    rollout: &str,
    data: Option<&str>,
    image: &str,
    ports: &[u16],
    order: &Order,
) -> Result<String, DockerError> {
    let mut labels = order.labels.clone();
    labels.extend([
        (ROLE.to_owned(), SIDECAR.to_owned()),
        (ROLLOUT.to_owned(), rollout.to_owned()),
        (GENERATION.to_owned(), order.generation.to_string()),
        (TARGET.to_owned(), order.target.clone()),
    ]);
    // Where Traefik's constraints ask for Compose's labels, a sidecar has them too. Compose counts
    // one-off containers neither as replicas nor as orphans.
    labels
        .entry(compose_label::ONE_OFF.to_owned())
        .or_insert_with(|| "True".to_owned());
    labels.extend(data.map(|data| (DATA.to_owned(), data.to_owned())));
    labels.extend(
        order
            .color
            .map(|color| (COLOR.to_owned(), color_name(color).to_owned())),
    );
    labels.extend(order.split.map(|split| (SPLIT.to_owned(), split.name())));
    let words = match (order.color, ports) {
        (None, _) => Vec::new(),
        (Some(_), []) => vec![ALL_PORTS.to_owned()],
        (Some(_), ports) => ports.iter().map(u16::to_string).collect(),
    };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(words),
        attach_stdout: Some(true),
        labels: Some(labels),
        host_config: Some(confined(format!("container:{}", order.target))),
        ..ContainerCreateBody::default()
    };
    let name = format!(
        "teal-{}-{}-{}",
        short(rollout, 8),
        order.generation,
        short(&order.target, 12)
    );
    let options = CreateContainerOptions {
        name: Some(name),
        ..CreateContainerOptions::default()
    };
    let create = || docker.create_container(Some(options.clone()), body.clone());
    let created = until_sent(create).await?;
    Ok(created.id)
}

/// What the helper program may do in a network: nearly nothing.
pub(crate) fn confined(network_mode: String) -> HostConfig {
    HostConfig {
        network_mode: Some(network_mode),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        memory: Some(MEMORY),
        memory_swap: Some(MEMORY),
        pids_limit: Some(PROCESSES),
        // Its lines are read as they come and are of no use later.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".into()),
            config: None,
        }),
        ..HostConfig::default()
    }
}

fn color_name(color: Color) -> &'static str {
    match color {
        Color::Blue => "blue",
        Color::Green => "green",
    }
}

fn color_named(name: &str) -> Option<Color> {
    [Color::Blue, Color::Green]
        .into_iter()
        .find(|color| color_name(*color) == name)
}

/// The start of an id, without what a name can't have.
pub(super) fn short(id: &str, length: usize) -> String {
    id.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(length)
        .collect()
}

impl Sidecar {
    /// Starts a sidecar and listens to it from its first line.
    pub(super) async fn start(
        docker: &Docker,
        id: &str,
        order: &Order,
    ) -> Result<Self, DockerError> {
        let sidecar = Self::listen(docker, id, order).await?;
        patiently(|| docker.start_container(id, None)).await?;
        Ok(sidecar)
    }

    async fn listen(docker: &Docker, id: &str, order: &Order) -> Result<Self, DockerError> {
        let mut lines = attach(docker, id).await?;
        let (sender, readings) = watch::channel(None);
        let (docker, id) = (docker.clone(), id.to_owned());
        let reader = tokio::spawn(async move {
            // The sender goes with the sidecar: readers see that nothing comes any more.
            loop {
                while let Some(Ok(LogOutput::StdOut { message })) = lines.next().await {
                    if let Some(report) = Report::last_in(&message) {
                        let at = Instant::now();
                        sender.send_replace(Some(Reading { report, at }));
                    } else {
                        let line = String::from_utf8_lossy(&message);
                        tracing::warn!(line = line.trim_end(), "a sidecar can't count");
                    }
                }
                match listen_again(&docker, &id).await {
                    Ok(Some(again)) => lines = again,
                    Ok(None) => return,
                    Err(error) => return tracing::warn!(%error, "a sidecar is not heard any more"),
                }
            }
        });
        Ok(Self {
            target: order.target.clone(),
            generation: order.generation,
            counts: order.color.is_some(),
            readings,
            _reader: AbortOnDropHandle::new(reader),
        })
    }
}

type Lines = Pin<Box<dyn Stream<Item = Result<LogOutput, DockerError>> + Send>>;

async fn attach(docker: &Docker, id: &str) -> Result<Lines, DockerError> {
    let options = AttachContainerOptions {
        stream: true,
        stdout: true,
        ..AttachContainerOptions::default()
    };
    let attached = patiently(|| docker.attach_container(id, Some(options.clone()))).await?;
    Ok(attached.output)
}

/// The lines of a sidecar that still runs, after the engine was away.
async fn listen_again(docker: &Docker, id: &str) -> Result<Option<Lines>, DockerError> {
    let state = look_at(docker, id)
        .await?
        .and_then(|container| container.state);
    match state.is_some_and(|state| state.running == Some(true)) {
        true => attach(docker, id).await.map(Some),
        false => Ok(None),
    }
}

/// A sidecar as found on the engine.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) rollout: String,
    pub(super) data: Option<String>,
    pub(super) generation: u32,
    pub(super) target: String,
    pub(super) color: Option<Color>,
    pub(super) split: Option<Split>,
    pub(super) runs: bool,
}

/// The sidecars of a rollout, or of all of them; the oldest generation first.
pub(super) async fn list(
    docker: &Docker,
    rollout: Option<&str>,
) -> Result<Vec<Found>, DockerError> {
    let mut filter = vec![format!("{ROLE}={SIDECAR}")];
    filter.extend(rollout.map(|rollout| format!("{ROLLOUT}={rollout}")));
    let options = ListContainersOptions {
        all: true,
        filters: Some(HashMap::from([("label".to_owned(), filter)])),
        ..ListContainersOptions::default()
    };
    let mut found: Vec<_> = patiently(|| docker.list_containers(Some(options.clone())))
        .await?
        .into_iter()
        .filter_map(|summary| {
            let labels = summary.labels.unwrap_or_default();
            let name = summary.names.unwrap_or_default().into_iter().next();
            Some(Found {
                id: summary.id?,
                name: name.unwrap_or_default().trim_start_matches('/').to_owned(),
                data: labels.get(DATA).cloned(),
                rollout: labels.get(ROLLOUT).cloned().unwrap_or_default(),
                generation: labels
                    .get(GENERATION)
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(0),
                target: labels.get(TARGET).cloned().unwrap_or_default(),
                color: labels.get(COLOR).and_then(|name| color_named(name)),
                split: labels.get(SPLIT).and_then(|name| Split::named(name)),
                runs: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
            })
        })
        .collect();
    found.sort_by_key(|sidecar| sidecar.generation);
    Ok(found)
}

/// Removes sidecars, whatever they do, and tries all; one that is gone already is fine. One after the
/// other, since an engine that removes several at once takes the processors from requests.
pub(super) async fn remove(
    docker: &Docker,
    ids: impl IntoIterator<Item = &str>,
) -> Result<(), DockerError> {
    let options = RemoveContainerOptions {
        force: true,
        ..RemoveContainerOptions::default()
    };
    // Named now: the iterators of callers can't be held over an await of a spawned task.
    let ids: Vec<_> = ids.into_iter().collect();
    let mut all = Ok(());
    for id in ids {
        let removed = patiently(|| docker.remove_container(id, Some(options.clone()))).await;
        all = all.and(match removed {
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => Ok(()),
            removed => removed,
        });
    }
    all
}

/// Removes the sidecars that stand beside nothing any more, whoever made them.
pub(super) async fn remove_orphans(docker: &Docker) -> Result<(), DockerError> {
    let sidecars = list(docker, None).await?;
    if sidecars.is_empty() {
        return Ok(());
    }
    // Looked at afterwards: a container that is made meanwhile is in this list.
    let options = ListContainersOptions {
        all: true,
        ..ListContainersOptions::default()
    };
    let containers = patiently(|| docker.list_containers(Some(options.clone()))).await?;
    let is_there = |id: &str| {
        containers
            .iter()
            .any(|container| container.id.as_deref() == Some(id))
    };
    let orphans = sidecars
        .iter()
        .filter(|sidecar| !is_there(&sidecar.target))
        .map(|sidecar| sidecar.id.as_str());
    remove(docker, orphans).await
}

pub(super) fn is_status(error: &DockerError, status: u16) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code, .. } if *status_code == status)
}
