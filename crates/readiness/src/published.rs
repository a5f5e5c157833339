//! The published projects of docker/awesome-compose, judged by their shapes alone: the table in
//! `docs/readiness.md` is made here, and has to be current.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Facts, Found, corpus, verdicts};
use teal_compose::ComposeModel;
use teal_model::{
    ContainerState, EngineInfo, Fix, Health, Level, Limits, Readiness, Replica, RolloutOptions,
    Verdict, VerdictCode,
};

/// Writes the table instead of comparing it.
pub(super) const WRITE: &str = "TEAL_WRITE_DOCS";

/// What of a service its readiness depends on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Shape {
    image: Option<String>,
    /// The folder of its build.
    built: Option<String>,
    /// Whether the container's name is fixed.
    named: bool,
    /// Whether a network gives it a fixed address.
    address: bool,
    network: Option<String>,
    /// `published:target/protocol`
    ports: Vec<String>,
    /// `kind source target ro`
    mounts: Vec<String>,
    /// Where its image keeps files, as far as its maker says so.
    keeps: Vec<String>,
    /// Whether the file gives it a health check.
    health: bool,
    /// Whether it has Traefik labels.
    routed: bool,
    needs: Vec<String>,
}

type Projects = BTreeMap<String, BTreeMap<String, Shape>>;

/// A service of a project, judged.
struct Judged {
    project: String,
    service: String,
    verdicts: Vec<Verdict>,
}

fn projects() -> Projects {
    yaml_serde::from_str(include_str!("published/projects.yaml")).unwrap()
}

/// An engine like any.
pub(super) fn engine() -> EngineInfo {
    EngineInfo {
        id: String::new(),
        name: String::new(),
        version: String::new(),
        api_version: String::new(),
        compose_version: String::new(),
        cpus: 4,
        memory: "8g".parse().unwrap(),
        no_cpu_limits: None,
        no_memory_limits: None,
    }
}

fn judged() -> Vec<Judged> {
    let engine = engine();
    let mut all = Vec::new();
    for (project, shapes) in projects() {
        let directory = format!("/srv/{project}");
        let services: serde_json::Map<_, _> = shapes
            .iter()
            .map(|(name, shape)| (name.clone(), shape.service(name, &directory)))
            .collect();
        let model = json!({"name": project, "services": services});
        let model: ComposeModel = serde_json::from_value(model).unwrap();
        for (name, service) in &model.services {
            let found = Found {
                replicas: &[running()],
                image_health: None,
                image_volumes: &shapes[name].keeps,
                routes: &[],
                is_traefik: false,
                ports: &[],
                published: &[],
            };
            let verdicts = verdicts(&Facts {
                name,
                model: &model,
                service,
                directory: Path::new(&directory),
                found: (!shapes[name].keeps.is_empty()).then_some(found),
                options: &RolloutOptions::default(),
                engine: &engine,
                wish: None,
            });
            all.push(Judged {
                project: project.clone(),
                service: name.clone(),
                verdicts,
            });
        }
    }
    all
}

/// A container of a service whose image is known.
pub(super) fn running() -> Replica {
    Replica {
        id: "1".into(),
        name: String::new(),
        number: 1,
        state: ContainerState::Running,
        exit_code: None,
        health: Health::None,
        limits: Limits::default(),
        started_at: None,
        image_id: String::new(),
        rollout: None,
    }
}

impl Shape {
    /// As Compose's model has it.
    fn service(&self, name: &str, directory: &str) -> Value {
        let inside = |path: &str| match path.strip_prefix('.') {
            Some(rest) => format!("{directory}/{}", rest.trim_start_matches('/'))
                .trim_end_matches('/')
                .to_owned(),
            None => path.to_owned(),
        };
        let ports = self.ports.iter().map(|port| {
            let (port, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            let (published, target) = port.split_once(':').unwrap();
            let target: u16 = target.parse().unwrap();
            json!({"target": target, "published": published, "protocol": protocol})
        });
        let mounts = self.mounts.iter().map(|mount| {
            let words: Vec<_> = mount.split(' ').collect();
            let read_only = words.get(3) == Some(&"ro");
            match words[0] {
                "own" => json!({"type": "volume", "target": words[2]}),
                kind => json!({"type": kind, "source": inside(words[1]), "target": words[2], "read_only": read_only}),
            }
        });
        let needs = self
            .needs
            .iter()
            .map(|other| (other.clone(), json!({"condition": "service_started"})));
        let mut service = json!({
            "image": self.image,
            "network_mode": self.network,
            "container_name": self.named.then_some(name),
            "ports": ports.collect::<Vec<_>>(),
            "volumes": mounts.collect::<Vec<_>>(),
            "depends_on": needs.collect::<serde_json::Map<_, _>>(),
        });
        if let Some(folder) = &self.built {
            let folder = folder.trim_start_matches("./");
            service["build"] =
                json!({"context": inside(&format!("./{}", folder.trim_start_matches('.')))});
        }
        if self.address {
            service["networks"] = json!({"own": {"ipv4_address": "10.0.0.2"}});
        }
        if self.health {
            service["healthcheck"] =
                json!({"test": ["CMD", "true"], "interval": "10s", "timeout": "5s"});
        }
        if self.routed {
            service["labels"] = json!({"traefik.enable": "true"});
        }
        service
    }
}

impl Judged {
    fn readiness(&self) -> Readiness {
        Readiness::of(&self.verdicts)
    }

    /// Whether it keeps no data of its own.
    fn is_stateless(&self) -> bool {
        !self.verdicts.iter().any(|verdict| {
            verdict.code == VerdictCode::Stateful
                || verdict.code == VerdictCode::SharedVolume && verdict.level > Level::Warning
        })
    }

    fn row(&self) -> String {
        let word = match self.readiness() {
            Readiness::Ready => "ready",
            Readiness::ReadyAfterFix => "needs changes",
            Readiness::NotForBlueGreen => "blue/green not supported",
        };
        let mut in_the_way = Vec::new();
        let mut fixes = Vec::new();
        let readiness = self.readiness();
        for verdict in &self.verdicts {
            // What stays in the way decides; the rest is not worth a fix then.
            if verdict.level == Level::Warning || verdict.readiness != readiness {
                continue;
            }
            in_the_way.push(verdict.reason.clone());
            match (&verdict.fix, verdict.readiness) {
                (Some(fix), _) => fixes.push(name(fix).to_owned()),
                (None, Readiness::ReadyAfterFix) => {
                    fixes.push(format!("by hand: {}", verdict.remedy));
                }
                (None, _) => {}
            }
        }
        if readiness == Readiness::NotForBlueGreen {
            fixes = vec!["none: `teal update` changes limits live".into()];
        }
        let cell = |words: Vec<String>| match words.is_empty() {
            true => "–".to_owned(),
            false => words.join("; ").replace('|', "\\|"),
        };
        format!(
            "| {} | {} | {word} | {} | {} |",
            self.project,
            self.service,
            cell(in_the_way),
            cell(fixes)
        )
    }
}

fn name(fix: &Fix) -> &'static str {
    match fix {
        Fix::AddHealthCheck => "add a health check",
        Fix::RemoveContainerName { .. } => "remove the name, keep it as an alias",
        Fix::UseEdge { .. } => "put the edge before it",
    }
}

fn document(corpus: &str) -> String {
    let judged = judged();
    let count = |wanted| {
        let each = judged.iter().map(Judged::readiness);
        each.filter(|readiness| *readiness == wanted).count()
    };
    let stateless: Vec<_> = judged
        .iter()
        .filter(|judged| judged.is_stateless())
        .collect();
    let mut text = format!(
        "# Readiness of published projects\n\n\
         What Teal says of each service of the {} projects in [docker/awesome-compose](https://github.com/docker/awesome-compose), judged by\n\
         the shape of its file: image, build, ports, mounts, health check, name, network. On an engine more is known, such as a\n\
         health check that the image brings; `teal doctor` says it.\n\n\
         Real projects are harder than these examples. Of 917 services in 174 published projects that were looked at, an expert would roll\n\
         334 and leave 583 alone, most of them databases, brokers and caches. What misleads a tool there: volumes that the files themselves\n\
         give to several services (77 services), uploads beside a database (17), programs under names that nobody knows (22), agents of\n\
         the host (16), schedulers and other singletons (15), jobs and tools (13), and workers that listen on no port. Nearly two of three\n\
         health checks are by Docker's own times, which may take 180 s to decide. Each of these causes stands in\n\
         [a corpus of shapes](verdicts.md) in both directions, beside its look-alikes. The rules come from the same causes: the corpus shows\n\
         that nothing known is lost again, not how well a project is judged that nobody has looked at.\n\n\
         {corpus}\n\
         Of {} services {} are ready, {} need changes, and {} are not supported. Of the {} that keep no data of their own,\n\
         {} are ready or need changes.\n\n\
         A test makes the table below: `TEAL_WRITE_DOCS=1 cargo test -p teal-readiness --lib published`.\n\n\
         | project | service | verdict | in the way | fix |\n| --- | --- | --- | --- | --- |\n",
        projects().len(),
        judged.len(),
        count(Readiness::Ready),
        count(Readiness::ReadyAfterFix),
        count(Readiness::NotForBlueGreen),
        stateless.len(),
        stateless
            .iter()
            .filter(|judged| judged.readiness() != Readiness::NotForBlueGreen)
            .count(),
    );
    for service in &judged {
        writeln!(text, "{}", service.row()).unwrap();
    }
    text
}

#[test]
fn nine_of_ten_stateless_services_can_be_made_ready() {
    let judged = judged();
    assert_eq!(projects().len(), 39);
    let stateless: Vec<_> = judged
        .iter()
        .filter(|judged| judged.is_stateless())
        .collect();
    let not: Vec<_> = stateless
        .iter()
        .filter(|judged| judged.readiness() == Readiness::NotForBlueGreen)
        .map(|judged| format!("{}/{}", judged.project, judged.service))
        .collect();
    assert!(stateless.len() >= 40, "{}", stateless.len());
    assert!(
        10 * not.len() <= stateless.len(),
        "{not:?} of {}",
        stateless.len()
    );
}

#[test]
fn every_database_is_known_as_one() {
    for judged in judged() {
        let is_database = [
            "db",
            "mongo",
            "postgres",
            "redis",
            "elasticsearch",
            "redpanda",
        ]
        .contains(&judged.service.as_str());
        if is_database {
            let name = format!("{}/{}", judged.project, judged.service);
            assert_eq!(judged.readiness(), Readiness::NotForBlueGreen, "{name}");
        }
    }
}

#[tokio::test]
async fn the_table_in_the_docs_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/readiness.md");
    let corpus = corpus::Figures::of(&corpus::judged().await);
    let text = document(&corpus.told());
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == text, "run the test once with {WRITE}=1");
}
