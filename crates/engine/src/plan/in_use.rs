//! What Blue and the engine's other containers use now, which new limits are judged against.

use bollard::Docker;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Result, docker,
    model::{Memory, Replica},
    readiness::InUse,
};

/// The age from which a container's average use says something.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// Asks the engine, which may take a second. Of Blue it must be known, if it runs.
pub(crate) async fn in_use(docker: &Docker, blue: &[Replica]) -> Result<InUse> {
    let mut usage = docker::usage_of_all(docker).await?;
    for replica in blue {
        if !usage.contains_key(&replica.id)
            && let Some(used) = docker::usage_now(docker, &replica.id).await?
        {
            usage.insert(replica.id.clone(), used);
        }
    }
    let used = blue
        .iter()
        .filter_map(|replica| Some((replica, usage.get(&replica.id)?)));
    let memory = used.clone().map(|(_, used)| used.memory).max();
    let cores = used.filter_map(|(replica, used)| {
        let age = Timestamp::now().duration_since(replica.started_at?);
        // At its start a container is busier than it will be.
        (age > SETTLED).then_some(used.cpu?.as_secs_f64() / age.as_secs_f64())
    });
    Ok(InUse {
        memory: memory.map(Memory::from_bytes),
        engine: Memory::from_bytes(usage.values().map(|used| used.memory).sum()),
        cores: cores.reduce(f64::max),
    })
}
