//! Services of all kinds with the verdict that an expert gives each, written down before Teal gave
//! its own: the yardstick of readiness. `docs/verdicts.md` is made here, and has to be current.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use serde::Deserialize;

use super::{
    Facts, Found,
    published::{WRITE, engine, running},
    verdicts,
};
use teal_compose::{Compose, ComposeModel, Files, working_directory};
use teal_model::{
    HealthCheck, HostPort, Level, ProjectSource, Readiness, Replica, RolloutOptions, Route,
    Verdict, VerdictCode,
};

const FILES: [(&str, &str); 9] = [
    ("shared", include_str!("corpus/shared.yaml")),
    ("uploads", include_str!("corpus/uploads.yaml")),
    ("files", include_str!("corpus/files.yaml")),
    ("stateful", include_str!("corpus/stateful.yaml")),
    ("duties", include_str!("corpus/duties.yaml")),
    ("jobs", include_str!("corpus/jobs.yaml")),
    ("devices", include_str!("corpus/devices.yaml")),
    ("workers", include_str!("corpus/workers.yaml")),
    ("ways", include_str!("corpus/ways.yaml")),
];

/// A file of the corpus, as far as Compose does not read it.
#[derive(Debug, Deserialize)]
struct Shapes {
    services: BTreeMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
struct Shape {
    #[serde(rename = "x-expert")]
    expert: Expert,
    #[serde(rename = "x-image", default)]
    image: Image,
}

/// What an expert says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expert {
    verdict: Opinion,
    /// Of the field's causes of a wrong verdict, the one that this shape is about.
    cause: String,
    /// What decides.
    code: Option<VerdictCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Opinion {
    Ready,
    Fix,
    Force,
    No,
}

/// What an engine would tell of the image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Image {
    health: bool,
    volumes: Vec<String>,
    ports: Vec<u16>,
}

/// A shape, judged by both.
pub(super) struct Judged {
    file: &'static str,
    name: String,
    expert: Expert,
    verdicts: Vec<Verdict>,
}

/// Each shape as a running service of a project that the real Compose has read.
pub(super) async fn judged() -> Vec<Judged> {
    let compose = Compose::find().await.expect("these tests need Compose");
    let mut all = Vec::new();
    for (file, text) in FILES {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("compose.yaml"), text).unwrap();
        let source = ProjectSource {
            files: vec![folder.path().to_owned()],
            ..ProjectSource::default()
        };
        let Files { source, model } = compose.read(&source).await.unwrap();
        let directory = working_directory(&source);
        let shapes: Shapes = yaml_serde::from_str(text).unwrap();
        assert_eq!(shapes.services.len(), model.services.len(), "{file}");
        for (name, shape) in shapes.services {
            let verdicts = shape.image.judge(&name, &model, &directory);
            all.push(Judged {
                file,
                name,
                expert: shape.expert,
                verdicts,
            });
        }
    }
    all
}

impl Image {
    fn judge(&self, name: &str, model: &ComposeModel, directory: &Path) -> Vec<Verdict> {
        let service = &model.services[name];
        let check = HealthCheck {
            test: vec!["CMD".into(), "true".into()],
            interval_ms: 5_000,
            timeout_ms: 2_000,
            start_period_ms: 0,
            start_interval_ms: None,
            retries: 3,
        };
        let replicas: Vec<Replica> = (0..service.replicas()).map(|_| running()).collect();
        let routes = service.labels.iter().filter_map(|(label, rule)| {
            let (router, key) = label
                .strip_prefix("traefik.http.routers.")?
                .split_once('.')?;
            (key == "rule").then(|| Route {
                router: router.to_owned(),
                rule: rule.clone(),
                entry_points: Vec::new(),
                tls: false,
                url: None,
            })
        });
        let published = service.ports.iter().filter_map(|port| {
            Some(HostPort {
                host_ip: port.host_ip.clone(),
                published: port.host_ports()?.0,
                target: port.target,
                protocol: port.protocol.clone(),
            })
        });
        verdicts(&Facts {
            name,
            model,
            service,
            directory,
            found: Some(Found {
                replicas: &replicas,
                image_health: self.health.then_some(&check),
                image_volumes: &self.volumes,
                routes: &routes.collect::<Vec<_>>(),
                published: &published.collect::<Vec<_>>(),
                is_traefik: false,
                ports: &self.ports,
            }),
            options: &RolloutOptions::default(),
            engine: &engine(),
            wish: None,
        })
    }
}

impl Opinion {
    /// What verdicts come to. What can't run twice is told from what should not.
    fn of(verdicts: &[Verdict]) -> Self {
        let is_final = |verdict: &Verdict| {
            (verdict.level, verdict.readiness) == (Level::Refused, Readiness::NotForBlueGreen)
        };
        match Readiness::of(verdicts) {
            Readiness::Ready => Self::Ready,
            Readiness::ReadyAfterFix => Self::Fix,
            Readiness::NotForBlueGreen if verdicts.iter().any(is_final) => Self::No,
            Readiness::NotForBlueGreen => Self::Force,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Fix => "after a fix",
            Self::Force => "force",
            Self::No => "no",
        }
    }

    /// Whether people are told to roll it out.
    fn offers(self) -> bool {
        matches!(self, Self::Ready | Self::Fix)
    }
}

impl Judged {
    fn opinion(&self) -> Opinion {
        Opinion::of(&self.verdicts)
    }

    /// What of the verdicts decides.
    fn deciding(&self) -> Option<&Verdict> {
        let readiness = Readiness::of(&self.verdicts);
        self.verdicts
            .iter()
            .find(|verdict| verdict.level > Level::Warning && verdict.readiness == readiness)
    }

    /// Whether Teal says the same, for the same reason.
    fn is_right(&self) -> bool {
        self.opinion() == self.expert.verdict
            && self.deciding().map(|verdict| verdict.code) == self.expert.code
    }

    /// Whether Teal offers what is to be left alone.
    fn is_wrongly_offered(&self) -> bool {
        self.opinion().offers() && !self.expert.verdict.offers()
    }

    fn row(&self) -> String {
        let reason = match (self.deciding(), self.verdicts.first()) {
            (Some(verdict), _) => verdict.reason.clone(),
            (None, Some(warning)) => format!("({})", warning.reason),
            (None, None) => "–".to_owned(),
        };
        let mark = if self.is_right() { "" } else { " **≠**" };
        format!(
            "| {} | {} | {} | {} | {}{mark} | {} |",
            self.file,
            self.name,
            self.expert.cause,
            self.expert.verdict.word(),
            self.opinion().word(),
            reason.replace('|', "\\|")
        )
    }
}

/// What the corpus comes to.
pub(super) struct Figures {
    shapes: usize,
    right: usize,
    wrongly_offered: usize,
    wrongly_kept: usize,
    offered: usize,
    kept: usize,
    causes: usize,
}

impl Figures {
    pub(super) fn of(judged: &[Judged]) -> Self {
        let count = |wanted: &dyn Fn(&Judged) -> bool| {
            judged.iter().filter(|judged| wanted(judged)).count()
        };
        Self {
            shapes: judged.len(),
            right: count(&Judged::is_right),
            wrongly_offered: count(&Judged::is_wrongly_offered),
            wrongly_kept: count(&|judged| {
                judged.expert.verdict.offers() && !judged.opinion().offers()
            }),
            offered: count(&|judged| judged.expert.verdict.offers()),
            kept: count(&|judged| !judged.expert.verdict.offers()),
            causes: by_cause(judged).len(),
        }
    }

    /// As a paragraph of the docs.
    pub(super) fn told(&self) -> String {
        let count = |services: usize| match services {
            0 => "none".to_owned(),
            services => services.to_string(),
        };
        format!(
            "Of {} shapes of {} causes Teal says what an expert says of {}, for the same reason. Of the {} that an expert would roll\n\
             it refuses {}, and of the {} to leave alone it offers {}.\n",
            self.shapes,
            self.causes,
            self.right,
            self.offered,
            count(self.wrongly_kept),
            self.kept,
            count(self.wrongly_offered),
        )
    }
}

fn by_cause(judged: &[Judged]) -> BTreeMap<&str, Vec<Opinion>> {
    let mut causes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for judged in judged {
        let opinions = causes.entry(judged.expert.cause.as_str()).or_default();
        opinions.push(judged.expert.verdict);
    }
    causes
}

fn document(judged: &[Judged]) -> String {
    let mut text = format!(
        "# Verdicts beside an expert's\n\n\
         Shapes of services, rebuilt in our own words from what misled Teal in published projects, each with the verdict that an expert\n\
         gives. An expert's was written down first; the files are in `crates/readiness/src/corpus`. Compose reads them, and Teal\n\
         judges each service as one that runs.\n\n\
         - *ready*: it can be rolled out as it is.\n\
         - *after a fix*: once a check, a name or a port is seen to, mostly by Teal itself.\n\
         - *force*: two of it could run, and should not, because data or a duty is at stake; `--force` is for who knows better.\n\
         - *no*: two of it can't run.\n\n\
         {}\n\
         What Teal knows and what the corpus asks come from the same causes: it shows that nothing known is lost again, not how well a\n\
         project is judged that nobody has looked at.\n\n\
         A test makes this table and fails below 97 %, or where anything is offered that should be left alone:\n\
         `TEAL_WRITE_DOCS=1 cargo test -p teal-readiness --lib corpus`. The last column is what decides, or a warning in brackets.\n\n\
         | file | service | about | expert | Teal | Teal's reason |\n| --- | --- | --- | --- | --- | --- |\n",
        Figures::of(judged).told(),
    );
    for judged in judged {
        writeln!(text, "{}", judged.row()).unwrap();
    }
    text
}

#[tokio::test]
async fn the_corpus_gets_the_experts_verdicts() {
    let judged = judged().await;
    let wrong: Vec<_> = judged.iter().filter(|judged| !judged.is_right()).collect();
    let told: Vec<_> = wrong.iter().map(|judged| judged.row()).collect();
    let told = told.join("\n");
    assert!(judged.len() >= 120, "{}", judged.len());
    assert!(100 * wrong.len() <= 3 * judged.len(), "{told}");
    assert!(!judged.iter().any(Judged::is_wrongly_offered), "{told}");
}

#[tokio::test]
async fn every_cause_stands_in_the_corpus_three_times_each_way() {
    for (cause, opinions) in by_cause(&judged().await) {
        let offered = opinions.iter().filter(|opinion| opinion.offers()).count();
        let in_the_way = opinions.iter().filter(|it| **it != Opinion::Ready).count();
        assert!(offered >= 3 && in_the_way >= 3, "{cause}: {opinions:?}");
    }
}

#[tokio::test]
async fn the_table_of_the_corpus_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verdicts.md");
    let text = document(&judged().await);
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "run the test once with {WRITE}=1");
}
