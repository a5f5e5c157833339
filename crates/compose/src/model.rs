//! The canonical model that `docker compose config --format json` prints, as far as Teal reads it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    hook::Hook,
    port::ComposePort,
    read::{cpus, memory, microseconds, milliseconds, parse},
    resolved::Resolved,
    secret::Secret,
};
use teal_docker::teal_label;
use teal_model::{Cpus, HealthCheck, KeyFamily, Limits, Memory, Result, Volume};

/// A project's services as Compose reads them.
#[derive(Debug, Clone, Deserialize)]
pub struct ComposeModel {
    pub name: String,
    #[serde(default)]
    pub services: BTreeMap<String, ComposeService>,
    #[serde(default)]
    networks: BTreeMap<String, Option<ProjectNetwork>>,
    /// Tells this reading of the files from another.
    #[serde(skip)]
    pub resolved: Resolved,
    /// What Compose warns of as it reads the files, in its own words.
    #[serde(skip)]
    pub notices: Vec<String>,
    /// Whether services of profiles that are off are not in it, since Compose refuses them.
    #[serde(skip)]
    pub leaves_out: bool,
}

/// One of the project's networks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ProjectNetwork {
    external: bool,
}

/// One service. Values of its environment never show in `Debug`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ComposeService {
    pub image: Option<String>,
    pub build: Option<Build>,
    pub container_name: Option<String>,
    pub command: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub environment: BTreeMap<String, Option<Secret>>,
    pub labels: BTreeMap<String, String>,
    pub restart: Option<String>,
    pub profiles: Vec<String>,
    /// False where its profiles keep Compose from starting it with the project.
    #[serde(skip, default = "yes")]
    pub enabled: bool,
    /// Whether it is known to have containers.
    #[serde(skip)]
    present: bool,

    pub network_mode: Option<String>,
    pub pid: Option<String>,
    pub ipc: Option<String>,
    pub mac_address: Option<String>,
    pub networks: BTreeMap<String, Option<ComposeNetwork>>,
    pub ports: Vec<ComposePort>,
    pub volumes: Vec<ComposeVolume>,
    pub volumes_from: Vec<String>,
    pub depends_on: BTreeMap<String, Dependency>,
    pub links: Vec<String>,
    pub pre_stop: Vec<Hook>,
    devices: Vec<Device>,
    pub tty: bool,
    pub stdin_open: bool,
    runtime: Option<String>,
    gpus: Vec<IgnoredAny>,
    expose: Vec<IgnoredAny>,

    deploy: Deploy,
    scale: Option<u32>,
    #[serde(deserialize_with = "cpus")]
    cpus: Option<Cpus>,
    #[serde(deserialize_with = "memory")]
    mem_limit: Option<Memory>,
    #[serde(deserialize_with = "memory")]
    mem_reservation: Option<Memory>,
    /// Memory and swap together.
    #[serde(deserialize_with = "memory")]
    pub memswap_limit: Option<Memory>,
    #[serde(deserialize_with = "microseconds")]
    pub cpu_quota: Option<u64>,
    #[serde(deserialize_with = "microseconds")]
    pub cpu_period: Option<u64>,
    pids_limit: Option<i64>,
    healthcheck: Option<FileHealthCheck>,
}

/// How a service's image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Build {
    /// The folder whose files go into it, or an address.
    pub context: PathBuf,
    /// The path of its Dockerfile from there.
    pub dockerfile: PathBuf,
    /// The stage of the Dockerfile that is built; none for its last one.
    pub target: Option<String>,
}

/// What a service asks of one it depends on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// `service_started`, `service_healthy` or `service_completed_successfully`.
    pub condition: String,
    /// Whether Compose restarts it after a change of the other.
    pub restart: bool,
}

/// What a service says about one network it is in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ComposeNetwork {
    pub ipv4_address: Option<String>,
    pub ipv6_address: Option<String>,
    pub mac_address: Option<String>,
    pub aliases: Vec<String>,
}

/// A device of the machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Device {
    Named {
        source: String,
    },
    /// As Compose before 2.30 prints it: `/dev/ttyUSB0:/dev/ttyUSB0:rwm`.
    Text(String),
}

/// One mount.
#[derive(Debug, Clone, Deserialize)]
pub struct ComposeVolume {
    #[serde(rename = "type")]
    kind: String,
    source: Option<String>,
    #[serde(default)]
    target: String,
    #[serde(default)]
    read_only: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Deploy {
    mode: Option<String>,
    replicas: Option<u32>,
    resources: Resources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Resources {
    limits: Option<ResourceAmounts>,
    reservations: Option<ResourceAmounts>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ResourceAmounts {
    #[serde(deserialize_with = "cpus")]
    cpus: Option<Cpus>,
    #[serde(deserialize_with = "memory")]
    memory: Option<Memory>,
    devices: Vec<IgnoredAny>,
}

/// A health check in the file; what it leaves out comes from the image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct FileHealthCheck {
    disable: bool,
    test: Option<Vec<String>>,
    interval: Option<String>,
    timeout: Option<String>,
    start_period: Option<String>,
    start_interval: Option<String>,
    retries: Option<u32>,
}

/// The keys that a service's limits have to be written in, so that Compose takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKeys {
    Deploy,
    Service,
    /// The files write the same limit in both; Compose wants both to agree.
    Both,
}

impl LimitKeys {
    pub(super) const fn deploy(self) -> bool {
        matches!(self, Self::Deploy | Self::Both)
    }

    pub(super) const fn service(self) -> bool {
        matches!(self, Self::Service | Self::Both)
    }
}

/// What Docker does where neither file nor image says otherwise.
const HEALTH_INTERVAL_MS: u64 = 30_000;
const HEALTH_RETRIES: u32 = 3;

impl ComposeModel {
    pub fn read(text: &str) -> Result<Self> {
        parse(text)
    }

    /// Whether the service is in a network that is not the project's own.
    pub fn is_in_shared_network(&self, service: &ComposeService) -> bool {
        let networks = service.networks.keys();
        networks
            .filter_map(|name| self.networks.get(name)?.as_ref())
            .any(|network| network.external)
    }

    pub(super) fn has_profiles(&self) -> bool {
        self.services
            .values()
            .any(|service| !service.profiles.is_empty())
    }

    /// Remembers which services have containers: one of a profile that is off may have been started
    /// by itself.
    pub fn mark_present<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if let Some(service) = self.services.get_mut(name) {
                service.present = true;
            }
        }
    }

    pub(super) fn enable_only<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let names: Vec<_> = names.map(str::trim).collect();
        for (name, service) in &mut self.services {
            service.enabled = names.contains(&name.as_str());
        }
    }
}

impl ComposeService {
    pub fn limits(&self) -> Limits {
        let deploy = self.deploy.resources.limits.as_ref();
        Limits {
            cpus: self
                .cpus
                .or(deploy.and_then(|limits| limits.cpus))
                .or(self.quota()),
            memory: self.mem_limit.or(deploy.and_then(|limits| limits.memory)),
        }
    }

    /// Whether it is Teal's own edge.
    pub fn is_edge(&self) -> bool {
        let role = self.labels.get(teal_label::ROLE);
        role.is_some_and(|role| role == teal_label::EDGE)
    }

    /// The CPU limit that `cpu_quota` and `cpu_period` come to: the same limit in other words, which
    /// Docker doesn't take besides `cpus`.
    pub fn quota(&self) -> Option<Cpus> {
        Cpus::from_quota(self.cpu_quota?, self.cpu_period)
    }

    /// What of these limits has to be written: a CPU limit that `cpu_quota` says already does not.
    pub fn in_their_words(&self, limits: Limits) -> Limits {
        Limits {
            cpus: limits.cpus.filter(|cpus| self.quota() != Some(*cpus)),
            ..limits
        }
    }

    /// What is in force once these limits are written.
    pub fn as_in_force(&self, written: Limits) -> Limits {
        let limits = written.as_compose_sets();
        Limits {
            cpus: limits.cpus.or(self.quota()),
            ..limits
        }
    }

    /// Whether Compose puts the id of another service's container into what it makes this one's
    /// from, so that its hash is another than `config --hash` tells.
    pub fn borrows(&self) -> bool {
        let is_borrowed = |mode: &Option<String>| {
            mode.as_deref()
                .is_some_and(|mode| mode.starts_with("service:"))
        };
        !self.volumes_from.is_empty()
            || [&self.network_mode, &self.pid, &self.ipc]
                .into_iter()
                .any(is_borrowed)
    }

    pub fn reservations(&self) -> Limits {
        let deploy = self.deploy.resources.reservations.as_ref();
        Limits {
            cpus: deploy.and_then(|reserved| reserved.cpus),
            memory: self
                .mem_reservation
                .or(deploy.and_then(|reserved| reserved.memory)),
        }
    }

    /// How a limit can be written. Compose compares `cpus`, `mem_limit` and `pids_limit` with
    /// `deploy.resources.limits` as soon as that is there, so one of them rules it out.
    pub fn limit_keys(&self) -> LimitKeys {
        let service =
            self.cpus.is_some() || self.mem_limit.is_some() || self.pids_limit.unwrap_or(0) != 0;
        match (self.deploy.resources.limits.is_some(), service) {
            (true, true) => LimitKeys::Both,
            (false, true) => LimitKeys::Service,
            (_, false) => LimitKeys::Deploy,
        }
    }

    pub fn key_family(&self) -> KeyFamily {
        match self.limit_keys() {
            LimitKeys::Service => KeyFamily::Service,
            LimitKeys::Deploy | LimitKeys::Both => KeyFamily::Deploy,
        }
    }

    /// The health check in force on top of the image's: `None` if there is none, or the file
    /// disables it.
    pub fn health_check(&self, image: Option<&HealthCheck>) -> Option<HealthCheck> {
        let Some(file) = &self.healthcheck else {
            return image.cloned();
        };
        let test = match &file.test {
            Some(test) if !test.is_empty() => test.clone(),
            _ => image?.test.clone(),
        };
        if file.disable || test.first().is_some_and(|word| word == "NONE") {
            return None;
        }
        let time = |text: &Option<String>, image: Option<u64>, default: u64| {
            let file = text.as_deref().and_then(milliseconds);
            file.filter(|&time| time > 0).or(image).unwrap_or(default)
        };
        Some(HealthCheck {
            test,
            interval_ms: time(
                &file.interval,
                image.map(|image| image.interval_ms),
                HEALTH_INTERVAL_MS,
            ),
            timeout_ms: time(
                &file.timeout,
                image.map(|image| image.timeout_ms),
                HEALTH_INTERVAL_MS,
            ),
            start_period_ms: time(
                &file.start_period,
                image.map(|image| image.start_period_ms),
                0,
            ),
            start_interval_ms: file
                .start_interval
                .as_deref()
                .and_then(milliseconds)
                .filter(|&time| time > 0)
                .or(image.and_then(|image| image.start_interval_ms)),
            retries: file
                .retries
                .filter(|&retries| retries > 0)
                .or(image.map(|image| image.retries))
                .unwrap_or(HEALTH_RETRIES),
        })
    }

    /// The profiles of which one has to be on for Compose to start it with the project; `None` if
    /// Compose does so anyway.
    pub fn off_profiles(&self) -> &[String] {
        match self.enabled {
            true => &[],
            false => &self.profiles,
        }
    }

    /// Whether it may run while the other one does: a service of a profile that is off only where it
    /// has containers, or where a profile that starts the other one starts it too. While the other one
    /// is on, Compose starts nothing that is off with it, whatever profiles they share.
    pub fn may_run_beside(&self, other: &Self) -> bool {
        let has_profile = |profile| other.profiles.contains(profile);
        let comes_with = || !other.enabled && self.profiles.iter().any(has_profile);
        self.enabled || self.present || comes_with()
    }

    /// Whether the file gives it a health check.
    pub fn has_health_check(&self) -> bool {
        self.health_check(None).is_some()
    }

    /// Whether the files know no port that somebody could ask.
    pub fn has_no_port(&self) -> bool {
        self.ports.is_empty()
            && self.expose.is_empty()
            && !self.labels.keys().any(|key| key.ends_with(".server.port"))
    }

    /// The paths of the machine's devices that it uses.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(Device::source)
    }

    /// Whether it asks for a GPU, in any of the ways of asking for one.
    pub fn wants_gpu(&self) -> bool {
        let reserved = self.deploy.resources.reservations.as_ref();
        !self.gpus.is_empty()
            || reserved.is_some_and(|reserved| !reserved.devices.is_empty())
            || self.runtime.as_deref() == Some("nvidia")
    }

    pub fn disables_health_check(&self) -> bool {
        self.healthcheck.as_ref().is_some_and(|check| check.disable)
    }

    /// The number of containers that the files ask for.
    pub fn replicas(&self) -> u32 {
        self.scale.or(self.deploy.replicas).unwrap_or(1)
    }

    /// `global`, `replicated-job` …: `None` if it is the plain `replicated`.
    pub fn special_mode(&self) -> Option<&str> {
        let mode = self.deploy.mode.as_deref()?;
        (mode != "replicated" && !mode.is_empty()).then_some(mode)
    }

    /// The addresses that only one container can have.
    pub fn fixed_addresses(&self) -> Vec<&str> {
        let networks = self.networks.values().flatten();
        networks
            .flat_map(|network| {
                [
                    &network.ipv4_address,
                    &network.ipv6_address,
                    &network.mac_address,
                ]
            })
            .chain([&self.mac_address])
            .filter_map(|address| address.as_deref())
            .filter(|address| !address.is_empty())
            .collect()
    }

    pub fn mounts(&self) -> Vec<Volume> {
        self.volumes
            .iter()
            .map(|volume| Volume {
                kind: volume.kind.clone(),
                source: volume.source.clone(),
                target: volume.target.clone(),
                read_only: volume.read_only,
            })
            .collect()
    }
}

impl Device {
    /// Its path on the machine.
    fn source(&self) -> &str {
        match self {
            Self::Named { source } => source,
            Self::Text(text) => text.split(':').next().unwrap_or(text),
        }
    }
}

impl Build {
    pub fn folder_of_dockerfile(&self) -> PathBuf {
        let file = self.context.join(&self.dockerfile);
        file.parent().unwrap_or(&self.context).to_owned()
    }
}

const fn yes() -> bool {
    true
}
