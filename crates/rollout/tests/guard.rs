//! What the guard says of containers that get requests.

use std::{collections::BTreeMap, time::Duration};

use teal_model::event::Color;
use teal_rollout::watch;
use teal_testkit::{Project, Template};
use tokio::time::timeout;

/// As one that ends between two phases, when nobody listens.
#[tokio::test]
async fn what_has_ended_before_the_guard_begins_is_told() {
    let project = Project::up(Template::named("guard").no_traefik()).await;
    let id = project.containers("hello").await[0].id.clone();
    project.compose(&["stop", "hello"]).await;
    let guarded = BTreeMap::from([(id, Color::Blue)]);
    let told = watch(project.docker().clone(), guarded);
    let told = timeout(Duration::from_secs(30), told).await;
    let message = format!("{:?}", told.expect("it is told"));
    assert!(message.contains("Blue ended while requests"), "{message}");
}
