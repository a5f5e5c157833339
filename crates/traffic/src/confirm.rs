//! The proof that Traefik serves a split, in the ways that have proved themselves.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    api,
    error::TrafficError,
    http,
    listing::{self, Listing},
    pins::{Batch, Generation, Pin, probe_value},
    rule::Target,
    sidecars::Sidecars,
    survey::{Door, Pinning},
};

/// How long Traefik may take to serve a generation. It applies changes at most every 2 s, unless
/// it was told otherwise, and looks at each container of the engine for it: with 20 rollouts at once
/// on a busy machine that took longer than 30 s (measured).
pub(super) const SERVED_WITHIN: Duration = Duration::from_secs(60);
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
    /// Waits until Traefik serves a generation.
    ///
    /// # Errors
    /// It does not in time, or it has been away for too long.
    pub(super) async fn confirm(
        &self,
        sidecars: &mut Sidecars,
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
                    if pinning.find_again(sidecars).await? {
                        if away_since.take().is_some() {
                            // When it is back it has as long as any.
                            deadline = Instant::now() + self.within;
                        }
                    } else {
                        let since = *away_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= self.away {
                            return Err(TrafficError::Away {
                                traefik: pinning.gateway.name.clone(),
                                waited: self.away,
                            });
                        }
                        deadline = Instant::now() + self.within;
                    }
                }
                Err(_) => break,
            }
            sleep(LOOK_EVERY).await;
        }
        if let Some(address) = pinning.gateway.api {
            let routers = api::routers(address).await.unwrap_or_default();
            seen = listing::problems(&routers)
                .fold(seen, |seen, problem| format!("{seen}; {problem}"));
        }
        Err(TrafficError::NotServed {
            waited: self.within,
            seen,
        })
    }

    /// A probe that only this generation can answer came back through each entry point that can be
    /// asked, and one from each pin; or Traefik's API lists it all. As long as no way has been tried,
    /// one of both is enough.
    async fn look(&self, pinning: &Pinning) -> Result<(), NotYet> {
        let nothing = || Err(NotYet::Away("no way to look at Traefik".into()));
        match self.ask(pinning).await {
            Some(Ok(())) => self.has_no_problem(pinning).await,
            Some(Err(unanswered)) if pinning.is_tried() => Err(unanswered),
            Some(Err(unanswered)) => match self.is_listed(pinning).await {
                Some(Ok(())) => Ok(()),
                Some(Err(_)) | None => Err(unanswered),
            },
            None => self.is_listed(pinning).await.unwrap_or_else(nothing),
        }
    }

    /// `None` if nothing can be asked.
    async fn ask(&self, pinning: &Pinning) -> Option<Result<(), NotYet>> {
        let mut doors = pinning.doors.iter().enumerate();
        let mut open: Vec<(usize, &Door)> = doors
            .by_ref()
            .filter_map(|(number, door)| Some((number, door.as_ref()?)))
            .collect();
        // The same entry point says the same of all its routers.
        open.sort_by_key(|(_, door)| door.endpoint.address);
        open.dedup_by(|one, other| one.1.endpoint == other.1.endpoint);
        let (first, door) = *open.first()?;
        let asked = async {
            // The generation first: it is the last to be taken up.
            for (number, door) in &open {
                answers(door, &probe_value(&self.generation.secret, *number)).await?;
            }
            for pin in self.pins {
                answers(door, &probe_value(&pin.secret, first)).await?;
            }
            Ok(())
        };
        Some(asked.await)
    }

    /// A probe says nothing of the routers beside its own. An API that does not answer says nothing.
    async fn has_no_problem(&self, pinning: &Pinning) -> Result<(), NotYet> {
        let Some(address) = pinning.gateway.api else {
            return Ok(());
        };
        let routers = api::routers(address).await.unwrap_or_default();
        let mut names = self.batch.router_names(self.generation.number);
        names
            .try_for_each(|name| listing::problem(&routers, &name))
            .map_err(NotYet::Other)
    }

    /// Whether the API lists all routers of the generation, with a server for each pin; `None` if
    /// there is no API.
    async fn is_listed(&self, pinning: &Pinning) -> Option<Result<(), NotYet>> {
        let address = pinning.gateway.api?;
        let Some(listing) = Listing::ask(address).await else {
            return Some(Err(NotYet::Away("Traefik's API does not answer".into())));
        };
        let mut names = self
            .batch
            .router_names(self.generation.number)
            .zip(self.batch.service_names(self.generation.split));
        let listed = names
            .try_for_each(|(router, service)| listing.serves(&router, &service, self.pins.len()));
        Some(listed.map_err(NotYet::Other))
    }
}

/// Whether a probe with this secret gets to where only it leads.
pub(super) async fn answers(door: &Door, secret: &str) -> Result<(), NotYet> {
    let address = &door.endpoint;
    let answer = http::get(address, &strange_target(door), Some(secret), ONE_PROBE)
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
pub(super) fn strange_target(door: &Door) -> Target {
    if door.endpoint.tls {
        return door.target.clone();
    }
    Target {
        host: "teal.invalid".into(),
        path: "/".into(),
        headers: Vec::new(),
    }
}
