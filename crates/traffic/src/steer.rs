//! Traffic of one service during one rollout, whichever way it is steered.

use std::{path::Path, time::Duration};

use bollard::Docker;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    edge::{Splits, Transfer},
    error::TrafficError,
    gap::Gap,
    generations::{Generations, Presence},
    held::Held,
    meter::Meter,
    pins::Pin,
    proof::Trial,
    report::Report,
    sidecars::Sidecars,
    split::Split,
    survey::{Door, Steering, Survey, open_doors},
    whose,
};
use teal_model::event::Color;

/// A request that Traefik accepted just before a shift may reach the old containers after it.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// The traffic of a service while a rollout moves it.
#[derive(Debug)]
pub struct Traffic {
    sidecars: Sidecars,
    is_countable: bool,
    counts_connections: bool,
    held: Option<Held>,
    has_other_calls: bool,
    /// `None` where nothing steers.
    way: Option<Way>,
    /// The containers that requests go to.
    served: Vec<String>,
    shifted_at: Option<Instant>,
}

/// What has come to some containers from others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Arrived {
    pub bytes: u64,
    pub in_flight: u32,
}

/// How requests are moved. Counting is the same for all ways.
#[derive(Debug)]
enum Way {
    /// By pins on the user's Traefik.
    Pins(Box<Generations>),
    /// By splits in the files of Teal's edge.
    Edge(Splits),
    /// By Teal's edge, which takes the ports over first.
    TakeOver(Box<Transfer>),
}

/// Where a container accepts connections of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepts {
    Nothing,
    /// On ports that no route and no image names, or where none is known.
    Others,
    /// On a port that requests come in on.
    Requests,
}

impl Traffic {
    /// `steps` are the shares of Green, in percent, that are to come: what is ready for them is
    /// quicker.
    pub fn new(docker: Docker, survey: Survey, rollout: impl Into<String>, steps: &[u8]) -> Self {
        Self {
            sidecars: Sidecars::new(docker, rollout.into(), survey.ports),
            is_countable: survey.is_countable,
            counts_connections: survey.steering.as_ref().is_some_and(Steering::is_tcp),
            held: survey.held,
            has_other_calls: survey.has_other_calls,
            way: survey.steering.map(|steering| match steering {
                Steering::Pins(pinning) => Way::Pins(Box::new(Generations::new(*pinning, steps))),
                Steering::Edge(fronting) => Way::Edge(Splits::new(fronting)),
                Steering::TakeOver(take_over) => Way::TakeOver(Box::new(Transfer::new(*take_over))),
            }),
            served: Vec::new(),
            shifted_at: None,
        }
    }

    /// Makes ready for so many containers of Green.
    #[must_use]
    pub fn expecting(mut self, green: usize) -> Self {
        if let Some(Way::Pins(pins)) = &mut self.way {
            pins.expect_green(green);
        }
        self
    }

    /// Says on every helper where the records and locks of its rollout are.
    #[must_use]
    pub fn with_records_in(mut self, data: &Path) -> Self {
        self.sidecars.data = Some(data.display().to_string());
        self
    }

    /// Sends this share of new requests, in percent, to these containers of Green and the rest to
    /// these of Blue, each given by its full id, and returns once it is so. A set whose share is
    /// nothing need not be given.
    ///
    /// # Errors
    /// Whatever keeps the split from being served within its time. The split before it is in force
    /// again.
    pub async fn shift(
        &mut self,
        blue: &[String],
        green: &[String],
        green_percent: u8,
    ) -> Result<(), TrafficError> {
        self.shift_if(Presence::Wanted, blue, green, green_percent)
            .await
            .map(drop)
    }

    /// Sends all new requests to these containers of Blue. Where nothing runs in front of the
    /// service there are none to go wrong, and what starts later finds it so. Says whether that is
    /// known to be so: what does not confirm it is not waited for any longer than it may need.
    ///
    /// # Errors
    /// The helpers can't be started.
    pub async fn return_to(&mut self, blue: &[String]) -> Result<bool, TrafficError> {
        self.shift_if(Presence::Optional, blue, &[], 0).await
    }

    /// Sends all new requests to these containers of Green, since there is no Blue any more; as for
    /// [`return_to`](Self::return_to).
    ///
    /// # Errors
    /// As for [`return_to`](Self::return_to).
    pub async fn leave_to(&mut self, green: &[String]) -> Result<bool, TrafficError> {
        self.shift_if(Presence::Optional, &[], green, 100).await
    }

    /// Finds out, without moving a request, how it is proved where requests go: so will every split
    /// be from then on.
    ///
    /// # Errors
    /// [`TrafficError::Unproved`] and [`TrafficError::Unwatching`], and whatever keeps the helpers
    /// from being started.
    pub async fn try_proof(&mut self, blue: &[String]) -> Result<Trial, TrafficError> {
        match &mut self.way {
            Some(Way::Pins(pins)) => pins.try_proof(&mut self.sidecars, blue).await,
            Some(Way::Edge(_) | Way::TakeOver(_)) | None => Ok(Trial::default()),
        }
    }

    /// Steers none of these routers, by name.
    pub fn leave_out(&mut self, routers: &[String]) {
        if let Some(Way::Pins(pins)) = &mut self.way {
            pins.leave_out(routers);
        }
    }

    /// Why the service can't be asked anything, where that was tried.
    pub(super) fn unasked(&self) -> Option<&str> {
        match &self.way {
            Some(Way::Pins(pins)) => pins.pinning.unasked.as_deref(),
            Some(Way::Edge(_) | Way::TakeOver(_)) | None => None,
        }
    }

    /// Holds all new requests on these containers of Blue: what starts from now on gets none before
    /// they are shared. That this is so is known after [`until_held`](Self::until_held) alone.
    ///
    /// # Errors
    /// The helpers can't be started, or an edge does not do it in time.
    pub async fn hold(&mut self, blue: &[String]) -> Result<(), TrafficError> {
        let Some(Way::Pins(pins)) = &mut self.way else {
            return self.shift(blue, &[], 0).await;
        };
        pins.begin(&mut self.sidecars, Split::Blue, blue, &[])
            .await?;
        self.served = blue.to_vec();
        Ok(())
    }

    /// Returns once requests are held on Blue.
    ///
    /// # Errors
    /// As for [`shift`](Self::shift).
    pub async fn until_held(&mut self) -> Result<(), TrafficError> {
        let Some(Way::Pins(pins)) = &mut self.way else {
            return Ok(());
        };
        pins.confirm(&mut self.sidecars).await?;
        self.shifted_at = Some(Instant::now());
        Ok(())
    }

    /// Makes ready for a first share to these containers of Green, as far as that can be done
    /// before it is their turn.
    ///
    /// # Errors
    /// One of them can't be made ready. Traffic goes where it went.
    pub async fn prepare(&mut self, green: &[String]) -> Result<(), TrafficError> {
        match &mut self.way {
            Some(Way::Pins(pins)) => pins.prepare(&mut self.sidecars, green).await,
            Some(Way::Edge(_) | Way::TakeOver(_)) | None => Ok(()),
        }
    }

    async fn shift_if(
        &mut self,
        presence: Presence,
        blue: &[String],
        green: &[String],
        green_percent: u8,
    ) -> Result<bool, TrafficError> {
        let Some(way) = &mut self.way else {
            return Ok(true);
        };
        let split = Split::of(green_percent);
        let in_split = |color, set| if split.leads_to(color) { set } else { &[][..] };
        let (blue, green) = (in_split(Color::Blue, blue), in_split(Color::Green, green));
        if split.leads_to(Color::Blue) && blue.is_empty()
            || split.leads_to(Color::Green) && green.is_empty()
        {
            return Err(TrafficError::Nowhere);
        }
        let mut is_known = true;
        match way {
            Way::Pins(pins) => {
                is_known = pins
                    .shift(&mut self.sidecars, presence, split, blue, green)
                    .await?;
            }
            Way::Edge(splits) => {
                is_known = splits
                    .shift(&self.sidecars.docker, presence, split, blue, green)
                    .await?;
            }
            Way::TakeOver(transfer) => {
                transfer
                    .shift(&mut self.sidecars, split, blue, green)
                    .await?;
            }
        }
        self.served = [blue, green].concat();
        self.shifted_at = Some(Instant::now());
        Ok(is_known)
    }

    /// What the sidecars count.
    pub fn meter(&self) -> Meter {
        self.sidecars.meter.clone()
    }

    /// Gives Blue back what it had to give away for Green, such as its ports. Before Blue is started
    /// again, and before it is looked at: without its networks it may not be healthy.
    pub async fn reinstate_blue(&mut self) -> Result<(), TrafficError> {
        match &mut self.way {
            Some(Way::TakeOver(transfer)) => transfer.give_back(&self.sidecars).await,
            Some(Way::Pins(_) | Way::Edge(_)) | None => Ok(()),
        }
    }

    /// Counts beside these containers from now on, as far as that can be done.
    pub async fn count(&mut self, containers: &[String]) {
        for container in containers {
            if let Err(error) = self.sidecars.count(container).await {
                tracing::warn!(%error, "what goes through a container is not counted");
            }
        }
    }

    /// Requests in flight on these containers, now; connections, where Teal's edge only passes bytes
    /// on. `None` where they can't be counted.
    pub async fn in_flight(&mut self, containers: &[String]) -> Option<u32> {
        if !self.is_countable {
            return None;
        }
        let mut sum = 0;
        for container in containers {
            let report = self.report(container).await?;
            sum += match self.counts_connections {
                true => report.connections,
                false => report.in_flight,
            };
        }
        Some(sum)
    }

    /// What has come to these containers so far; `None` where that can't be seen.
    pub async fn arrived(&mut self, containers: &[String]) -> Option<Arrived> {
        let mut sum = Arrived::default();
        for container in containers {
            let report = self.report(container).await?;
            sum.bytes += report.received;
            sum.in_flight += report.in_flight;
        }
        Some(sum)
    }

    /// What holds requests back inside of Traefik.
    pub const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Whether Traefik calls containers besides the requests that are steered.
    pub const fn has_other_calls(&self) -> bool {
        self.has_other_calls
    }

    /// How many names a container looks up within a time, about.
    ///
    /// # Errors
    /// It can't be counted.
    pub fn lookups(
        &self,
        container: &str,
        within: Duration,
    ) -> impl Future<Output = teal_model::Result<u64>> + Send + use<> {
        let docker = self.sidecars.docker.clone();
        let (rollout, container) = (self.sidecars.rollout.clone(), container.to_owned());
        async move { whose::lookups(&docker, &rollout, &container, within).await }
    }

    /// Whether a container accepts connections now, on a port that requests come in on or on any. `None`
    /// where that can't be seen.
    pub async fn accepts(&mut self, container: &str) -> Option<Accepts> {
        let report = self.report(container).await?;
        let knows_ports = self.sidecars.knows_ports();
        Some(
            match (knows_ports && report.listens, report.listens_anywhere) {
                (true, _) => Accepts::Requests,
                (false, true) => Accepts::Others,
                (false, false) => Accepts::Nothing,
            },
        )
    }

    /// Whether it is known where requests come in.
    pub fn knows_ports(&self) -> bool {
        self.sidecars.knows_ports()
    }

    /// A container was started again: what stands beside it sees nothing of it any more.
    pub async fn started_again(&mut self, container: &str) -> Result<(), TrafficError> {
        self.sidecars.forget(container).await
    }

    /// What goes on in a container's network, as its sidecar reports it next.
    pub async fn report(&mut self, container: &str) -> Option<Report> {
        let since = self
            .shifted_at
            .map_or_else(Instant::now, |at| Instant::now().max(at + LAST_REQUESTS));
        self.sidecars.report(container, since).await
    }

    /// Takes all of Teal's away: requests go by the service's own routes again.
    pub async fn release(&mut self) -> Result<(), TrafficError> {
        self.served.clear();
        match &mut self.way {
            Some(Way::Edge(splits)) => splits.release(&self.sidecars.docker).await?,
            Some(Way::TakeOver(transfer)) => transfer.release(&self.sidecars).await?,
            Some(Way::Pins(_)) | None => {}
        }
        self.sidecars.release().await
    }

    /// Takes away what carried Teal's own questions, once nothing is asked any more.
    pub async fn hang_up(&mut self) -> Result<(), TrafficError> {
        self.sidecars.hang_up().await
    }

    /// The pins that requests go to.
    pub(super) fn served(&self) -> Vec<Pin> {
        let pins = match &self.way {
            Some(Way::Pins(generations)) => generations.pins().cloned().collect(),
            Some(Way::Edge(splits)) => splits.pins().to_vec(),
            Some(Way::TakeOver(transfer)) => transfer.splits.pins().to_vec(),
            None => Vec::new(),
        };
        let served = pins.into_iter();
        served
            .filter(|pin| self.served.contains(&pin.container))
            .collect()
    }

    /// The ways in from here, each with the number of its route.
    pub(super) fn doors_to(&self, path: Option<&str>) -> Vec<(usize, Door)> {
        let doors = match &self.way {
            Some(Way::Pins(generations)) => &generations.pinning.doors[..],
            Some(Way::Edge(splits)) => &splits.fronting.doors,
            Some(Way::TakeOver(transfer)) => &transfer.splits.fronting.doors,
            None => &[],
        };
        open_doors(doors, path)
    }

    /// Whether requests come from a Traefik in the host's network.
    pub fn comes_from_the_host(&self) -> bool {
        match &self.way {
            Some(Way::Pins(generations)) => generations.pinning.gateway.is_on_host_network,
            Some(Way::Edge(_) | Way::TakeOver(_)) | None => false,
        }
    }

    /// The gap that a handover of ports makes; `None` where it makes no gap.
    pub(super) fn gap(&self) -> Option<Gap> {
        match &self.way {
            Some(Way::TakeOver(transfer)) => Some(transfer.gap()),
            Some(Way::Pins(_) | Way::Edge(_)) | None => None,
        }
    }

    /// Looks for what steers once more: it may have been restarted or recreated, with other ports.
    /// If it does not run, its name comes back.
    pub(super) async fn find_again(&mut self) -> Result<Option<String>, TrafficError> {
        let docker = &self.sidecars.docker;
        match &mut self.way {
            Some(Way::Pins(generations)) => {
                let pinning = &mut generations.pinning;
                let runs = pinning.find_again(&mut self.sidecars).await?;
                Ok((!runs).then(|| pinning.gateway.name.clone()))
            }
            Some(Way::Edge(splits)) => splits.absent(docker).await,
            Some(Way::TakeOver(transfer)) => transfer.splits.absent(docker).await,
            None => Ok(None),
        }
    }
}

pub(super) fn secret() -> String {
    Uuid::new_v4().simple().to_string()
}
