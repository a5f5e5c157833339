//! The commands that bring Green's image and create Green, and those that take Blue away.

use std::path::{Path, PathBuf};

use super::{Planner, Way, judge::Situation, live};
use teal_model::Limits;

impl Planner<'_> {
    /// The commands in their order: what brings an image that is not there, `up` for Green, and for
    /// Blue, which is stopped and removed by id, since `--scale` would remove Green.
    pub(super) fn commands(
        &self,
        situation: &Situation<'_>,
        way: Way<'_>,
        limits_before: Limits,
    ) -> Vec<Vec<String>> {
        if let Way::Live = way {
            return vec![live::command(
                limits_before,
                situation.limits,
                situation.replicas,
            )];
        }
        let up = self.up(situation, situation.override_file);
        let ends = ["stop", "rm"].iter().filter_map(|word| {
            let ids = situation.replicas.iter().map(|replica| replica.id.clone());
            let words = ["docker", word].map(str::to_owned);
            (!situation.replicas.is_empty()).then(|| words.into_iter().chain(ids).collect())
        });
        let bring = self.bring(situation).into_iter();
        bring.chain([up]).chain(ends).collect()
    }

    /// The command that pulls or builds the image; `None` if it is there. `up` does neither, so
    /// that Green is what was planned whatever the service's `pull_policy`.
    pub(super) fn bring(&self, situation: &Situation<'_>) -> Option<Vec<String>> {
        let green = situation.green;
        if green.image.is_some() {
            return None;
        }
        let restored_from: Vec<_> = green.restored_from.iter().map(PathBuf::as_path).collect();
        let how = match green.service.build {
            Some(_) => "build",
            None => "pull",
        };
        let words = [how, "--", &situation.request.service];
        Some(
            self.compose
                .command(situation.source, &restored_from, &words),
        )
    }

    /// The command that creates Green beside Blue, with the override from this file.
    pub(super) fn up(&self, situation: &Situation<'_>, override_file: &Path) -> Vec<String> {
        let service = &situation.request.service;
        let both = situation.blue.len() as u64 + u64::from(situation.wanted);
        let scale = format!("{service}={both}");
        let restored_from = situation.green.restored_from.as_deref();
        let extra: Vec<_> = restored_from.into_iter().chain([override_file]).collect();
        let words = [
            "up",
            "-d",
            "--no-deps",
            "--no-recreate",
            "--no-build",
            "--pull",
            "never",
            "--scale",
            &scale,
            "--",
            service,
        ];
        self.compose.command(situation.source, &extra, &words)
    }
}
