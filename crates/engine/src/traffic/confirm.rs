//! The proof that Traefik serves a split.

use std::{net::SocketAddr, time::Duration};

use bollard::Docker;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    api,
    error::TrafficError,
    http::{self, Endpoint},
    pins::{Batch, Generation, PIN, Pin, probe_value},
    rule::Target,
    survey::{Door, Pinning},
};

/// How long Traefik may take to serve a generation. It applies changes at most every 2 s, unless
/// it was told otherwise, and looks at each container of the engine for it: with 20 rollouts at once
/// on a busy machine that took longer than 30 s (measured).
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(60);
/// The same where the only other way is to give up in the middle.
pub(super) const SERVED_AT_LAST_WITHIN: Duration = Duration::from_secs(180);
/// A generation that is not served by then may have been missed.
pub(super) const MISSED_AFTER: Duration = Duration::from_secs(15);
/// How long Traefik may be away: a restart takes less.
pub(super) const AWAY_AT_MOST: Duration = Duration::from_secs(15);
/// The time between two looks at Traefik while it takes up a generation.
const LOOK_EVERY: Duration = Duration::from_millis(40);
const ONE_PROBE: Duration = Duration::from_secs(5);

/// Why a generation is not served yet.
pub(super) enum NotYet {
    /// Nothing answers where Traefik was.
    Away(String),
    Other(String),
}

impl NotYet {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Away(text) | Self::Other(text) => text,
        }
    }
}

/// What is to be confirmed.
pub(super) struct Served<'a> {
    pub(super) batch: &'a Batch<'a>,
    pub(super) generation: &'a Generation,
    pub(super) pins: &'a [Pin],
    /// How long Traefik may take.
    pub(super) within: Duration,
    /// How long it may be away.
    pub(super) away: Duration,
}

impl Served<'_> {
    /// Waits until Traefik serves a generation: a probe that only this generation can answer came
    /// back from each pin, and its API lists the routers, as far as they can be reached.
    pub(super) async fn confirm(
        &self,
        docker: &Docker,
        pinning: &mut Pinning,
    ) -> Result<(), TrafficError> {
        let mut deadline = Instant::now() + self.within;
        let mut away_since = None;
        let mut seen = "nothing yet".to_owned();
        while Instant::now() < deadline {
            match timeout_at(deadline, self.look(pinning)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(NotYet::Other(problem))) => seen = problem,
                Ok(Err(NotYet::Away(problem))) => {
                    seen = problem;
                    let runs = pinning.find_again(docker).await;
                    if runs.map_err(TrafficError::engine("look for Traefik"))? {
                        away_since = None;
                    } else {
                        let since = *away_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= self.away {
                            return Err(TrafficError::Away {
                                traefik: pinning.gateway.name.clone(),
                                waited: self.away,
                            });
                        }
                        // When it is back it has as long as any.
                        deadline = Instant::now() + self.within;
                    }
                }
                Err(_) => break,
            }
            sleep(LOOK_EVERY).await;
        }
        if let Some(address) = pinning.gateway.api {
            let routers = api::routers(address).await.unwrap_or_default();
            let problems = routers
                .iter()
                .filter(|router| router.name.starts_with(PIN))
                .filter_map(api::ApiRouter::problem);
            seen = problems.fold(seen, |seen, problem| format!("{seen}; {problem}"));
        }
        Err(TrafficError::NotServed {
            waited: self.within,
            seen,
        })
    }

    async fn look(&self, pinning: &Pinning) -> Result<(), NotYet> {
        let mut doors = pinning.doors.iter().enumerate();
        let door = doors.find_map(|(number, door)| Some((number, door.as_ref()?)));
        if let Some((number, door)) = door {
            // The generation first: it is the last to be taken up.
            answers(door, &probe_value(&self.generation.secret, number)).await?;
            for pin in self.pins {
                answers(door, &probe_value(&pin.secret, number)).await?;
            }
        }
        match pinning.gateway.api {
            // A probe says nothing of the routers beside its own.
            Some(address) => self.is_listed(address, door.is_some()).await,
            None if door.is_some() => Ok(()),
            None => Err(NotYet::Away("no way to look at Traefik".into())),
        }
    }

    /// Whether the API lists all routers of the generation. Where something else has proved it
    /// already, an API that does not answer says nothing.
    async fn is_listed(&self, api: SocketAddr, is_proved: bool) -> Result<(), NotYet> {
        let Some(routers) = api::routers(api).await else {
            return match is_proved {
                true => Ok(()),
                false => Err(NotYet::Away("Traefik's API does not answer".into())),
            };
        };
        for name in self.batch.router_names(self.generation.number) {
            let router = routers
                .iter()
                .find(|router| router.name == format!("{name}@docker"))
                .ok_or_else(|| NotYet::Other(format!("Traefik has no router `{name}` yet")))?;
            if let Some(problem) = router.problem() {
                return Err(NotYet::Other(problem));
            }
        }
        Ok(())
    }
}

/// Whether a probe with this secret gets to where only it leads.
pub(super) async fn answers(door: &Door, secret: &str) -> Result<(), NotYet> {
    let address = door.endpoint.address;
    let answer = http::get(
        door.endpoint,
        &strange_target(door),
        Some(secret),
        ONE_PROBE,
    )
    .await
    .map_err(|problem| NotYet::Away(format!("Traefik at {address}: {problem}")))?;
    if answer.proof.as_deref() == Some(secret) {
        return Ok(());
    }
    Err(NotYet::Other(format!(
        "the entry point at {address} answers {} by other routes",
        answer.status
    )))
}

/// A request that hardly any router but the probe's takes, so that looking does not bother the
/// service. TLS needs the right name.
fn strange_target(door: &Door) -> Target {
    let Endpoint { tls, .. } = door.endpoint;
    if tls {
        return door.target.clone();
    }
    Target {
        host: "teal.invalid".into(),
        path: "/".into(),
        headers: Vec::new(),
    }
}
