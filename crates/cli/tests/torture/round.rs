//! One round: a rollout, a kill, and what must hold once it is settled.

use std::{fs, sync::Arc};

use bollard::query_parameters::ListVolumesOptions;
use teal_engine::event::Phase;
use teal_testkit::{Container, Project};

use crate::{
    app::App,
    blow::{Blow, Said, TRANSITIONS, teal},
};

const OVERRIDE: &str = "docker-compose.blue-green.yml";
const HOW: &str = "--poll-interval 1s --drain-timeout 5s --answers 3";
/// For so many rounds there is one more, in which Blue is being stopped.
const STOPS: usize = 16;
const MIB: i64 = 1024 * 1024;

/// How the rollout is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Finish,
    RollBack,
}

/// What is done to a rollout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) number: usize,
    pub(crate) app: App,
    pub(crate) blow: Blow,
    pub(crate) way: Way,
    /// Whether the data directory goes with the process.
    pub(crate) loses_data: bool,
    /// The recovery is killed as well, at this moment.
    pub(crate) again: Option<Blow>,
}

/// What became of a round.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The phase that the kill came in; `None` if the rollout ended before.
    pub(crate) struck_in: Option<Phase>,
    pub(crate) recovery_is_struck: bool,
    pub(crate) is_green: bool,
    pub(crate) requests: usize,
    pub(crate) failed: usize,
    /// What does not hold, but must.
    pub(crate) faults: Vec<String>,
    /// What each `teal` of the round said, by line.
    pub(crate) said: Vec<String>,
}

/// What the service is made of.
struct State {
    hello: Vec<Container>,
    override_file: Option<Vec<u8>>,
}

impl Round {
    /// All rounds: each transition with each way out, then random moments; few are spread over the
    /// transitions. At last some more, on apps that take long to stop.
    pub(crate) fn all(rounds: usize, seed: usize) -> Vec<Self> {
        let mut random = fastrand::Rng::with_seed(u64::try_from(seed).unwrap());
        let round = |number| {
            let nth = number * TRANSITIONS.len() / rounds.min(2 * TRANSITIONS.len());
            Self {
                number,
                app: App::Prompt,
                blow: match TRANSITIONS.get(nth) {
                    Some(transition) => Blow::At(transition),
                    None => Blow::in_rollout(&mut random),
                },
                way: if number % 2 == 0 {
                    Way::Finish
                } else {
                    Way::RollBack
                },
                loses_data: number % 3 == 1,
                again: (number % 3 == 2).then(|| Blow::in_recovery(&mut random)),
            }
        };
        let mut all: Vec<_> = (0..rounds).map(round).collect();
        let stops = (rounds / STOPS).max(2);
        all.extend((0..stops).map(|nth| Self::in_stop(rounds + nth, nth, &mut random)));
        all
    }

    /// One whose kill comes while Blue is being stopped: each app with each way out in turn.
    fn in_stop(number: usize, nth: usize, random: &mut fastrand::Rng) -> Self {
        Self {
            number,
            app: match nth % 2 {
                0 => App::Slow,
                _ => App::SlowerThanCalls,
            },
            blow: Blow::in_stop(random),
            way: match (nth + nth / 2) % 2 {
                0 => Way::Finish,
                _ => Way::RollBack,
            },
            loses_data: nth % 3 == 1,
            again: (nth % 3 == 2).then(|| Blow::in_recovery(random)),
        }
    }

    /// A project that it failed on is in an unknown state.
    pub(crate) async fn run(self, project: Arc<Project>) -> Ended {
        let mut ended = Ended::default();
        let before = state(&project).await;
        // Never what it has, whatever became of the round before.
        let memory = match before.hello[0].memory {
            Some(memory) if memory == 256 * MIB => 384,
            _ => 256,
        };
        let traffic = project.traffic().start();
        let words = format!("deploy hello --memory {memory}M --recreate --json {HOW}");
        let Said {
            is_struck,
            phase,
            lines,
        } = self.blow.strike(teal(&project, self.app, &words)).await;
        ended.struck_in = is_struck.then_some(phase);
        ended.said.extend(lines);
        if self.loses_data && project.data_directory().exists() {
            fs::remove_dir_all(project.data_directory()).unwrap();
        }
        if let Some(blow) = self.again {
            let words = format!("recover hello --json {}", self.option());
            let said = blow.strike(teal(&project, self.app, &words)).await;
            ended.recovery_is_struck = said.is_struck;
            ended.said.extend(said.lines);
        }
        self.settle(&project, &mut ended).await;
        let report = traffic.stop().await;
        ended.requests = report.total();
        ended.failed = report.failed().count();
        if ended.failed > 0 || report.ended_early {
            ended.faults.push(format!("requests: {report}"));
        }
        let after = state(&project).await;
        ended.is_green = after.hello.first().map(|it| &it.id) != Some(&before.hello[0].id);
        if !is_struck && !ended.is_green {
            let fault = "it was not killed, and did not succeed";
            ended.faults.push(fault.to_owned());
        }
        let faults = match ended.is_green {
            true => faults_of_green(&after, memory),
            false => faults_of_blue(&after, &before),
        };
        ended.faults.extend(faults);
        ended.faults.extend(left_over(&project).await);
        ended
    }

    /// Settles what there is to settle. After Blue has gone there is one way only.
    async fn settle(&self, project: &Project, ended: &mut Ended) {
        let mut option = self.option();
        for _ in 0..2 {
            let words = format!("recover hello --json {option}");
            let output = teal(project, self.app, &words).output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            ended.said.extend(said.lines().map(str::to_owned));
            if said.contains("\"blueIsGone\"") {
                option = "--finish";
                continue;
            }
            if !output.status.success() && !said.contains("\"nothingToRecover\"") {
                let errors = String::from_utf8_lossy(&output.stderr);
                let fault = format!("`{words}`: {}: {said}{errors}", output.status);
                ended.faults.push(fault);
            }
            return;
        }
        let fault = "Blue is gone, and the rollout can't be finished";
        ended.faults.push(fault.to_owned());
    }

    const fn option(&self) -> &'static str {
        match self.way {
            Way::Finish => "--finish",
            Way::RollBack => "--roll-back",
        }
    }
}

async fn state(project: &Project) -> State {
    State {
        hello: project.containers("hello").await,
        override_file: fs::read(project.directory().join(OVERRIDE)).ok(),
    }
}

/// Green must serve with the new limits, which the override names.
fn faults_of_green(after: &State, memory: i64) -> Vec<String> {
    let text = after.override_file.as_deref().map(String::from_utf8_lossy);
    let text = text.unwrap_or_default();
    let mut faults = faults_of_service(after, Some(memory * MIB));
    if !text.contains(&format!("{memory}M")) {
        faults.push(format!("the override is not Green's: {text:?}"));
    }
    faults
}

/// Blue must serve as before, and the override be what it was, byte for byte.
fn faults_of_blue(after: &State, before: &State) -> Vec<String> {
    let mut faults = faults_of_service(after, before.hello[0].memory);
    if after.override_file != before.override_file {
        let text = |state: &State| {
            let bytes = state.override_file.as_deref();
            bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let (was, is) = (text(before), text(after));
        faults.push(format!("the override was {was:?} and is {is:?}"));
    }
    faults
}

fn faults_of_service(after: &State, memory: Option<i64>) -> Vec<String> {
    let is_sound = |container: &Container| {
        container.state == "running" && container.health == "healthy" && container.memory == memory
    };
    match &after.hello[..] {
        [container] if is_sound(container) => Vec::new(),
        containers => vec![format!("not one healthy of {memory:?}: {containers:?}")],
    }
}

/// What there is besides Traefik, the service and the project's two files.
async fn left_over(project: &Project) -> Vec<String> {
    let mut left = Vec::new();
    let all = project.all_containers().await;
    let names: Vec<_> = all.iter().map(|container| &container.name).collect();
    if all.len() != 2 {
        left.push(format!("containers: {names:?}"));
    }
    let volumes = project
        .docker()
        .list_volumes(None::<ListVolumesOptions>)
        .await
        .unwrap();
    let volumes = volumes.volumes.into_iter().flatten();
    let volumes = volumes.map(|volume| volume.name);
    let own = volumes.filter(|name| name.contains(project.name()));
    left.extend(own.map(|name| format!("volume {name}")));
    let files = fs::read_dir(project.directory()).unwrap();
    let files = files.map(|entry| entry.unwrap().file_name());
    let foreign = files.filter(|name| name != "compose.yaml" && name != OVERRIDE);
    left.extend(foreign.map(|name| format!("file {}", name.display())));
    left
}
