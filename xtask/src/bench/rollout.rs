//! Rollouts of a project like the sample, phase by phase, while requests run against it.

use std::{collections::BTreeMap, fmt::Write, path::Path, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    child::{Ends, Running},
    plain, program,
    requests::{self, Requests},
    spread::{Spread, head},
    stage::{Stage, beside_traffic},
};
use crate::{
    process::{command, run_quietly},
    say,
};

pub(super) const RUNS: usize = 5;
/// CPUs and memory, in turns, so that each run changes something.
pub(super) const LIMITS: [(&str, &str); 2] = [("1.5", "768M"), ("1.0", "512M")];
pub(super) const PHASES: [(&str, &str); 6] = [
    ("preparation", "Preparation"),
    ("deployGreen", "Deploy Green"),
    ("healthCheck", "Health Check"),
    ("verifyTraffic", "Verify Traffic"),
    ("removeBlue", "Remove Blue"),
    ("verification", "Verification"),
];
const TOLD_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn rollout(scratch: &Path) -> Result<String> {
    say("starting a project like the sample");
    let stage = Stage::up(&["sample"])?;
    let mut phases: BTreeMap<String, Spread> = BTreeMap::new();
    let mut lag = Spread::default();
    let mut requests = Requests::default();
    for (number, limits) in (1..=RUNS).zip(LIMITS.iter().cycle()) {
        say(&format!("rollout {number} of {RUNS}"));
        let engine = HealthEvents::listen(&stage.project)?;
        let (events, traffic) = beside_traffic(&stage.url, || deploy(&stage, limits, scratch))?;
        for event in &events {
            match event["type"].as_str() {
                Some("phaseDone") => {
                    let phase = event["phase"].as_str().unwrap_or_default().to_owned();
                    phases
                        .entry(phase)
                        .or_default()
                        .add(millis(event, "tookMs")?);
                }
                Some("ended") => {
                    requests.add(millis(event, "elapsedMs")?, &traffic);
                }
                _ => {}
            }
        }
        lag.add(health_lag(&events, &engine)?);
    }
    stage.close()?;
    let plain = plain::plain()?;
    let mut text = format!("## A rollout, phase by phase\n\n{}", head("phase"));
    for (key, title) in PHASES {
        let times = phases
            .get(key)
            .with_context(|| format!("{title} was never done"))?;
        writeln!(text, "| {title} | {times} |")?;
    }
    writeln!(text, "| all of it | {} |", requests.took)?;
    text += "\n## How soon a healthy container is seen\n\n";
    writeln!(
        text,
        "{}| the engine's event until Teal's | {lag} |",
        head("")
    )?;
    text += "\n## The same change with and without Teal\n\n\
        A request each 20 ms through Traefik, each on a new connection, from 2 s before the change \
        until 5 s after it.\n`hello` is healthy 3 s after its start, as in the sample.\n\n";
    text += &requests::compare(
        ("`teal deploy`", &requests),
        ("`docker compose up --wait`", &plain),
    )?;
    Ok(text)
}

/// The events of one rollout.
fn deploy(stage: &Stage, limits: &(&str, &str), scratch: &Path) -> Result<Vec<Value>> {
    let mut deploy = program("teal", scratch);
    deploy.args(["deploy", "hello", "--json"]);
    deploy.args(["--cpus", limits.0, "--memory", limits.1, "--file"]);
    let printed = run_quietly(deploy.arg(&stage.file))?;
    let events: Result<Vec<Value>, _> = printed.lines().map(serde_json::from_str).collect();
    Ok(events?)
}

pub(super) fn millis(event: &Value, key: &str) -> Result<i64> {
    event[key]
        .as_i64()
        .with_context(|| format!("an event without `{key}`"))
}

/// The milliseconds from the engine's event to Teal's, about the same container.
fn health_lag(events: &[Value], engine: &HealthEvents) -> Result<i64> {
    let healthy = events
        .iter()
        .find(|event| event["type"] == "healthPoll" && event["health"] == "healthy")
        .context("no container was seen to be healthy")?;
    let container = healthy["container"].as_str().unwrap_or_default().to_owned();
    let seen: Timestamp = healthy["at"].as_str().unwrap_or_default().parse()?;
    let told = engine.healthy(std::slice::from_ref(&container))?;
    Ok(i64::try_from(
        seen.duration_since(told[&container]).as_millis(),
    )?)
}

/// What the engine says of the health of a project's containers.
pub(super) struct HealthEvents(Running);

impl HealthEvents {
    pub(super) fn listen(project: &str) -> Result<Self> {
        let mut events = command("docker");
        // What happens until the engine has understood is told later.
        let since = Timestamp::now().as_second().to_string();
        events.args(["events", "--since", &since, "--format", "{{json .}}"]);
        events.args(["--filter", "event=health_status", "--filter"]);
        events.arg(format!("label=com.docker.compose.project={project}"));
        Running::start(&mut events, Ends::BySignal).map(Self)
    }

    /// When each of these containers became healthy, by the engine's own clock.
    pub(super) fn healthy(&self, containers: &[String]) -> Result<BTreeMap<String, Timestamp>> {
        let mut healthy = BTreeMap::new();
        while healthy.len() < containers.len() {
            let event: Value = serde_json::from_str(&self.0.line(TOLD_WITHIN)?)?;
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            if containers.contains(&id) && event["status"] == "health_status: healthy" {
                let at = event["timeNano"].as_i64();
                let at = at.context("an event without a time")?;
                healthy.insert(id, Timestamp::from_nanosecond(at.into())?);
            }
        }
        Ok(healthy)
    }
}
