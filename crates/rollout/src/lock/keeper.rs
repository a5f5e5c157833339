//! Whoever holds the lock on the engine keeps it: says that it lives, and takes it again when the line
//! was cut.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bollard::{Docker, container::AttachContainerResults};
use futures_util::StreamExt;
use tokio::{
    io::AsyncWriteExt,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::container::{About, Held, PAUSE, remove};
use teal_history::record::RolloutRecord;
use teal_model::{Error, Result};

/// How often the holder says that it is there; the container ends after 30 s without a word.
const WORD: Duration = Duration::from_secs(5);
/// The longest time between two tries to take it again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What keeps a lock.
pub(super) struct Keeper {
    pub(super) about: About,
    pub(super) docker: Docker,
    pub(super) lost: CancellationToken,
    pub(super) rollout: Arc<OnceLock<String>>,
    pub(super) done: CancellationToken,
}

impl Keeper {
    /// Keeps it until it is to be let go, and takes it again when the line is cut: while the engine
    /// was away, or this machine slept, somebody else may have taken it.
    pub(super) async fn keep(self, mut held: Held) {
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = self.done.cancelled() => return,
                () = talk(held.line) => {}
            }
            tracing::warn!(name = self.about.name(), "the line to the lock was cut");
            held = loop {
                match self.take_again(&held.id).await {
                    Ok(Some(again)) => break again,
                    Err(Error::Busy { holder, .. }) => {
                        tracing::error!(holder, "the lock is somebody else's");
                        self.lost.cancel();
                        return;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "the lock can't be taken again yet"),
                }
                tokio::select! {
                    () = self.done.cancelled() => return,
                    () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            };
            pause = PAUSE;
        }
    }

    /// # Errors
    /// [`Error::Busy`] also where somebody had it meanwhile, and settled the rollout.
    async fn take_again(&self, old: &str) -> Result<Option<Held>> {
        let (docker, about) = (&self.docker, &self.about);
        remove(docker, old, true).await?;
        let Some(held) = about.take(docker).await? else {
            return Ok(None);
        };
        let found = RolloutRecord::find(docker, &about.project, &about.service).await;
        let is_its = match (&found, self.rollout.get()) {
            (_, None) => true,
            (Ok(Some(found)), Some(rollout)) => found.rollout == *rollout,
            (Ok(None) | Err(_), Some(_)) => false,
        };
        if is_its {
            return Ok(Some(held));
        }
        remove(docker, &held.id, true).await?;
        found?;
        Err(Error::Busy {
            service: about.service.clone(),
            holder: "somebody who settled the rollout meanwhile".to_owned(),
        })
    }
}

/// Says that the holder lives until the line is cut.
async fn talk(line: AttachContainerResults) {
    let AttachContainerResults {
        mut output,
        mut input,
    } = line;
    let mut words = interval(WORD);
    words.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            said = output.next() => if !matches!(said, Some(Ok(_))) { return },
            _ = words.tick() => {
                let said = async {
                    input.write_all(b"\n").await?;
                    input.flush().await
                };
                if let Err(error) = said.await {
                    tracing::debug!(%error, "the lock does not hear");
                    return;
                }
            }
        }
    }
}
