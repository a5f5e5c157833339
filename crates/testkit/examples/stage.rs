//! `stage sample` starts a project like the sample, `stage load N 0` one of N replicas for a load
//! (`stage load N 1`: that ignore SIGTERM; `stage load N 0 THROTTLE`: behind a Traefik that takes in
//! changes that often), `stage services N RUNNING` creates one of N services, so many of which
//! run, and `stage services N RUNNING traefik` the same with a route to each. Prints where it is, as JSON, and removes it when its input ends.

#![expect(clippy::print_stdout, reason = "where it is, is its output")]

use std::{env, fmt::Write, io, process::ExitCode, time::Duration};

use serde_json::json;
use teal_testkit::{HealthCheck, Project, Template};

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    // Ctrl-C is for who asked for the project, whose end closes our input.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let project = match words[..] {
        ["sample"] => Project::up(sample()).await,
        ["load", count, ignores @ ("0" | "1")] if count.parse::<u32>().is_ok() => {
            Project::up(loaded(count).environment("IGNORE_SIGTERM", ignores)).await
        }
        ["load", count, ignores @ ("0" | "1"), throttle] if count.parse::<u32>().is_ok() => {
            let throttle = format!("--providers.providersThrottleDuration={throttle}");
            let template = loaded(count).environment("IGNORE_SIGTERM", ignores);
            Project::up(template.traefik_argument(&throttle)).await
        }
        ["services", count, running] => match (count.parse(), running.parse()) {
            (Ok(count), Ok(running)) => services(count, running, false).await,
            _ => return Ok(usage()),
        },
        ["services", count, running, "traefik"] => match (count.parse(), running.parse()) {
            (Ok(count), Ok(running)) => services(count, running, true).await,
            _ => return Ok(usage()),
        },
        _ => return Ok(usage()),
    };
    println!(
        "{}",
        json!({
            "project": project.name(),
            "file": project.compose_file(),
            "url": project.url("/"),
        })
    );
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    Ok(ExitCode::SUCCESS)
}

fn usage() -> ExitCode {
    println!(
        "usage: stage sample, stage load N 0|1 [THROTTLE], or stage services N RUNNING [traefik]"
    );
    ExitCode::FAILURE
}

/// What samples/compose.yaml says of `hello`.
fn sample() -> Template {
    Template::named("stage")
        .default_throttle()
        .environment("START_DELAY_MS", "3000")
        .health_check(HealthCheck {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            retries: 3,
            start_period: Duration::from_secs(10),
        })
}

/// Healthy two seconds after its start.
fn loaded(replicas: &str) -> Template {
    Template::named("load")
        .default_throttle()
        .replicas(replicas.parse().expect("checked before"))
        .environment("START_DELAY_MS", "1000")
        .health_check(HealthCheck {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            retries: 3,
            start_period: Duration::from_secs(10),
        })
}

/// The first of them is the template's own.
async fn services(count: u32, running: u32, are_routed: bool) -> Project {
    let template = Template::named("services");
    let mut project = Project::new(match are_routed {
        true => template,
        false => template.no_traefik(),
    })
    .await;
    let image = project.image().to_owned();
    let mut text = String::new();
    for number in 2..=count {
        write!(
            text,
            "{}:\n  image: {image}\n  pull_policy: never\n  cpus: 0.5\n  mem_limit: 64M\n",
            name(number)
        )
        .expect("a string takes any text");
        if are_routed {
            text.push_str(&route(&name(number), project.name()));
        }
    }
    project.change(|template| template.more_services(&text));
    project.compose(&["create"]).await;
    if running > 0 {
        let mut names: Vec<_> = (1..=running).map(name).collect();
        names.extend(are_routed.then(|| "traefik".to_owned()));
        let names = names.iter().map(String::as_str);
        let start: Vec<_> = ["start"].into_iter().chain(names).collect();
        project.compose(&start).await;
    }
    project
}

/// Labels that lead a path of its own to a service, by the Traefik of this project.
fn route(name: &str, project: &str) -> String {
    format!(
        "  labels:\n    teal.testkit: {project}\n    traefik.enable: \"true\"\n    \
         traefik.http.routers.{name}.rule: PathPrefix(`/{name}`)\n    \
         traefik.http.services.{name}.loadbalancer.server.port: \"8080\"\n"
    )
}

fn name(number: u32) -> String {
    match number {
        1 => "hello".to_owned(),
        _ => format!("hello-{number}"),
    }
}
