//! What containers use, from the engine's statistics.

use std::collections::HashMap;

use bollard::{
    Docker,
    models::ContainerStatsResponse,
    query_parameters::{ListContainersOptions, StatsOptions},
};
use futures_util::{StreamExt, future, stream};

use super::{Missing, failed, patiently};
use teal_model::{Cpus, Result};

/// Containers that are asked at the same time.
const AT_ONCE: usize = 16;

/// What one container uses at one moment.
#[derive(Debug, Clone, Copy)]
pub struct UsageNow {
    /// Bytes, without the page cache.
    pub memory: u64,
    /// The limit as the control group has it, in bytes.
    pub memory_limit: Option<u64>,
    /// CPU time since it started.
    pub cpu: Option<std::time::Duration>,
}

/// Bytes in use, as `docker stats` shows them: without the inactive page cache.
fn memory_used(stats: &ContainerStatsResponse) -> Option<u64> {
    let memory = stats.memory_stats.as_ref()?;
    let detail = memory.stats.as_ref();
    // The key for cgroup v2, then v1.
    let cache = detail
        .and_then(|detail| {
            detail
                .get("inactive_file")
                .or(detail.get("total_inactive_file"))
        })
        .copied()
        .unwrap_or(0);
    Some(memory.usage?.saturating_sub(cache))
}

/// Nanoseconds of CPU time used so far.
fn cpu_used(stats: &ContainerStatsResponse) -> Option<u64> {
    stats.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage
}

/// What a container uses; `None` if it does not run.
pub async fn usage_now(docker: &Docker, id: &str) -> Result<Option<UsageNow>> {
    let options = StatsOptions {
        stream: false,
        one_shot: true,
    };
    let ask = || async {
        docker
            .stats(id, Some(options.clone()))
            .next()
            .await
            .transpose()
    };
    let stats = patiently(ask)
        .await
        .missing()
        .map_err(failed(format!("read the statistics of `{id}`")))?
        .flatten();
    Ok(stats.and_then(|stats| {
        Some(UsageNow {
            memory: memory_used(&stats)?,
            memory_limit: stats.memory_stats.as_ref().and_then(|memory| memory.limit),
            cpu: cpu_used(&stats).map(std::time::Duration::from_nanos),
        })
    }))
}

/// What each running container of the engine uses, by its full id. One that can't be asked, such as
/// one that is just ending, is not in it.
///
/// Docker 20.10 answers one such question at once, and all others at its next full second (measured).
pub async fn usage_of_all(docker: &Docker) -> Result<HashMap<String, UsageNow>> {
    let running = docker
        .list_containers(None::<ListContainersOptions>)
        .await
        .map_err(failed("list the containers"))?;
    let ids = running.into_iter().filter_map(|container| container.id);
    let asked = ids.map(|id| async move {
        let usage = usage_now(docker, &id).await.ok().flatten()?;
        Some((id, usage))
    });
    // Collected first: a closure over references inside the stream would not be `Send`.
    let asked: Vec<_> = asked.collect();
    Ok(stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .filter_map(future::ready)
        .collect()
        .await)
}

/// CPU in cores between two samples, and the memory in use at the second.
pub fn usage_of(
    before: &ContainerStatsResponse,
    now: &ContainerStatsResponse,
) -> Option<(f64, u64)> {
    let time = |stats: &ContainerStatsResponse| -> Option<jiff::Timestamp> {
        stats.read.as_ref()?.parse().ok()
    };
    let wall = time(now)?.duration_since(time(before)?).as_secs_f64();
    let used = cpu_used(now)?.checked_sub(cpu_used(before)?)?;
    let cores = Cpus::from_nano(used).cores() / wall;
    (wall > 0.0).then_some(())?;
    Some((cores, memory_used(now)?))
}
