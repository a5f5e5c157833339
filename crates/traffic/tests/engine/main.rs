//! Traffic on the real engine, through a real Traefik.
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]

use std::time::{Duration, Instant};

use teal_testkit::{Container, Project, Report, Template};

use teal_docker::EngineHost;
use teal_model::{ProbeOptions, RolloutOptions, TrafficPlan};
use teal_traffic::*;

/// Makes two tests of each function that takes the image of a Traefik.
macro_rules! at_the_newest_and_the_oldest {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn newest() {
                super::$name(teal_testkit::TRAEFIK).await;
            }

            #[tokio::test]
            async fn oldest() {
                super::$name(teal_testkit::OLDEST_TRAEFIK).await;
            }
        }
    )+};
}

mod gateways;
mod in_flight;
mod neighbours;
mod places;
mod shapes;
mod split;

/// A project with its containers, and traffic that is ready to be steered.
struct Stage {
    project: Project,
    containers: Vec<Container>,
    traffic: Traffic,
}

impl Stage {
    async fn up(template: Template) -> Self {
        let project = Project::up(template).await;
        Self::of(project).await
    }

    async fn of(project: Project) -> Self {
        let containers = project.containers("hello").await;
        let survey = look(&project).await;
        assert!(
            matches!(survey.plan, TrafficPlan::Steered { .. }),
            "{:?}",
            survey.plan
        );
        let rollout = rollout_of(&project);
        Self {
            traffic: Traffic::new(project.docker().clone(), survey, rollout, &[10]),
            containers,
            project,
        }
    }

    /// To all of these alike.
    async fn shift(&mut self, blue: &[String], green: &[String]) -> Result<(), TrafficError> {
        let percent = 100 * green.len() / (blue.len() + green.len());
        let percent = u8::try_from(percent).unwrap();
        self.traffic.shift(blue, green, percent).await
    }

    async fn traefik(&self) -> String {
        self.project.containers("traefik").await[0].id.clone()
    }

    /// Sends 20 requests; each is answered, and only by these.
    async fn answers_come_from(&self, ids: &[String]) {
        let running = self.project.traffic().start();
        some_traffic(&running, 20).await;
        let report = running.stop().await;
        report.assert_none_failed();
        let from: usize = ids.iter().map(|id| report.from_container(id)).sum();
        assert_eq!(from, report.total(), "{report}");
    }

    fn ids(&self, from: usize, to: usize) -> Vec<String> {
        let slice = &self.containers[from..to];
        slice.iter().map(|container| container.id.clone()).collect()
    }
}

/// So many good answers of each container, by the thresholds of every rollout.
fn demand(answers: u32) -> Demand {
    Demand {
        answers,
        timeout: Duration::from_secs(20),
        options: RolloutOptions::default(),
    }
}

/// As short and unlike others as a real one.
fn rollout_of(project: &Project) -> String {
    project
        .name()
        .rsplit('-')
        .next()
        .unwrap_or_default()
        .to_owned()
}

async fn look(project: &Project) -> Survey {
    let mut blue = Vec::new();
    for container in project.containers("hello").await {
        let inspected = project
            .docker()
            .inspect_container(&container.id, None)
            .await
            .unwrap();
        blue.push(inspected);
    }
    survey(project.docker(), EngineHost::Here, &blue, None)
        .await
        .unwrap()
}

/// Only these containers answered after `begin`, and each of them did.
fn assert_answered_by(report: &Report, begin: Instant, end: Instant, ids: &[String]) {
    let part = report.between(begin, end);
    let by = part.by_container();
    let expected = by
        .keys()
        .all(|start| ids.iter().any(|id| id.starts_with(start)));
    assert!(
        expected && by.len() == ids.len(),
        "wanted {ids:?}, got {part}"
    );
}

/// Time for some requests in each split.
async fn some_traffic(running: &teal_testkit::RunningTraffic, more: usize) {
    let wanted = running.so_far().total() + more;
    teal_testkit::eventually("more requests", Duration::from_secs(10), async || {
        (running.so_far().total() >= wanted).then_some(())
    })
    .await;
}
