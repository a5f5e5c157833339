//! The plain way to replace a container without Teal: as many again beside the old ones, and once
//! they are healthy the old ones go.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{super::plain, timeline::Timeline};
use crate::{
    bench::stage::Stage,
    process::{command, run_quietly},
};

const HEALTHY_WITHIN: Duration = Duration::from_secs(120);
/// The time from one look at the health to the next.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn scale_and_stop(stage: &Stage, limits: (&str, &str)) -> Result<Timeline> {
    let limits = plain::write_limits(stage, limits)?;
    let containers = || -> Result<Vec<String>> {
        let mut list = plain::compose(stage, &limits);
        let printed = run_quietly(list.args(["ps", "--quiet", "hello"]))?;
        Ok(printed.lines().map(str::to_owned).collect())
    };
    let mut timeline = Timeline::default();
    let old = containers()?;
    timeline.now("Scale up");
    let mut up = plain::compose(stage, &limits);
    up.args(["up", "--detach", "--no-deps", "--no-recreate", "--scale"]);
    run_quietly(up.arg(format!("hello={}", old.len() * 2)).arg("hello"))?;
    timeline.now("Wait until healthy");
    let mut new = containers()?;
    new.retain(|id| !old.contains(id));
    if new.len() != old.len() {
        bail!("Compose made {} containers of {}", new.len(), old.len());
    }
    until_healthy(&new)?;
    for (what, verb) in [("Stop the old", "stop"), ("Remove the old", "rm")] {
        timeline.now(what);
        run_quietly(command("docker").arg(verb).args(&old))?;
    }
    timeline.now("After it");
    Ok(timeline)
}

fn until_healthy(ids: &[String]) -> Result<()> {
    let begin = Instant::now();
    loop {
        let mut look = command("docker");
        look.args(["inspect", "--format", "{{.State.Health.Status}}"]);
        let health = run_quietly(look.args(ids))?;
        if health.lines().all(|line| line == "healthy") {
            return Ok(());
        }
        if begin.elapsed() > HEALTHY_WITHIN {
            bail!("the new containers are not healthy: {health}");
        }
        thread::sleep(PAUSE);
    }
}
