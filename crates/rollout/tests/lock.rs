//! The lock on a real engine.
#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]

use std::time::Duration;

use bollard::{Docker, query_parameters::RemoveContainerOptions};
use teal_testkit::eventually;

use teal_rollout::lock::*;

/// Two that use one engine and have nothing else in common.
struct Two {
    docker: Docker,
    one: Locks,
    other: Locks,
    project: String,
    _data: [tempfile::TempDir; 2],
}

impl Two {
    async fn new(name: &str) -> Self {
        let docker = teal_testkit::docker().await;
        let data = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, other] = [0, 1].map(|it| Locks::new(&docker, data[it].path(), "engine"));
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self {
            docker,
            one,
            other,
            project: format!("testkit-lock-{name}-{}", &id[..8]),
            _data: data,
        }
    }

    /// Removes the container of the lock, as whoever uses the engine can.
    async fn remove_container(&self) {
        let name = format!("teal-lock-{}.web", self.project);
        let options = RemoveContainerOptions {
            force: true,
            ..RemoveContainerOptions::default()
        };
        self.docker
            .remove_container(&name, Some(options))
            .await
            .unwrap();
    }

    async fn is_held(&self) -> bool {
        self.other.is_held(&self.project, "web").await.unwrap()
    }
}

#[tokio::test]
async fn others_are_told_who_holds_it_until_it_is_let_go() {
    let two = Two::new("two").await;
    let lock = two.one.take(&two.project, "web").await.unwrap();
    let own_process = format!("process {} of ", std::process::id());
    for locks in [&two.one, &two.other] {
        let refused = locks.take(&two.project, "web").await.unwrap_err();
        assert_eq!(refused.exit_code(), 6);
        assert!(refused.to_string().contains(&own_process), "{refused}");
    }
    let another = two.other.take(&two.project, "api").await.unwrap();
    another.release().await;
    assert!(two.is_held().await);
    lock.release().await;
    assert!(!two.is_held().await);
    let next = two.other.take(&two.project, "web").await.unwrap();
    next.release().await;
}

#[tokio::test]
async fn whoever_dies_holds_it_no_longer() {
    let two = Two::new("dead").await;
    // Nothing is let go of: the line is cut, as when a process is killed.
    drop(two.one.take(&two.project, "web").await.unwrap());
    let next = two.other.take(&two.project, "web").await.unwrap();
    next.release().await;
}

#[tokio::test]
async fn a_lock_that_goes_away_is_taken_again() {
    let two = Two::new("again").await;
    let lock = two.one.take(&two.project, "web").await.unwrap();
    two.remove_container().await;
    eventually("it is held again", Duration::from_secs(20), async || {
        two.is_held().await.then_some(())
    })
    .await;
    assert!(!lock.lost().is_cancelled());

    // Without the record somebody has settled the rollout meanwhile.
    lock.is_for("a rollout without a record");
    two.remove_container().await;
    lock.lost().cancelled().await;
    lock.release().await;
    assert!(!two.is_held().await);
}
