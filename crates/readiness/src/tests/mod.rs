//! Each verdict from the facts that call for it, and none from those that only look like it.

mod container;
mod health;
mod image;
mod layer;
mod neighbours;
mod role;
mod running;
mod shapes;
mod state;
mod traffic;
mod wish;

use std::path::Path;

use serde_json::{Value, json};

use super::{Facts, Found, InUse, Wish, deadline, stateful, verdicts};
use teal_compose::ComposeModel;
use teal_model::{
    ContainerState, EngineInfo, Fix, Health, HealthCheck, HostPort, Level, Limits, Memory,
    Readiness, Replica, RolloutOptions, Route, Verdict, VerdictCode,
};

/// A service that is ready, and what a test changes about it.
struct Case {
    model: Value,
    replicas: Vec<Replica>,
    image_health: Option<HealthCheck>,
    image_volumes: Vec<String>,
    routes: Vec<Route>,
    is_traefik: bool,
    ports: Vec<u16>,
    api_version: &'static str,
    options: RolloutOptions,
    published: Vec<HostPort>,
    wish: Option<Wish>,
    /// Why the engine can't limit memory.
    no_memory_limits: Option<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            published: Vec::new(),
            model: json!({"name": "shop", "services": {"web": {
                "image": "example/web:1",
                "healthcheck": {"test": ["CMD", "true"], "interval": "5s", "timeout": "5s"},
            }}}),
            replicas: vec![replica(ContainerState::Running)],
            image_health: None,
            image_volumes: Vec::new(),
            is_traefik: false,
            ports: vec![8080],
            api_version: "1.41",
            options: RolloutOptions::default(),
            routes: vec![Route {
                router: "web".into(),
                rule: "Host(`shop.localhost`)".into(),
                entry_points: vec!["web".into()],
                tls: false,
                url: None,
            }],
            wish: None,
            no_memory_limits: None,
        }
    }
}

impl Case {
    fn with(key: &str, value: Value) -> Self {
        let mut case = Self::default();
        case.model["services"]["web"][key] = value;
        case
    }

    fn wishing(limits: Limits) -> Self {
        Self {
            wish: Some(Wish {
                limits,
                replicas: 1,
                in_use: None,
            }),
            ..Self::default()
        }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let model: ComposeModel = serde_json::from_value(self.model.clone()).unwrap();
        let engine = EngineInfo {
            id: "engine".into(),
            name: "here".into(),
            version: "20.10.24".into(),
            api_version: self.api_version.into(),
            compose_version: "5.6.1".into(),
            cpus: 2,
            memory: "2g".parse().unwrap(),
            no_cpu_limits: None,
            no_memory_limits: self.no_memory_limits.clone(),
        };
        verdicts(&Facts {
            name: "web",
            model: &model,
            service: &model.services["web"],
            directory: Path::new("/srv/shop"),
            found: Some(Found {
                replicas: &self.replicas,
                image_health: self.image_health.as_ref(),
                image_volumes: &self.image_volumes,
                routes: &self.routes,
                is_traefik: self.is_traefik,
                ports: &self.ports,
                published: &self.published,
            }),
            options: &self.options,
            engine: &engine,
            wish: self.wish,
        })
    }

    /// The one verdict that there is.
    fn only(&self) -> (Level, VerdictCode, String) {
        let verdicts = self.verdicts();
        let [verdict] = verdicts.as_slice() else {
            panic!("wanted one verdict: {verdicts:#?}");
        };
        assert!(!verdict.remedy.is_empty(), "{verdict:?}");
        (verdict.level, verdict.code, verdict.reason.clone())
    }

    fn is(&self, level: Level, code: VerdictCode) {
        let (found_level, found_code, reason) = self.only();
        assert_eq!((found_level, found_code), (level, code), "{reason}");
    }

    fn is_ready(&self) {
        assert_eq!(self.verdicts(), []);
    }
}

fn replica(state: ContainerState) -> Replica {
    Replica {
        id: "0123456789ab".into(),
        name: "shop-web-1".into(),
        number: 1,
        state,
        exit_code: None,
        health: Health::Healthy,
        limits: limits("1", "512M"),
        started_at: None,
        image_id: "sha256:0".into(),
        rollout: None,
    }
}

fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    }
}

fn memory(amount: &str) -> Limits {
    Limits {
        cpus: None,
        memory: Some(amount.parse().unwrap()),
    }
}

#[test]
fn a_plain_service_is_ready() {
    Case::default().is_ready();
    Case::wishing(limits("1.5", "768M")).is_ready();
}

#[test]
fn the_worst_comes_first() {
    let mut case = Case::with("container_name", json!("web"));
    case.model["services"]["web"]["image"] = json!("redis");
    case.model["services"]["web"]["labels"] = json!({"traefik.enable": "true"});
    case.routes.clear();
    let levels: Vec<_> = case
        .verdicts()
        .iter()
        .map(|verdict| verdict.level)
        .collect();
    assert_eq!(levels, [Level::Refused, Level::NeedsForce, Level::Warning]);
}
