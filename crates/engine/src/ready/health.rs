//! A health check for a service that has none: by what its image has, tried on a container that
//! runs before it is proposed.

use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ExecConfig};

use super::{Remedy, Subject, cannot};
use teal_compose::{Edit, Node, label_edit};
use teal_docker::{self as docker, ExecEnd, teal_label};
use teal_model::{Fix, FixChange, HealthProposal, HealthTest, Result, Verdict};
use teal_traffic::{self as traffic, Said};

/// Where services tell their health, the most telling first; `/` serves nearly everywhere.
const PATHS: [&str; 6] = ["/healthz", "/health", "/ready", "/ping", "/api/health", "/"];

/// The longest that one try may take.
const TRY: Duration = Duration::from_secs(10);

/// The exit codes of a command that the engine could not start.
const NOT_STARTED: [i64; 2] = [126, 127];

/// What asks over HTTP in an image, if it is there, and how: the last word is the address.
const TOOLS: [&[&str]; 2] = [
    &["wget", "-q", "-O", "/dev/null"],
    &["curl", "-fsS", "-o", "/dev/null"],
];

/// The check that somebody asks for, or the first that passes. `None` if there is no container to
/// try one on, or no port to ask.
pub(super) async fn propose(subject: &Subject<'_>) -> Result<Option<HealthProposal>> {
    let wished = subject.request.health.clone();
    let Some(container) = subject.running() else {
        return match wished {
            Some(_) => Err(cannot(
                format!(
                    "the health check can't be tried: no container of `{}` runs",
                    subject.request.service
                ),
                format!(
                    "start it with `docker compose up -d {}`",
                    subject.request.service
                ),
            )),
            None => Ok(None),
        };
    };
    if let Some(test) = wished {
        return attempt(subject, container, test).await.map(Some);
    }
    let ports = ports(subject, container);
    let tools = tools(subject, container).await?;
    for port in &ports {
        for path in paths(container) {
            let by_teal = HealthTest::Teal {
                port: *port,
                path: Some(path.clone()),
            };
            // Asked from beside it, which needs nothing of the image and tells what would pass.
            let asked = attempt(subject, container, by_teal).await?;
            if !asked.passed {
                continue;
            }
            for tool in &tools {
                let words = ["CMD"].iter().chain(*tool).map(ToString::to_string);
                let address = format!("http://127.0.0.1:{port}{path}");
                let test = HealthTest::Command {
                    test: words.chain([address]).collect(),
                };
                let tried = attempt(subject, container, test).await?;
                if tried.passed {
                    return Ok(Some(tried));
                }
            }
            return Ok(Some(asked));
        }
    }
    // Nothing answers in HTTP: whether it accepts connections.
    let mut last = None;
    for port in ports {
        let tried = attempt(subject, container, HealthTest::Teal { port, path: None }).await?;
        if tried.passed {
            return Ok(Some(tried));
        }
        last = Some(tried);
    }
    Ok(last)
}

/// What adds the check to the service.
pub(super) fn remedy(subject: &Subject, verdict: &Verdict, test: &HealthTest) -> Remedy {
    let (edits, change, note) = match test {
        HealthTest::Command { test } => (
            vec![Edit::set(
                &subject.path(&["healthcheck"]),
                check(test, subject),
            )],
            format!("the engine asks it every 5 s: `{}`", test[1..].join(" ")),
            None,
        ),
        HealthTest::Teal { .. } => {
            let label = test.label().unwrap_or_default();
            (
                vec![label_edit(&subject.request.service, teal_label::HEALTH, &escaped(&label))],
                format!("Teal asks it from within its network during a rollout: `{label}`"),
                Some("its image has neither wget nor curl that could ask it, so the engine itself shows no health".to_owned()),
            )
        }
    };
    Remedy {
        edits,
        change: FixChange {
            fix: Fix::AddHealthCheck,
            reason: verdict.reason.clone(),
            change,
            note,
        },
        baseline: None,
        pulls: None,
    }
}

/// The check as Compose writes it. A container has 30 s to start, and turns healthy with the first
/// good answer.
fn check(test: &[String], subject: &Subject) -> Node {
    let test: Vec<_> = test.iter().map(|word| escaped(word)).collect();
    let time = |time: &str| Node::Text(time.to_owned());
    let mut entries = vec![
        ("test", Node::list(&test)),
        ("interval", time("5s")),
        ("timeout", time("5s")),
        ("retries", Node::Yaml("3".to_owned())),
        ("start_period", time("30s")),
    ];
    if subject.service.disables_health_check() {
        entries.push(("disable", Node::Yaml("false".to_owned())));
    }
    let entries = entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    Node::Map(entries.collect())
}

/// As Compose takes it literally: it replaces variables everywhere.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

/// Tries a check on the container.
async fn attempt(
    subject: &Subject<'_>,
    container: &ContainerInspectResponse,
    test: HealthTest,
) -> Result<HealthProposal> {
    let id = container.id.as_deref().unwrap_or_default();
    let docker = subject.planner.docker;
    let said = match &test {
        HealthTest::Command { test } => said(docker::exec(docker, id, words(test)?, TRY).await?),
        HealthTest::Teal { port, path } => {
            traffic::ask_within(docker, id, *port, path.as_deref()).await?
        }
    };
    Ok(HealthProposal {
        test,
        passed: said.success,
        output: said.output,
        container: docker::replica(container).name,
    })
}

/// What the engine runs for a check.
fn words(test: &[String]) -> Result<ExecConfig> {
    match test {
        [kind, words @ ..] if kind == "CMD" && !words.is_empty() => {
            Ok(command(words.iter().map(String::as_str)))
        }
        [kind, script] if kind == "CMD-SHELL" => Ok(command(["/bin/sh", "-c", script])),
        _ => Err(cannot(
            format!("`{}` is not a health check", test.join(" ")),
            "begin with `CMD` and the words of a command, or with `CMD-SHELL` and one text for the shell",
        )),
    }
}

fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> ExecConfig {
    ExecConfig {
        cmd: Some(words.into_iter().map(str::to_owned).collect()),
        ..ExecConfig::default()
    }
}

fn said(end: ExecEnd) -> Said {
    let (success, output) = match end {
        ExecEnd::Done => (true, String::new()),
        ExecEnd::Failed { exit_code, output } if output.is_empty() => {
            (false, format!("it ended with exit code {exit_code}"))
        }
        ExecEnd::Failed { output, .. } => (false, output),
        ExecEnd::TimedOut { .. } => (false, format!("it did not end within {} s", TRY.as_secs())),
        ExecEnd::NoContainer => (false, "the container does not run".to_owned()),
    };
    Said { success, output }
}

/// Which of the tools the image has.
async fn tools(
    subject: &Subject<'_>,
    container: &ContainerInspectResponse,
) -> Result<Vec<&'static [&'static str]>> {
    let id = container.id.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for tool in TOOLS {
        let words = command([tool[0], "--help"]);
        let end = docker::exec(subject.planner.docker, id, words, TRY).await?;
        // Programs end `--help` in many ways; one that is not there ends in the engine's.
        let is_there = match end {
            ExecEnd::Done | ExecEnd::TimedOut { .. } => true,
            ExecEnd::Failed { exit_code, .. } => !NOT_STARTED.contains(&exit_code),
            ExecEnd::NoContainer => false,
        };
        if is_there {
            found.push(tool);
        }
    }
    Ok(found)
}

/// The ports that it may answer on, the most likely first: what Traefik is told, what is
/// published, what the image exposes.
fn ports(subject: &Subject, container: &ContainerInspectResponse) -> Vec<u16> {
    let labels = &subject.service.labels;
    let told = labels
        .iter()
        .filter(|(key, _)| key.ends_with(".loadbalancer.server.port"))
        .filter_map(|(_, port)| port.parse().ok());
    let published = subject.service.ports.iter();
    let published = published
        .filter(|port| port.protocol == "tcp")
        .map(|port| port.target);
    let exposed = container
        .config
        .as_ref()
        .and_then(|config| config.exposed_ports.as_ref());
    let exposed = exposed.into_iter().flatten().filter_map(|port| {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        (protocol == "tcp").then(|| number.parse().ok()).flatten()
    });
    let mut ports = Vec::new();
    for port in told.chain(published).chain(exposed) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// The paths to ask: Traefik's own for this service first.
fn paths(container: &ContainerInspectResponse) -> Vec<String> {
    let labels = container
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    let told = labels
        .into_iter()
        .flatten()
        .filter(|(key, path)| {
            key.ends_with(".loadbalancer.healthcheck.path") && path.starts_with('/')
        })
        .map(|(_, path)| path.clone());
    told.chain(PATHS.map(str::to_owned)).collect()
}
