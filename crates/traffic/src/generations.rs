//! One way to steer: generations of routers to pins on the user's Traefik.

mod levels;
mod pin_set;
mod trial;

use std::{collections::HashMap, time::Duration};

use super::{
    confirm::{AWAY_AT_MOST, MISSED_AFTER, SERVED_WITHIN, Served},
    error::TrafficError,
    pins::{Generation, LEVELS, Pin},
    sidecar::{self, Found, Order},
    sidecars::Sidecars,
    split::{Sizes, Split},
    steer::secret,
    survey::Pinning,
};
use pin_set::{PinSet, Placed, placements};

use teal_model::event::Color;

/// The pins of a rollout and the generations that lead to them.
///
/// Superseded generations stay until the end: they are shadowed, every removal would hold up
/// Traefik's next reload by 2 s, and should a generation's container die, the one before it takes
/// over.
#[derive(Debug)]
pub(super) struct Generations {
    pub(super) pinning: Pinning,
    /// The last one; none before those are known that another process may have started.
    generation: Option<u32>,
    /// Whether the last one was cut short, so that its pins may or may not be there.
    is_cut_short: bool,
    /// The splits that pins are made ready for.
    planned: Vec<Split>,
    /// How many containers Green is to have; as many as Blue where nobody has said.
    green_size: Option<usize>,
    pins: PinSet,
    /// The one that Traefik has yet to show.
    begun: Option<Begun>,
}

/// A generation whose sidecars run.
#[derive(Debug)]
struct Begun {
    generation: Generation,
    split_to: Vec<Placed>,
    /// The pins before it.
    before: PinSet,
}

/// Whether a split needs a Traefik that runs, and confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Wanted,
    /// While none runs no request can go wrong, and one that starts finds what is there. One that
    /// runs and does not confirm it is waited for as long as it may take, and no longer.
    Optional,
}

impl Generations {
    /// `steps` are the shares of Green, in percent, that pins are made ready for. Others take longer.
    pub(super) fn new(pinning: Pinning, steps: &[u8]) -> Self {
        let mut planned = vec![Split::Blue, Split::Green, Split::of(50)];
        for split in steps.iter().map(|percent| Split::of(*percent)) {
            if !planned.contains(&split) {
                planned.push(split);
            }
        }
        Self {
            pinning,
            generation: None,
            is_cut_short: false,
            pins: PinSet::begin(0, &planned, Split::Blue, Sizes { blue: 1, green: 1 }),
            planned,
            green_size: None,
            begun: None,
        }
    }

    /// What is ready for as many is quicker.
    pub(super) fn expect_green(&mut self, size: usize) {
        self.green_size = Some(size);
    }

    /// A further generation that leads to exactly these containers. If it is wanted and Traefik does
    /// not serve it in time, the one before is in force again. Says whether it is known to be served.
    pub(super) async fn shift(
        &mut self,
        sidecars: &mut Sidecars,
        presence: Presence,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<bool, TrafficError> {
        self.begin(sidecars, split, blue, green).await?;
        match presence {
            Presence::Wanted => self.confirm(sidecars).await.map(|()| true),
            Presence::Optional => self.give_time(sidecars, split, blue, green).await,
        }
    }

    /// How many there will be of each set where there is no Green yet: what a pin weighs goes by both.
    fn expected(&self, blue: usize, green: usize) -> Sizes {
        let green = match green {
            0 => self.green_size.unwrap_or(blue),
            size => size,
        };
        Sizes { blue, green }
    }

    /// Starts a further generation that leads to exactly these containers. What Traefik learns of
    /// later, it learns together with this: it always takes in all containers that run.
    pub(super) async fn begin(
        &mut self,
        sidecars: &mut Sidecars,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<(), TrafficError> {
        let sizes = Sizes {
            blue: blue.len(),
            green: green.len(),
        };
        if split.weight(Color::Blue, sizes).is_some() {
            let can = self.pinning.can_weigh();
            can.map_err(|reason| TrafficError::NoWeights { reason })?;
        }
        let last = match self.generation {
            Some(last) => last,
            None => self.take_over(sidecars).await?,
        };
        if last >= LEVELS {
            return Err(TrafficError::NoLevel { levels: LEVELS });
        }
        let wanted = placements(sidecars, blue, green).await?;
        let generation = Generation {
            number: last + 1,
            split,
            secret: secret(),
        };
        self.generation = Some(generation.number);
        let before = self.pins.clone();
        if self.is_cut_short
            || !self.pins.are_there(&sidecars.list().await?)
            || !self.pins.has_room_for(split, sizes, &wanted)
        {
            let expected = self.expected(blue.len(), green.len());
            self.pins = PinSet::begin(generation.number, &self.planned, split, expected);
        }
        self.is_cut_short = true;
        let started = self.start(sidecars, &generation, &wanted).await;
        let begun = Begun {
            generation,
            split_to: wanted,
            before,
        };
        if let Err(error) = started {
            self.take_back(sidecars, begun).await?;
            return Err(error);
        }
        self.is_cut_short = false;
        self.begun = Some(begun);
        Ok(())
    }

    /// Waits until Traefik serves the generation that was begun, if there is one. If it does not in
    /// time, the one before is in force again.
    ///
    /// Traefik looks at the containers of an engine once for each that starts or ends. Where that one
    /// look fails, it knows nothing of the generation until the next, so a further one is begun.
    pub(super) async fn confirm(&mut self, sidecars: &mut Sidecars) -> Result<(), TrafficError> {
        let Some(begun) = &self.begun else {
            return Ok(());
        };
        let split = begun.generation.split;
        let (blue, green) = (
            begun.containers(Color::Blue),
            begun.containers(Color::Green),
        );
        let windows = self.pinning.gateway.throttle.windows();
        let (within, missed_after) = (SERVED_WITHIN.max(windows), MISSED_AFTER.max(windows));
        let wanted = Presence::Wanted;
        let missed = match self.confirm_within(missed_after, sidecars, wanted).await {
            Err(missed @ TrafficError::NotServed { .. }) => missed,
            confirmed => return confirmed,
        };
        tracing::warn!(error = %missed, "Traefik is made to look again");
        match self.begin(sidecars, split, &blue, &green).await {
            Err(TrafficError::NoLevel { .. }) => return Err(missed),
            begun => begun?,
        }
        let left = within.saturating_sub(missed_after);
        match self.confirm_within(left, sidecars, wanted).await {
            Err(TrafficError::NotServed { seen, .. }) => Err(TrafficError::NotServed {
                waited: within,
                seen,
            }),
            confirmed => confirmed,
        }
    }

    /// Waits for Traefik to serve the generation that was begun, as long as it may need where all is
    /// well. Where it does not confirm that, the generation stays, and Traefik is made to look at it
    /// once more. Says whether it is known to be served.
    async fn give_time(
        &mut self,
        sidecars: &mut Sidecars,
        split: Split,
        blue: &[String],
        green: &[String],
    ) -> Result<bool, TrafficError> {
        if !self.pinning.is_tried() {
            self.pinning.open(sidecars).await;
        }
        let windows = self.pinning.gateway.throttle.windows();
        let confirmed = self
            .confirm_within(windows, sidecars, Presence::Optional)
            .await;
        match confirmed {
            Ok(()) => return Ok(true),
            Err(TrafficError::NotServed { seen, .. }) => {
                tracing::warn!(seen, "Traefik does not confirm the way back");
            }
            Err(error) => return Err(error),
        }
        match self.begin(sidecars, split, blue, green).await {
            Ok(()) | Err(TrafficError::NoLevel { .. }) => {}
            Err(error) => return Err(error),
        }
        self.begun = None;
        Ok(false)
    }

    async fn confirm_within(
        &mut self,
        within: Duration,
        sidecars: &mut Sidecars,
        presence: Presence,
    ) -> Result<(), TrafficError> {
        let Some(begun) = &self.begun else {
            return Ok(());
        };
        let pins: Vec<_> = begun
            .split_to
            .iter()
            .filter_map(|placed| self.pins.find(placed))
            .map(|placed| placed.pin.clone())
            .collect();
        let pinning = self.pinning.clone();
        let (rollout, splits) = (sidecars.rollout.clone(), self.pins.splits.clone());
        let served = Served {
            batch: &self.pins.batch(&rollout, &splits, &pinning),
            generation: &begun.generation,
            pins: &pins,
            within,
            away: match presence {
                Presence::Wanted => AWAY_AT_MOST,
                Presence::Optional => Duration::ZERO,
            },
        };
        let confirmed = served.confirm(sidecars, &mut self.pinning).await;
        let Some(begun) = self.begun.take() else {
            return confirmed;
        };
        match confirmed {
            Ok(()) => {
                let (number, split) = (begun.generation.number, begun.generation.split);
                tracing::info!(generation = number, ?split, "Traefik serves the split");
                Ok(())
            }
            Err(TrafficError::Away { traefik, .. }) if presence == Presence::Optional => {
                tracing::warn!(
                    traefik,
                    "Traefik does not run; it will find the split there"
                );
                Ok(())
            }
            Err(error) if presence == Presence::Optional => Err(error),
            Err(error) => {
                self.take_back(sidecars, begun).await?;
                Err(error)
            }
        }
    }

    /// Removes a generation that failed.
    async fn take_back(
        &mut self,
        sidecars: &mut Sidecars,
        begun: Begun,
    ) -> Result<(), TrafficError> {
        sidecars.withdraw(begun.generation.number).await?;
        self.pins = begun.before;
        self.is_cut_short = false;
        Ok(())
    }

    pub(super) fn pins(&self) -> impl Iterator<Item = &Pin> {
        self.pins.placed.iter().map(|placed| &placed.pin)
    }

    /// Puts pins beside containers of Green that no split has yet: several that start at the time of
    /// a split would make Traefik wait, since each opens one of its windows of 2 s.
    pub(super) async fn prepare(
        &mut self,
        sidecars: &mut Sidecars,
        green: &[String],
    ) -> Result<(), TrafficError> {
        // Without a split there is nothing to join yet.
        if self.pins.placed.is_empty() || self.is_cut_short {
            return Ok(());
        }
        let number = self.generation.unwrap_or(0);
        let wanted = placements(sidecars, &[], green).await?;
        let pinning = self.pinning.clone();
        let (rollout, splits) = (sidecars.rollout.clone(), self.pins.splits.clone());
        let batch = self.pins.batch(&rollout, &splits, &pinning);
        let orders: Vec<_> = wanted
            .iter()
            .map(|placed| placed.order(&batch, number))
            .collect();
        self.is_cut_short = true;
        sidecars.bring(&orders).await?;
        self.pins.placed.extend(wanted);
        self.is_cut_short = false;
        Ok(())
    }

    /// Starts what is missing: pins, and at last the sidecar that brings the generation's routers.
    /// If a pin is missing, it brings them as well.
    async fn start(
        &mut self,
        sidecars: &mut Sidecars,
        generation: &Generation,
        wanted: &[Placed],
    ) -> Result<(), TrafficError> {
        let pinning = self.pinning.clone();
        let (rollout, splits) = (sidecars.rollout.clone(), self.pins.splits.clone());
        let batch = self.pins.batch(&rollout, &splits, &pinning);
        let missing: Vec<_> = wanted
            .iter()
            .filter(|placed| self.pins.find(placed).is_none())
            .cloned()
            .collect();
        let mut orders: Vec<_> = missing
            .iter()
            .map(|placed| placed.order(&batch, generation.number))
            .collect();
        let mut last = match (orders.pop(), wanted.last()) {
            (Some(order), _) => order,
            (None, Some(placed)) => Order {
                target: placed.pin.container.clone(),
                color: None,
                generation: generation.number,
                split: None,
                labels: HashMap::new(),
            },
            (None, None) => return Err(TrafficError::Nowhere),
        };
        last.labels.extend(batch.split_labels(generation));
        last.split = Some(generation.split);
        self.pins.placed.extend(missing);
        orders.push(last);
        sidecars.bring(&orders).await
    }
}

impl Begun {
    /// Those of a set that it leads to.
    fn containers(&self, color: Color) -> Vec<String> {
        let pins = self.split_to.iter().map(|placed| &placed.pin);
        pins.filter(|pin| pin.color == color)
            .map(|pin| pin.container.clone())
            .collect()
    }
}
