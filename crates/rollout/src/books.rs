//! What is kept of a rollout while it runs: a record on the engine, by which it can be settled, and a
//! journal on disk.

use bollard::Docker;

use super::{Driver, Facts, Rollout, chain};
use teal_history::History;
use teal_history::record::RolloutRecord;
use teal_model::{Result, Revision};

/// Where one rollout is kept.
pub(super) struct Books {
    docker: Docker,
    history: History,
    engine: String,
    rollout: Rollout,
    unsettled: RolloutRecord,
}

impl Driver {
    pub(super) fn books(&self) -> Books {
        Books {
            docker: self.docker.clone(),
            history: self.history.clone(),
            engine: self.info.id.clone(),
            rollout: self.rollout.clone(),
            unsettled: RolloutRecord {
                rollout: self.rollout.id().to_owned(),
                started_at: self.started_at,
                origin: self.origin,
                plan: self.plan.clone(),
            },
        }
    }
}

impl Driver {
    /// How far the rollout has come, as its containers show it.
    pub(super) async fn facts(&self) -> Result<Facts> {
        Facts::look(&self.docker, &self.books().unsettled).await
    }
}

impl Books {
    /// Keeps on the engine what it takes to settle this rollout.
    pub(super) async fn keep_record(&self) -> Result<()> {
        self.unsettled.keep(&self.docker).await
    }

    /// Keeps it on disk as well, with what was said and what will be.
    pub(super) fn begin_journal(&self) {
        let journal = self.history.begin(&self.engine, &self.unsettled);
        self.rollout.keep(journal);
    }

    /// Keeps how it ended, and lets go of the record unless something is left to be settled.
    pub(super) async fn close(&self, revisions: &[Revision], is_settled: bool) {
        self.end_journal(revisions, is_settled);
        if !is_settled {
            return;
        }
        if let Err(error) = self.unsettled.settle(&self.docker).await {
            self.rollout.warn(chain(&error));
        }
    }

    /// A disk that was full may have room again: what is in the history is how it ended.
    fn end_journal(&self, revisions: &[Revision], is_settled: bool) {
        if self.rollout.end_journal(revisions, is_settled) {
            return;
        }
        let again = self.history.begin(&self.engine, &self.unsettled);
        let ended = again.map(|mut journal| journal.end(revisions, is_settled));
        tracing::warn!(
            ?ended,
            "the journal has nothing of this rollout but its end"
        );
    }
}
