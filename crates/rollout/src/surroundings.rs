//! What a person is told of what is around a rollout: the engine was away, this machine slept, what
//! is in use.

use std::time::Duration;

use bollard::Docker;
use futures_util::StreamExt;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::Rollout;
use teal_docker::{self as docker, Clocks, Heard};
use teal_model::{EngineInfo, Plan};
use teal_plan::{Usages, in_use};
use teal_readiness::{Sets, by_use};

/// Between two looks at the clocks.
const LOOK: Duration = Duration::from_secs(5);

/// Warns where what is in use is too much for the plan: nothing waits for that.
pub(super) fn compare_use(
    docker: &Docker,
    info: &EngineInfo,
    plan: &Plan,
    rollout: &Rollout,
) -> AbortOnDropHandle<()> {
    let (docker, rollout) = (docker.clone(), rollout.clone());
    let (engine, blue, limits) = (info.clone(), plan.blue.clone(), plan.limits_after);
    let sets = Sets {
        blue: blue.len() as u64,
        green: plan.green_size() as u64,
    };
    AbortOnDropHandle::new(tokio::spawn(async move {
        let in_use = match in_use(&docker, &blue, &Usages::default()).await {
            Ok(in_use) => in_use,
            Err(error) => {
                tracing::warn!(%error, "what is in use is not known");
                return;
            }
        };
        for verdict in by_use(limits, &in_use, sets, &engine) {
            rollout.warn(format!(
                "{}: {}; {}",
                verdict.reason, verdict.meaning, verdict.remedy
            ));
        }
    }))
}

/// Tells of it as long as what comes back lives.
pub(super) fn watch(docker: &Docker, rollout: &Rollout) -> AbortOnDropHandle<()> {
    let events = docker::events(docker, &[("type", vec!["daemon".to_owned()])]);
    let rollout = rollout.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut events = std::pin::pin!(events);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clocks = Clocks::now();
        loop {
            tokio::select! {
                heard = events.next() => match heard {
                    Some(Heard::Away) => rollout.warn("the Docker engine does not answer: the rollout waits for it; see that it runs".to_owned()),
                    Some(Heard::Back(after)) => rollout.warn(format!(
                        "the Docker engine answers again after {:.1} s: the rollout goes on",
                        after.as_secs_f64()
                    )),
                    Some(Heard::Event(_)) => {}
                    None => return,
                },
                _ = looks.tick() => {
                    tell_of_sleep(&rollout, clocks);
                    clocks = Clocks::now();
                }
            }
        }
    }))
}

fn tell_of_sleep(rollout: &Rollout, since: Clocks) {
    if let Some(slept) = since.slept() {
        rollout.warn(format!(
            "this machine slept for {} s, or its clock was set: deadlines don't count that time",
            slept.as_secs()
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use teal_model::event::EventKind;

    #[tokio::test]
    async fn a_machine_that_slept_is_told_of_and_no_time_is_counted() {
        let rollout = Rollout::new("id".into(), "shop".into(), "web".into(), Instant::now());
        tell_of_sleep(&rollout, Clocks::now());
        tell_of_sleep(
            &rollout,
            Clocks::before_sleep(Duration::from_millis(3_600_500)),
        );
        let event = rollout.events().next().await.unwrap();
        let EventKind::Warning { text } = &event.kind else {
            panic!("{event:?}");
        };
        assert!(text.contains("slept for 3600 s"), "{text}");
        // What runs by the rollout's own clock has not moved.
        assert!(event.elapsed_ms < 60_000, "{event:?}");
    }
}
