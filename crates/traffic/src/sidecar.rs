//! Sidecars on the engine: their image, their containers, and what they report.

use std::{collections::HashMap, pin::Pin};

use bollard::{
    Docker,
    container::LogOutput,
    errors::Error as DockerError,
    models::{ContainerCreateBody, ContainerSummaryStateEnum},
    query_parameters::{
        AttachContainerOptions, CreateContainerOptions, ListContainersOptions,
        RemoveContainerOptions,
    },
};
use futures_util::{Stream, StreamExt};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use teal_docker::{
    SIDECAR, compose_label, confined, is_status, look_at, patiently, short,
    teal_label::{DATA, ROLE, ROLLOUT},
    until_sent,
};
use teal_model::event::Color;

use super::{
    report::{Reading, Report},
    split::Split,
};

const GENERATION: &str = "dev.teal.generation";
const COLOR: &str = "dev.teal.color";
const SPLIT: &str = "dev.teal.split";
pub(super) const TARGET: &str = "dev.teal.target";

/// What a sidecar follows where the ports of requests are not known.
const ALL_PORTS: &str = "all";

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
