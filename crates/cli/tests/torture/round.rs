//! One round: a rollout, a kill, and what must hold once it is settled.

use std::fs;

use bollard::query_parameters::ListVolumesOptions;
use teal_testkit::{Container, Project};

use crate::blow::{Blow, teal};

const OVERRIDE: &str = "docker-compose.blue-green.yml";
const HOW: &str = "--poll-interval 1s --drain-timeout 5s --answers 3";
const MIB: i64 = 1024 * 1024;

/// How the rollout is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Finish,
    RollBack,
}

#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) project: &'a Project,
    pub(crate) number: usize,
    pub(crate) blow: Blow,
    pub(crate) way: Way,
    /// Whether the data directory goes with the process.
    pub(crate) loses_data: bool,
    /// The recovery is killed as well, at this moment.
    pub(crate) again: Option<Blow>,
}

/// What became of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Whether the rollout was killed before its end.
    pub(crate) is_struck: bool,
    pub(crate) recovery_is_struck: bool,
    pub(crate) is_green: bool,
    pub(crate) requests: usize,
}

/// What the service is made of.
struct State {
    hello: Vec<Container>,
    override_file: Option<Vec<u8>>,
}

impl Round<'_> {
    /// # Panics
    /// A request failed, something is left, or the service is neither what it was nor what it was to
    /// become.
    pub(crate) async fn run(&self) -> Ended {
        let before = self.state().await;
        let memory = if self.number.is_multiple_of(2) {
            256
        } else {
            384
        };
        let traffic = self.project.traffic().start();
        let words = format!("deploy hello --memory {memory}M --recreate --json {HOW}");
        let is_struck = self.blow.strike(teal(self.project, &words)).await.is_some();
        if self.loses_data && self.project.data_directory().exists() {
            fs::remove_dir_all(self.project.data_directory()).unwrap();
        }
        let mut recovery_is_struck = false;
        if let Some(blow) = self.again {
            let words = format!("recover hello --json {}", self.option());
            recovery_is_struck = blow.strike(teal(self.project, &words)).await.is_some();
        }
        self.settle().await;
        let report = traffic.stop().await;
        assert!(report.failed().next().is_none(), "{self:?}: {report}");

        let after = self.state().await;
        let is_green = after.hello[0].id != before.hello[0].id;
        let [container] = &after.hello[..] else {
            panic!("{self:?}: {:?}", after.hello);
        };
        assert_eq!(container.state, "running", "{self:?}");
        assert_eq!(container.health, "healthy", "{self:?}");
        if is_green {
            assert_eq!(container.memory, Some(memory * MIB), "{self:?}");
            let text = String::from_utf8(after.override_file.unwrap()).unwrap();
            assert!(text.contains(&format!("{memory}M")), "{self:?}: {text}");
        } else {
            assert_eq!(container.memory, before.hello[0].memory, "{self:?}");
            assert_eq!(after.override_file, before.override_file, "{self:?}");
        }
        self.assert_nothing_left().await;
        Ended {
            is_struck,
            recovery_is_struck,
            is_green,
            requests: report.total(),
        }
    }

    /// Settles what there is to settle. After Blue has gone there is one way only.
    async fn settle(&self) {
        let mut option = self.option();
        for _ in 0..2 {
            let words = format!("recover hello --json {option}");
            let output = teal(self.project, &words).output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            if said.contains("\"blueIsGone\"") {
                option = "--finish";
                continue;
            }
            let is_settled = output.status.success() || said.contains("\"nothingToRecover\"");
            assert!(is_settled, "{self:?}: {:?}: {said}", output.status);
            return;
        }
        panic!("{self:?}: Blue is gone, and the rollout can't be finished");
    }

    const fn option(&self) -> &'static str {
        match self.way {
            Way::Finish => "--finish",
            Way::RollBack => "--roll-back",
        }
    }

    async fn state(&self) -> State {
        State {
            hello: self.project.containers("hello").await,
            override_file: fs::read(self.project.directory().join(OVERRIDE)).ok(),
        }
    }

    /// Traefik, the service, and nothing else.
    async fn assert_nothing_left(&self) {
        let all = self.project.all_containers().await;
        let names: Vec<_> = all.iter().map(|container| &container.name).collect();
        assert_eq!(all.len(), 2, "{self:?}: {names:?}");
        let volumes = self
            .project
            .docker()
            .list_volumes(None::<ListVolumesOptions>)
            .await
            .unwrap();
        let left = volumes.volumes.into_iter().flatten();
        let left: Vec<_> = left
            .map(|volume| volume.name)
            .filter(|name| name.contains(self.project.name()))
            .collect();
        assert!(left.is_empty(), "{self:?}: {left:?}");
        let files: Vec<_> = fs::read_dir(self.project.directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "compose.yaml" && name != OVERRIDE)
            .collect();
        assert!(files.is_empty(), "{self:?}: {files:?}");
    }
}
