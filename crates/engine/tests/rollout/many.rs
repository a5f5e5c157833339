//! Services of one project that are rolled out at the same time.

use std::{
    fmt::Write,
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use teal_engine::{
    Engine, OVERRIDE_FILE, Settings,
    event::Outcome,
    model::{Origin, RolloutRequest},
};
use teal_testkit::{Project, Report, RunningTraffic, Template, eventually};

use crate::stage::{Ended, change, engine, follow_within, quick};

/// Long enough that the checks of 40 containers leave something of the machine.
const HEALTH_INTERVAL: &str = "3s";
const MEMORY: i64 = 96 * 1024 * 1024;

fn service(number: usize) -> String {
    format!("service-{number}")
}

/// A project of so many services behind one Traefik, each with a host of its own.
async fn services(count: usize) -> Project {
    let mut project = Project::new(Template::named("many").default_throttle()).await;
    let (name, image) = (project.name().to_owned(), project.image().to_owned());
    let mut text = String::new();
    for service in (1..=count).map(service) {
        write!(
            text,
            "{service}:
  image: {image}
  pull_policy: never
  mem_limit: 64M
  healthcheck:
    test: [\"CMD\", \"/hello\", \"check\"]
    interval: {HEALTH_INTERVAL}
    timeout: 5s
    retries: 20
  labels:
    teal.testkit: {name}
    traefik.enable: \"true\"
    traefik.http.routers.{service}.rule: Host(`{service}.test`)
    traefik.http.routers.{service}.entrypoints: web
    traefik.http.services.{service}.loadbalancer.server.port: \"8080\"
"
        )
        .expect("a string takes any text");
    }
    project.change(|template| template.more_services(&text));
    project.compose(&["up", "--detach", "--wait"]).await;
    project
}

/// Requests to a service, from when Traefik has its route on.
async fn traffic(project: &Project, service: &str) -> RunningTraffic {
    let traffic = || project.traffic().host(&format!("{service}.test"));
    let long = Duration::from_secs(60);
    eventually("the service answers", long, async || {
        traffic().once().await.is_success().then_some(())
    })
    .await;
    traffic().every(Duration::from_millis(100)).start()
}

async fn roll_out(engine: &Engine, project: &Project, service: String) -> Ended {
    let mut options = quick();
    options.health_timeout_ms = Some(240_000);
    let request = RolloutRequest {
        source: project.source(),
        service,
        change: change(None, Some("96M")),
        options,
        origin: Origin::Terminal,
        to_revision: None,
        limits_from_file: false,
        recreate: false,
    };
    let rollout = engine.roll_out(request).await.expect("it starts");
    follow_within(Duration::from_secs(280), &rollout, |_| ()).await
}

/// All of them at once, each with requests all along, and from as many data directories as there are
/// engines, as several people have them.
#[expect(clippy::print_stdout, reason = "the figures of docs/at-once.md")]
async fn all_at_once(count: usize, engines: usize) {
    let project = services(count).await;
    let others: Vec<_> = (1..engines).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut connected = vec![engine(&project).await];
    for data in &others {
        let settings = Settings {
            data_directory: Some(data.path().to_owned()),
            ..Settings::default()
        };
        connected.push(Engine::connect(settings).await.unwrap());
    }
    let names: Vec<_> = (1..=count).map(service).collect();
    let mut running = Vec::new();
    for name in &names {
        running.push(traffic(&project, name).await);
    }
    let began = Instant::now();
    let pairs = names.iter().cloned().zip(connected.iter().cycle());
    let ended = join_all(pairs.map(|(name, engine)| roll_out(engine, &project, name))).await;
    let took = began.elapsed();
    let good = ended.iter().filter(|one| one.outcome == Outcome::Success);
    let good = good.count();
    let mut reports = Vec::new();
    for traffic in running {
        reports.push(traffic.stop().await);
    }
    let requests: usize = reports.iter().map(Report::total).sum();
    println!(
        "{good} of {count} rollouts at once ended DEPLOYED, {:.0} s, {requests} requests, {} failed",
        took.as_secs_f64(),
        reports.iter().flat_map(Report::failed).count(),
    );
    for (name, ended) in names.iter().zip(&ended) {
        assert_eq!(ended.outcome, Outcome::Success, "{name}: {}", ended.story());
    }
    for report in &reports {
        report.assert_none_failed();
    }
    let path = project.directory().join(OVERRIDE_FILE);
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches("96M").count(), count, "{text}");
    for name in &names {
        let containers = project.containers(name).await;
        let memory: Vec<_> = containers.iter().map(|one| one.memory).collect();
        assert_eq!(memory, [Some(MEMORY)], "{name}");
    }
    let left = project.all_containers().await;
    // Besides them there are Traefik and the template's own service.
    assert_eq!(left.len(), count + 2);
    let interrupted = connected[0].interrupted().await.unwrap();
    assert!(
        interrupted
            .iter()
            .all(|left| left.project != project.name())
    );
    assert!(requests > 10 * count, "{requests} requests");
}

#[tokio::test]
async fn services_are_rolled_out_side_by_side() {
    all_at_once(4, 2).await;
}

#[tokio::test]
#[ignore = "it takes minutes on two processors: docs/at-once.md has its command and figures"]
async fn twenty_services_are_rolled_out_at_once() {
    all_at_once(20, 2).await;
}
