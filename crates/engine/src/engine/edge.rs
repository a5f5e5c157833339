//! Host ports that go back from Teal's edge to the service that had them.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use super::Engine;
use crate::applied::Applied;
use teal_compose::{Files, override_file, working_directory};
use teal_docker as docker;
use teal_model::{ChangeKind, Error, GivenBack, ProjectSource, Result};
use teal_traffic::edge::{self, SERVICE};

impl Engine {
    /// Undoes it that a service was made ready behind the edge: the project's files are what they
    /// were, byte for byte, its containers have their ports again, and the edge goes where no other
    /// service is behind it. The service is recreated for that, so requests meet a gap.
    ///
    /// # Errors
    /// [`Error::CannotChange`] where no edge is in front of it, or where Compose can't start it with
    /// its own ports: then the edge has them as before. Whatever [`undo_files`](Self::undo_files)
    /// says.
    pub async fn give_back(&self, source: &ProjectSource, service: &str) -> Result<GivenBack> {
        let inner = &self.inner;
        let files = inner.compose.read(source).await?;
        let project = files.model.name.clone();
        let lock = inner.locks.take(&project, service).await?;
        let given_back = self.give_back_alone(files, source, service).await;
        lock.release().await;
        given_back
    }

    async fn give_back_alone(
        &self,
        files: Files,
        source: &ProjectSource,
        service: &str,
    ) -> Result<GivenBack> {
        let project = files.model.name.clone();
        let applied = self.applied(&files.source, &project, service);
        if self.unsettled(&project, service).await?.is_some() {
            return Err(Error::Interrupted {
                service: service.to_owned(),
                project,
            });
        }
        if !edge::is_in_front(&files.model, service) {
            return Err(Error::CannotChange {
                reason: format!("`{service}` is not behind Teal's edge"),
                remedy: "see `teal doctor` for what is in the way of its rollouts".to_owned(),
            });
        }
        let before = contents(&applied)?;
        let began = Instant::now();
        let changed = applied.undo(ChangeKind::Ready)?;
        // An override that Teal made is gone now, and may be one of the files that were named.
        let mut own = source.clone();
        own.files.retain(|file| file.exists());
        if let Err(error) = self.with_own_ports(&own, &project, service).await {
            for (path, bytes) in before {
                override_file::restore(&path, bytes.as_deref())?;
            }
            let words = ["up", "-d", "--no-deps", "--", SERVICE, service];
            self.compose_up(source, service, &words).await?;
            return Err(error);
        }
        Ok(GivenBack {
            project,
            service: service.to_owned(),
            files: changed,
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Whether an edge on the engine is in front of the service, whatever the files say.
    pub(super) async fn edge_has_ports_of(&self, project: &str, service: &str) -> Result<bool> {
        edge::has_ports_of(&self.inner.docker, project, service)
            .await
            .map_err(docker::failed("look for Teal's edge"))
    }

    /// What runs becomes what the files say now.
    async fn with_own_ports(
        &self,
        source: &ProjectSource,
        project: &str,
        service: &str,
    ) -> Result<()> {
        let model = self.inner.compose.read(source).await?.model;
        let up = ["up", "-d", "--no-deps", "--wait", "--"];
        if model.services.contains_key(SERVICE) {
            let words: Vec<_> = up.iter().copied().chain([SERVICE]).collect();
            self.compose_up(source, service, &words).await?;
        } else {
            edge::remove(&self.inner.docker, project)
                .await
                .map_err(docker::failed("remove Teal's edge"))?;
        }
        let words: Vec<_> = up.iter().copied().chain([service]).collect();
        self.compose_up(source, service, &words).await
    }

    /// With the limits that rollouts gave it.
    async fn compose_up(
        &self,
        source: &ProjectSource,
        service: &str,
        words: &[&str],
    ) -> Result<()> {
        let compose = &self.inner.compose;
        let source = compose.resolve(source).await?;
        let limits = override_file::path(&source);
        let extra: Vec<_> = limits
            .exists()
            .then_some(limits.as_path())
            .into_iter()
            .collect();
        let words = compose.command(&source, &extra, words);
        let output = compose
            .run(&words, &working_directory(&source), |_| ())
            .await?;
        if output.success {
            return Ok(());
        }
        Err(Error::CannotChange {
            reason: format!(
                "Compose could not start `{service}` again: {}",
                output.message()
            ),
            remedy: "see what it says, and try again".to_owned(),
        })
    }
}

/// The files that an undo would touch and the record of them, as they are.
fn contents(applied: &Applied) -> Result<Vec<(PathBuf, Option<Vec<u8>>)>> {
    let ready = applied
        .list()?
        .into_iter()
        .filter(|change| change.kind == ChangeKind::Ready);
    ready
        .flat_map(|change| change.files)
        .chain(applied.records().map(Path::to_owned))
        .map(|path| {
            let bytes = override_file::read(&path)?;
            Ok((path, bytes))
        })
        .collect()
}
