//! The trial before the first change: pins beside Blue, and every way to see that Traefik knows them.

use tokio::time::Instant;

use super::{Generations, PinSet, Sidecars, Split, TrafficError, placements};
use crate::proof::{Looking, Sought, Trial};

impl Generations {
    /// Puts pins beside these containers of Blue, by which no request of a user's goes, and finds
    /// out how Traefik's word on them can be had: so will that on every split. The pins stay for the
    /// first split.
    pub(crate) async fn try_proof(
        &mut self,
        sidecars: &mut Sidecars,
        blue: &[String],
    ) -> Result<Trial, TrafficError> {
        let traefik = self.pinning.gateway.name.clone();
        if !self.pinning.gateway.watches {
            return Err(TrafficError::Unwatching { traefik });
        }
        let last = match self.generation {
            Some(last) => last,
            None => self.take_over(sidecars).await?,
        };
        let number = last + 1;
        let wanted = placements(sidecars, blue, &[]).await?;
        let sizes = self.expected(blue.len(), 0);
        self.generation = Some(number);
        self.pins = PinSet::begin(number, &self.planned, Split::Blue, sizes);
        self.is_cut_short = true;
        let pinning = self.pinning.clone();
        let (rollout, splits) = (sidecars.rollout.clone(), self.pins.splits.clone());
        let batch = self.pins.batch(&rollout, &splits, &pinning);
        let orders: Vec<_> = wanted
            .iter()
            .map(|placed| placed.order(&batch, number))
            .collect();
        sidecars.bring(&orders).await?;
        let sought = wanted.first().map(|placed| Sought {
            secret: placed.pin.secret.clone(),
            names: batch.probe_names(&placed.pin).collect(),
        });
        self.pins.placed = wanted;
        self.is_cut_short = false;
        match sought {
            Some(sought) => self.look_for(sidecars, &sought, &traefik).await,
            None => Err(TrafficError::Nowhere),
        }
    }

    async fn look_for(
        &mut self,
        sidecars: &mut Sidecars,
        sought: &Sought,
        traefik: &str,
    ) -> Result<Trial, TrafficError> {
        let pinning = &mut self.pinning;
        let mut looking = Looking::begin(pinning).await;
        loop {
            sought.find(pinning, &mut looking).await;
            if !looking.wants_relay(pinning) {
                break;
            }
            looking.may_relay = false;
            pinning.relay(sidecars).await;
            looking.deadline = Instant::now() + pinning.gateway.throttle.windows();
        }
        let (proofs, trial) = looking.end(&pinning.routers, traefik)?;
        tracing::info!(?proofs, "it is known how splits are proved");
        pinning.proofs = proofs;
        pinning.choose_doors();
        if pinning
            .doors
            .iter()
            .flatten()
            .all(|door| door.endpoint.relay.is_none())
        {
            pinning.relay = None;
        }
        pinning.unasked = trial.unpromised.first().cloned();
        Ok(trial)
    }

    /// Steers none of these routers: Traefik does not take Teal's in their place.
    pub(crate) fn leave_out(&mut self, routers: &[String]) {
        let pinning = &mut self.pinning;
        let is_left = |name: &String| !routers.contains(name);
        let kept: Vec<bool> = (pinning.routers.iter())
            .map(|pinned| is_left(&pinned.router.name))
            .collect();
        let mut flags = kept.iter();
        pinning.routers.retain(|_| flags.next() == Some(&true));
        let mut flags = kept.iter();
        pinning.proofs.retain(|_| flags.next() == Some(&true));
        pinning.choose_doors();
        // What the pins are called goes by the routers' numbers.
        self.is_cut_short = true;
    }
}
