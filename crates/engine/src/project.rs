//! A project as its files describe it, with what the engine runs of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use bollard::models::ContainerInspectResponse;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::applied::Applied;
use crate::drift::{Found, drift};
use teal_compose::{self as compose, ComposeModel, ComposeService, Files, override_file};
use teal_docker::{self as docker, Image, compose_label};
use teal_model::{
    AppliedChange, ContainerState, Error, Health, HealthCheck, Project, ProjectSource, Readiness,
    Replica, Result, Revision, RolloutOptions, Service,
};
use teal_plan::live;
use teal_plan::{Planner, by_service, current_revision};
use teal_readiness::{self as readiness, Facts};
use teal_traffic::{Surroundings, Survey};

/// Images that are looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// Opens a project: a few calls for all of it, however many services it has.
pub(crate) async fn open(planner: &Planner<'_>, source: &ProjectSource) -> Result<Project> {
    let Files {
        source,
        model: mut base,
    } = planner.read(source).await?;
    let directory = compose::working_directory(&source);
    let override_path = override_file::path(&source);
    let override_exists = override_path.exists();
    // Compose's hashes take as long as all that the engine is asked.
    let (hashes, with_override, containers, images) = tokio::try_join!(
        planner.compose.config_hashes(&source, &[]),
        with_override(planner, &source, override_exists.then_some(&override_path)),
        docker::list(planner.docker, &base.name, None),
        images(planner, &base),
    )?;
    let mut running = by_service(containers);
    base.mark_present(running.keys().map(String::as_str));
    let past = planner
        .history
        .read(&planner.info.id, Some(&base.name), None)?;
    let hashes = Hashes {
        plain: as_compose_sees(planner, &source, &[], &base, hashes, &running).await?,
        before_update: before_updates(planner, &source, &base, &past).await?,
        with_override: match &with_override {
            Some((_, hashes)) => {
                let extra: [&Path; 1] = [&override_path];
                let hashes = hashes.clone();
                as_compose_sees(planner, &source, &extra, &base, hashes, &running).await?
            }
            None => BTreeMap::new(),
        },
    };
    let parts: Vec<_> = base
        .services
        .iter()
        .map(|(name, file)| (name, file, running.remove(name).unwrap_or_default()))
        .collect();
    let all: Vec<_> = parts.iter().flat_map(|(.., it)| it).cloned().collect();
    let surroundings = Surroundings::look(planner.docker, planner.host, &all).await?;
    let surveys: Vec<_> = parts
        .iter()
        .map(|(_, file, containers)| surroundings.survey(containers, Some(&file.labels)))
        .collect();
    let health_checks: Vec<_> = parts
        .iter()
        .map(|(name, _, containers)| {
            docker::health_check_of_image(planner.docker, images.get(*name), containers.first())
        })
        .collect();
    let health_checks: Vec<_> = stream::iter(health_checks)
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    let up = planner.compose.command(&source, &[], &["up", "-d"]);
    // The project's own before Teal's edge.
    let mut traefiks: Vec<_> = surveys
        .iter()
        .filter(|survey| survey.traefik.is_some())
        .collect();
    traefiks.sort_by_key(|survey| survey.is_by_edge());
    let traefik = traefiks.first().and_then(|survey| survey.traefik.clone());
    let services: Result<_> = parts
        .iter()
        .zip(surveys)
        .zip(health_checks)
        .map(|(((name, file, containers), survey), image_health)| {
            let found = Part {
                name,
                file,
                effective: with_override
                    .as_ref()
                    .and_then(|(model, _)| model.services.get(*name))
                    .unwrap_or(file),
                hashes: &hashes,
                current_image: images.get(*name),
                image_health,
                up: &up,
                containers,
                survey,
                applied: Applied::of(planner.data, &planner.info.id, &base.name, name, &source)
                    .list()?,
                past: &past,
            };
            Ok(found.describe(planner, &base, &directory))
        })
        .collect();
    Ok(Project {
        name: base.name,
        working_directory: directory,
        source,
        services: services?,
        traefik,
        override_file: override_exists.then_some(override_path),
        notices: base.notices,
    })
}

/// Opens a project and looks at one of its services more closely; the others are left out.
pub(crate) async fn service(
    planner: &Planner<'_>,
    source: &ProjectSource,
    name: &str,
) -> Result<Project> {
    let mut project = open(planner, source).await?;
    let services = std::mem::take(&mut project.services);
    let known: Vec<_> = services.iter().map(|it| it.name.clone()).collect();
    let found = services.into_iter().find(|service| service.name == name);
    let mut service = found.ok_or_else(|| Error::no_service(&project.name, name, known))?;
    let containers = docker::list(planner.docker, &project.name, Some(name)).await?;
    let layer = planner.layer_verdict(&containers).await;
    service.verdicts.extend(layer);
    readiness::sort(&mut service.verdicts);
    project.services.push(service);
    Ok(project)
}

/// The model and the hashes with Teal's override; `None` if there is no such file.
async fn with_override(
    planner: &Planner<'_>,
    source: &ProjectSource,
    path: Option<&PathBuf>,
) -> Result<Option<(ComposeModel, BTreeMap<String, String>)>> {
    let Some(path) = path else {
        return Ok(None);
    };
    let extra: [&Path; 1] = [path];
    let both = tokio::try_join!(
        planner.compose.model(source, &extra),
        planner.compose.config_hashes(source, &extra),
    )?;
    Ok(Some(both))
}

/// Compose's hashes of the services, by name: what the next `up` compares its containers with.
struct Hashes {
    plain: BTreeMap<String, String>,
    with_override: BTreeMap<String, String>,
    before_update: BTreeMap<String, String>,
}

/// For a service that borrows from another's container Compose's hash is not the one that it tells
/// of the files. There Compose is asked what it would do: where it leaves the containers as they
/// are, theirs is its hash.
async fn as_compose_sees(
    planner: &Planner<'_>,
    source: &ProjectSource,
    extra: &[&Path],
    model: &ComposeModel,
    mut hashes: BTreeMap<String, String>,
    running: &BTreeMap<String, Vec<ContainerInspectResponse>>,
) -> Result<BTreeMap<String, String>> {
    let made_from = |container| docker::container_label(container, compose_label::CONFIG_HASH);
    let mut borrowing = Vec::new();
    for (name, service) in &model.services {
        let newest = running.get(name).and_then(|containers| containers.last());
        let hash = hashes.get(name).map(String::as_str);
        if service.borrows() && hash.is_some() && newest.is_some_and(|it| made_from(it) != hash) {
            borrowing.push(name.as_str());
        }
    }
    if borrowing.is_empty() {
        return Ok(hashes);
    }
    let Some(recreated) = planner.compose.recreated(source, extra, &borrowing).await else {
        return Ok(hashes);
    };
    for name in borrowing {
        let containers = &running[name];
        let is_left = |container| !recreated.contains(&docker::replica(container).name);
        if let Some(newest) = containers.last().filter(|_| containers.iter().all(is_left)) {
            hashes.extend(made_from(newest).map(|hash| (name.to_owned(), hash.to_owned())));
        }
    }
    Ok(hashes)
}

/// The hashes of the services whose limits were changed on the running containers, as they were
/// before that.
async fn before_updates(
    planner: &Planner<'_>,
    source: &ProjectSource,
    model: &ComposeModel,
    past: &[Revision],
) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    for (name, service) in &model.services {
        let own: Vec<_> = past
            .iter()
            .filter(|revision| revision.service == *name)
            .cloned()
            .collect();
        let hash = live::hash_before(planner.compose, source, (name, service), &own).await?;
        hashes.extend(hash.map(|hash| (name.clone(), hash)));
    }
    Ok(hashes)
}

/// Each service's image, where the engine has it. Services of one image ask for it once.
async fn images(planner: &Planner<'_>, model: &ComposeModel) -> Result<BTreeMap<String, Image>> {
    let all = model
        .services
        .values()
        .filter_map(|file| file.image.clone());
    let names: BTreeSet<_> = all.collect();
    let inspections: Vec<_> = names
        .into_iter()
        .map(async |name| {
            let found = docker::image(planner.docker, &name).await?;
            Ok::<_, Error>(found.map(|image| (name, image)))
        })
        .collect();
    let found: Vec<_> = stream::iter(inspections)
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    let found: BTreeMap<_, _> = found.into_iter().flatten().collect();
    let services = model.services.iter().filter_map(|(service, file)| {
        let image = found.get(file.image.as_deref()?)?;
        Some((service.clone(), image.clone()))
    });
    Ok(services.collect())
}

/// What is known of one service.
struct Part<'a> {
    name: &'a str,
    /// As the files say.
    file: &'a ComposeService,
    /// As the files and Teal's override say.
    effective: &'a ComposeService,
    hashes: &'a Hashes,
    current_image: Option<&'a Image>,
    /// The health check that the image brings itself.
    image_health: Option<HealthCheck>,
    up: &'a [String],
    containers: &'a [ContainerInspectResponse],
    survey: Survey,
    applied: Vec<AppliedChange>,
    past: &'a [Revision],
}

impl<'a> Part<'a> {
    fn describe(self, planner: &Planner<'_>, model: &ComposeModel, directory: &Path) -> Service {
        let replicas = docker::replicas(self.containers);
        let mut verdicts = readiness::verdicts(&Facts {
            name: self.name,
            model,
            service: self.file,
            directory,
            found: Some(readiness::Found {
                replicas: &replicas,
                image_health: self.image_health.as_ref(),
                image_volumes: &docker::image_volumes(self.containers.first(), &self.file.mounts()),
                routes: &self.survey.routes,
                is_traefik: self.survey.is_traefik,
                ports: self.survey.ports(),
                published: &docker::published(self.containers),
            }),
            options: &RolloutOptions::default(),
            engine: planner.info,
            wish: None,
        });
        verdicts.extend(self.survey.verdicts);
        readiness::sort(&mut verdicts);
        let past: Vec<Revision> = self
            .past
            .iter()
            .filter(|revision| revision.service == self.name)
            .cloned()
            .collect();
        let of = |hashes: &'a BTreeMap<String, String>| hashes.get(self.name).map(String::as_str);
        Service {
            edge: self.file.is_edge(),
            name: self.name.to_owned(),
            off_profiles: self.file.off_profiles().to_vec(),
            image: self.file.image.clone(),
            state: most_telling(&replicas),
            health: worst(&replicas),
            desired_replicas: self.file.replicas(),
            file_limits: self.file.limits(),
            limits: self.effective.limits(),
            reservations: self.file.reservations(),
            key_family: self.file.key_family(),
            health_check: self.file.health_check(self.image_health.as_ref()),
            ports: self.file.ports.iter().map(ToString::to_string).collect(),
            volumes: self.file.mounts(),
            routes: self.survey.routes,
            callers: model.callers(self.name),
            revision: current_revision(&past),
            readiness: Readiness::of(&verdicts),
            drift: drift(&Found {
                file: self.file,
                hash: of(&self.hashes.plain),
                effective: self.effective,
                effective_hash: of(&self.hashes.with_override),
                hash_before_update: of(&self.hashes.before_update),
                image: self.current_image.map(|image| image.id.as_str()),
                containers: self.containers,
                past: &past,
                command: self.up,
            }),
            applied: self.applied,
            verdicts,
            replicas,
        }
    }
}

fn most_telling(replicas: &[Replica]) -> Option<ContainerState> {
    use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
    [Restarting, Dead, Paused, Running, Removing, Exited, Created]
        .into_iter()
        .find(|state| replicas.iter().any(|replica| replica.state == *state))
}

fn worst(replicas: &[Replica]) -> Health {
    replicas
        .iter()
        .filter(|replica| replica.state == ContainerState::Running)
        .map(|replica| replica.health)
        .max()
        .unwrap_or(Health::None)
}
