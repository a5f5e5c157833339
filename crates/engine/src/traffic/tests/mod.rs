//! Traffic on the real engine, through a real Traefik.

use std::time::{Duration, Instant};

use teal_testkit::{Container, Project, Report, Template};

use super::{error::TrafficError, steer::sweep, *};
use crate::model::TrafficPlan;

mod gateways;
mod in_flight;
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

    fn ids(&self, from: usize, to: usize) -> Vec<String> {
        let slice = &self.containers[from..to];
        slice.iter().map(|container| container.id.clone()).collect()
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
    survey(project.docker(), &blue, None).await.unwrap()
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
