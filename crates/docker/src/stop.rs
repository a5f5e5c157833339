//! Stopping a container, to its end.
//!
//! The engine goes on stopping a container whoever has hung up: a container that runs may be about to
//! be killed. So whoever asks for a stop waits for its end, however long the container may take.

use std::time::Duration;

use bollard::{
    Docker,
    errors::Error as BollardError,
    models::{ContainerInspectResponse, ContainerStateStatusEnum},
    query_parameters::StopContainerOptions,
};

use super::{Missing, failed, look_at, outage::is_outage};
use teal_model::Result;

/// What Docker gives a container to stop where nobody says otherwise.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// A container without an end to its grace period is waited for as long as this.
const ENDLESS: Duration = Duration::from_secs(24 * 60 * 60);

/// What such a container gets on a way that has to end.
const IN_TIME: Duration = Duration::from_secs(30);

/// What the engine may take beyond the grace period to kill a container and to say so.
const MARGIN: Duration = Duration::from_secs(30);

/// How often a stop is asked for where the engine gave no answer.
const TRIES: u32 = 3;

/// Stops a container with its own stop signal, and returns when it has stopped: at once, or after its
/// grace period. A container that is gone or has stopped already is as good.
pub async fn stop(docker: &Docker, id: &str) -> Result<()> {
    to_its_end(docker, id)
        .await
        .map_err(failed(format!("stop container `{id}`")))
}

/// As [`stop`], for a way that has to end: a container without an end to its grace period gets half a
/// minute.
pub async fn stop_in_time(docker: &Docker, id: &str) -> Result<()> {
    let endless = look_at(docker, id)
        .await
        .map_err(failed(format!("inspect container `{id}`")))?
        .filter(is_endless);
    let seconds = endless.and_then(|_| i32::try_from(IN_TIME.as_secs()).ok());
    stop_within(docker, id, seconds)
        .await
        .map_err(failed(format!("stop container `{id}`")))
}

/// As [`stop`], for callers that say themselves what failed.
pub async fn to_its_end(docker: &Docker, id: &str) -> std::result::Result<(), BollardError> {
    stop_within(docker, id, None).await
}

/// The same with another grace period, in seconds, than the container's own.
pub async fn stop_within(
    docker: &Docker,
    id: &str,
    seconds: Option<i32>,
) -> std::result::Result<(), BollardError> {
    let options = seconds.map(|seconds| StopContainerOptions {
        t: Some(seconds),
        ..StopContainerOptions::default()
    });
    let mut tries = 0;
    loop {
        let Some(container) = look_at(docker, id).await?.filter(has_processes) else {
            return Ok(());
        };
        let within = grace_period(&container).saturating_add(MARGIN);
        let docker = docker.clone().with_timeout(within);
        let stopped = docker.stop_container(id, options.clone());
        tries += 1;
        match stopped.await.missing() {
            // Without an answer nobody knows what has become of it: the next look tells.
            Err(error) if is_outage(&error) && tries < TRIES => {
                tracing::warn!(%error, container = id, "it is not known whether it has stopped");
            }
            answer => return answer.map(drop),
        }
    }
}

/// How long a container may take to stop.
pub fn grace_period(container: &ContainerInspectResponse) -> Duration {
    let seconds = container
        .config
        .as_ref()
        .and_then(|config| config.stop_timeout);
    match seconds.map(u64::try_from) {
        Some(Ok(seconds)) => Duration::from_secs(seconds).min(ENDLESS),
        Some(Err(_)) => ENDLESS,
        None => GRACE_PERIOD,
    }
}

/// Whether a container may take as long as it likes.
pub fn is_endless(container: &ContainerInspectResponse) -> bool {
    grace_period(container) == ENDLESS
}

/// Whether there may be anything to stop, now or after its restart policy's pause.
fn has_processes(container: &ContainerInspectResponse) -> bool {
    let state = container.state.as_ref().and_then(|state| state.status);
    !matches!(
        state,
        Some(
            ContainerStateStatusEnum::CREATED
                | ContainerStateStatusEnum::EXITED
                | ContainerStateStatusEnum::DEAD
        )
    )
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerConfig, ContainerState};

    use super::*;

    fn container(stop_timeout: Option<i64>) -> ContainerInspectResponse {
        ContainerInspectResponse {
            config: Some(ContainerConfig {
                stop_timeout,
                ..ContainerConfig::default()
            }),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn a_container_has_the_time_that_it_asks_for() {
        let period = |timeout| grace_period(&container(timeout));
        assert_eq!(period(None), GRACE_PERIOD);
        assert_eq!(period(Some(0)), Duration::ZERO);
        assert_eq!(period(Some(180)), Duration::from_secs(180));
        assert_eq!(period(Some(-1)), ENDLESS);
        assert_eq!(period(Some(i64::MAX)), ENDLESS);
    }

    #[test]
    fn what_may_start_again_has_to_be_stopped() {
        use ContainerStateStatusEnum as Status;
        let needs = |status| {
            has_processes(&ContainerInspectResponse {
                state: Some(ContainerState {
                    status: Some(status),
                    ..ContainerState::default()
                }),
                ..container(None)
            })
        };
        let stops = [
            Status::RUNNING,
            Status::STOPPING,
            Status::RESTARTING,
            Status::PAUSED,
        ];
        assert!(stops.into_iter().all(needs));
        assert!(
            ![Status::CREATED, Status::EXITED, Status::DEAD]
                .map(needs)
                .contains(&true)
        );
    }
}
