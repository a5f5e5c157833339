//! The rollouts that this window has started.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use teal_engine::Rollout;
use ts_rs::TS;

/// A rollout of this session, running or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub(crate) struct RolloutInfo {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) service: String,
    pub(crate) ended: bool,
}

#[derive(Debug)]
struct Started {
    rollout: Rollout,
    ended: bool,
}

/// In the order they were started.
#[derive(Debug, Default)]
pub(crate) struct Rollouts {
    started: Mutex<Vec<Started>>,
}

impl Rollouts {
    /// A recovery takes the place of the rollout that it settles.
    pub(crate) fn add(&self, rollout: Rollout) {
        self.with(|started| {
            started.retain(|other| other.rollout.id() != rollout.id());
            started.push(Started {
                rollout,
                ended: false,
            });
        });
    }

    pub(crate) fn set_ended(&self, id: &str) {
        self.with(|all| {
            for started in all.iter_mut().filter(|started| started.rollout.id() == id) {
                started.ended = true;
            }
        });
    }

    pub(crate) fn find(&self, id: &str) -> Option<Rollout> {
        self.with(|all| {
            let found = all.iter().find(|started| started.rollout.id() == id)?;
            Some(found.rollout.clone())
        })
    }

    pub(crate) fn running(&self) -> Vec<Rollout> {
        self.with(|all| {
            let running = all.iter().filter(|started| !started.ended);
            running.map(|started| started.rollout.clone()).collect()
        })
    }

    pub(crate) fn infos(&self) -> Vec<RolloutInfo> {
        self.with(|all| all.iter().map(info).collect())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Vec<Started>) -> T) -> T {
        // A list is whole after every push: a panic elsewhere can't have broken it.
        use_it(&mut self.started.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn info(started: &Started) -> RolloutInfo {
    let rollout = &started.rollout;
    RolloutInfo {
        id: rollout.id().to_owned(),
        project: rollout.project().to_owned(),
        service: rollout.service().to_owned(),
        ended: started.ended,
    }
}
