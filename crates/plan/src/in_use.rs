//! What Blue and the engine's other containers use now, which new limits are judged against.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bollard::Docker;
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use teal_docker::{self as docker, UsageNow};
use teal_model::{Error, Memory, Replica, Result};
use teal_readiness::InUse;

/// The age from which a container's average use says something.
const SETTLED: SignedDuration = SignedDuration::from_mins(1);

/// How long what the engine's containers use is taken for what they still use.
const KEPT: Duration = Duration::from_secs(30);

/// What each of the engine's containers used when all were asked last. To ask hundreds takes the engine
/// seconds, and a plan is made at each pause in somebody's typing.
#[derive(Debug, Default)]
pub struct Usages(Mutex<Option<(Instant, HashMap<String, u64>)>>);

impl Usages {
    fn recent(&self) -> Option<HashMap<String, u64>> {
        let kept = self.lock();
        let recent = kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT);
        recent.map(|(_, memory)| memory.clone())
    }

    fn keep(&self, memory: HashMap<String, u64>) {
        *self.lock() = Some((Instant::now(), memory));
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, HashMap<String, u64>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the engine, which may take a second: of Blue always, of all other containers where they have not
/// been asked a short while ago. Of Blue it must be known, if it runs.
pub async fn in_use(docker: &Docker, blue: &[Replica], usages: &Usages) -> Result<InUse> {
    let mut known = HashMap::new();
    let mut memory = match usages.recent() {
        Some(recent) => recent,
        None => {
            known = docker::usage_of_all(docker).await?;
            let of = |(id, used): (&String, &UsageNow)| (id.clone(), used.memory);
            let memory: HashMap<_, _> = known.iter().map(of).collect();
            usages.keep(memory.clone());
            memory
        }
    };
    let unknown = blue
        .iter()
        .filter(|replica| !known.contains_key(&replica.id));
    let asked = unknown.map(|replica| async {
        let used = docker::usage_now(docker, &replica.id).await?;
        Ok::<_, Error>((replica.id.clone(), used))
    });
    for (id, used) in try_join_all(asked.collect::<Vec<_>>()).await? {
        memory.remove(&id);
        if let Some(used) = used {
            memory.insert(id.clone(), used.memory);
            known.insert(id, used);
        }
    }
    let used = blue
        .iter()
        .filter_map(|replica| Some((replica, known.get(&replica.id)?)));
    let cores = used.clone().filter_map(|(replica, used)| {
        let age = Timestamp::now().duration_since(replica.started_at?);
        // At its start a container is busier than it will be.
        (age > SETTLED).then_some(used.cpu?.as_secs_f64() / age.as_secs_f64())
    });
    Ok(InUse {
        cores: cores.reduce(f64::max),
        memory: used
            .map(|(_, used)| used.memory)
            .max()
            .map(Memory::from_bytes),
        engine: Memory::from_bytes(memory.values().sum()),
    })
}
