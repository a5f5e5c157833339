//! What Blue and Green were made from, kept so that a rollback can run it again.

use super::Driver;
use teal_docker as docker;
use teal_history::configuration::{Configuration, Configurations};
use teal_model::Result;
use teal_model::event::EventKind;

impl Driver {
    /// Keeps what Blue runs with, where nothing is known of it: Teal did not make it, or did before
    /// it kept such records.
    pub(super) async fn keep_blue(&self) {
        let number = self.plan.revision_before.unwrap_or(self.plan.revision - 1);
        if !self.configuration_path(number).exists() {
            self.keep(number, self.plan.blue.first().map(|blue| blue.id.as_str()))
                .await;
        }
    }

    pub(super) async fn keep_green(&self) {
        self.keep(self.plan.revision, self.green.first().map(String::as_str))
            .await;
    }

    /// No rollout fails for want of a record.
    async fn keep(&self, revision: u32, container: Option<&str>) {
        let Some(id) = container else {
            return;
        };
        if let Err(error) = self.try_keep(revision, id).await {
            self.rollout.emit(EventKind::Warning {
                text: format!(
                    "a rollback to revision {revision} will return to its limits only: {}",
                    super::chain(&error)
                ),
            });
        }
    }

    async fn try_keep(&self, revision: u32, id: &str) -> Result<()> {
        let Some(container) = docker::inspect(&self.docker, id).await? else {
            return Ok(());
        };
        let configuration = Configuration::of_container(&container);
        let path = self.configuration_path(revision);
        Configurations::write(&path, &self.plan.service, &configuration)
    }

    fn configuration_path(&self, revision: u32) -> std::path::PathBuf {
        let plan = &self.plan;
        let kept = &self.history.configurations;
        kept.path(&self.info.id, &plan.project, &plan.service, revision)
    }
}
