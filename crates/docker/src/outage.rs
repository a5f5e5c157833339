//! An engine that goes away and comes back, as one does that is restarted: calls wait for it, and
//! its events are read on from where they broke off.

use std::{
    collections::HashMap,
    future::Future,
    time::{Duration, Instant, SystemTime},
};

use bollard::{
    Docker, errors::Error as BollardError, models::EventMessage, query_parameters::EventsOptions,
};
use futures_util::{
    StreamExt,
    stream::{BoxStream, unfold},
};
use tokio::time::sleep;

/// How long a call waits for an engine that does not answer.
const AT_MOST: Duration = Duration::from_secs(30);
/// Between two tries, at first and in the end.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Clocks that are apart by less are only adjusted.
const JUMP: Duration = Duration::from_secs(10);
/// What may lie between an event and its time stamp.
const OVERLAP: Duration = Duration::from_secs(1);

/// Makes a call once more where no engine answers, for a while. The call may have been carried out
/// before the answer was lost, so it has to be one that can be made twice.
pub async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, BollardError>
where
    F: Future<Output = Result<T, BollardError>>,
{
    again_if(is_outage, call).await
}

/// Makes a call once more where it did not even reach the engine, for a while.
pub async fn until_sent<T, F>(call: impl Fn() -> F) -> Result<T, BollardError>
where
    F: Future<Output = Result<T, BollardError>>,
{
    again_if(is_unsent, call).await
}

async fn again_if<T, F>(
    is_worth_it: fn(&BollardError) -> bool,
    call: impl Fn() -> F,
) -> Result<T, BollardError>
where
    F: Future<Output = Result<T, BollardError>>,
{
    let began = Instant::now();
    let mut pause = PAUSE;
    loop {
        match call().await {
            Err(error) if is_worth_it(&error) && began.elapsed() < AT_MOST => {
                tracing::warn!(%error, "the Docker engine does not answer");
            }
            answer => return answer,
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether there was no answer, rather than a bad one.
pub(super) fn is_outage(error: &BollardError) -> bool {
    matches!(
        error,
        BollardError::HyperLegacyError { .. }
            | BollardError::HyperResponseError { .. }
            | BollardError::IOError { .. }
            | BollardError::SocketNotFoundError(_)
            | BollardError::RequestTimeoutError
    )
}

fn is_unsent(error: &BollardError) -> bool {
    matches!(error, BollardError::HyperLegacyError { err } if err.is_connect())
}

/// What comes of following an engine's events.
#[derive(Debug)]
pub enum Heard {
    /// One that came, or was made up for. After an outage one may come twice.
    Event(Box<EventMessage>),
    /// The engine does not answer any more.
    Away,
    /// It answers again, after so long.
    Back(Duration),
}

/// The events that pass the filters, without an end and without a gap.
pub fn events(docker: &Docker, filters: &[(&str, Vec<String>)]) -> BoxStream<'static, Heard> {
    let filters = filters
        .iter()
        .map(|(name, words)| ((*name).to_owned(), words.clone()))
        .collect();
    let follow = Follow {
        docker: docker.clone(),
        filters,
        events: None,
        heard_at: Clocks::now(),
        away_since: None,
        pause: PAUSE,
    };
    unfold(follow, |mut follow| async move {
        let heard = follow.next().await;
        Some((heard, follow))
    })
    .boxed()
}

struct Follow {
    docker: Docker,
    filters: HashMap<String, Vec<String>>,
    /// None before the first one and while the engine is away.
    events: Option<BoxStream<'static, Result<EventMessage, BollardError>>>,
    /// When it was last known that nothing was missed.
    heard_at: Clocks,
    away_since: Option<Instant>,
    pause: Duration,
}

impl Follow {
    async fn next(&mut self) -> Heard {
        loop {
            if let Some(events) = &mut self.events {
                match events.next().await {
                    Some(Ok(event)) => {
                        self.heard_at = Clocks::now();
                        return Heard::Event(Box::new(event));
                    }
                    end => {
                        tracing::warn!(?end, "the engine's events broke off");
                        self.events = None;
                        self.away_since = Some(Instant::now());
                        return Heard::Away;
                    }
                }
            }
            let Some(away_since) = self.away_since else {
                self.events = Some(self.open(None));
                continue;
            };
            // By the engine's own clock, which need not be this machine's.
            match self.docker.info().await.map(|info| info.system_time) {
                Ok(now) => {
                    let missed = self.heard_at.elapsed() + OVERLAP;
                    let since = now
                        .and_then(|now| now.parse::<jiff::Timestamp>().ok())
                        .and_then(|now| now.checked_sub(missed).ok());
                    self.events = Some(self.open(since));
                    self.away_since = None;
                    self.pause = PAUSE;
                    return Heard::Back(away_since.elapsed());
                }
                Err(error) => tracing::debug!(%error, "the engine is not back yet"),
            }
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn open(
        &self,
        since: Option<jiff::Timestamp>,
    ) -> BoxStream<'static, Result<EventMessage, BollardError>> {
        let since = since.map(|since| {
            let (seconds, nanoseconds) = (since.as_second(), since.subsec_nanosecond());
            format!("{seconds}.{nanoseconds:09}")
        });
        let options = EventsOptions {
            since,
            filters: Some(self.filters.clone()),
            ..EventsOptions::default()
        };
        self.docker.events(Some(options)).boxed()
    }
}

/// A moment, by a clock that never jumps and by one that goes on while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    steady: Instant,
    wall: SystemTime,
}

impl Clocks {
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall clock is looked at to see it jump"
    )]
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// A moment ago, if the machine has slept for so long since. For tests.
    #[must_use]
    pub fn before_sleep(slept: Duration) -> Self {
        let now = Self::now();
        Self {
            wall: now.wall.checked_sub(slept).unwrap_or(now.wall),
            ..now
        }
    }

    fn elapsed(self) -> Duration {
        let by_wall = self.wall.elapsed().unwrap_or_default();
        self.steady.elapsed().max(by_wall)
    }

    /// How much longer it is since then by the wall clock: while the machine slept, or by how much
    /// somebody has set the clock. `None` if that is as good as nothing.
    pub fn slept(self) -> Option<Duration> {
        let by_wall = self.wall.elapsed().unwrap_or_default();
        slept(self.steady.elapsed(), by_wall)
    }
}

fn slept(steady: Duration, wall: Duration) -> Option<Duration> {
    wall.checked_sub(steady).filter(|slept| *slept >= JUMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_slept_is_known_by_its_clocks() {
        let seconds = Duration::from_secs;
        assert_eq!(slept(seconds(5), seconds(65)), Some(seconds(60)));
        assert_eq!(slept(seconds(5), seconds(6)), None, "clocks are adjusted");
        assert_eq!(slept(seconds(5), seconds(0)), None, "it was set back");
    }

    #[tokio::test]
    async fn what_no_engine_hears_is_said_again_only_where_it_may_be() {
        // Nobody listens at this port.
        let docker = Docker::connect_with_host("tcp://127.0.0.1:1").unwrap();
        let unsent = docker.version().await.unwrap_err();
        assert!(is_unsent(&unsent) && is_outage(&unsent), "{unsent:?}");
        let answer = BollardError::DockerResponseServerError {
            status_code: 500,
            message: String::new(),
        };
        assert!(!is_unsent(&answer) && !is_outage(&answer));
    }
}
