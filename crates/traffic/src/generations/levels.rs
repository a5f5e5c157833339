//! Levels: each generation needs one above the last, and there are but a few above a router.

use uuid::Uuid;

use super::{
    Begun, Color, Found, Generation, Generations, LEVELS, PinSet, Presence, Sidecars, Sizes,
    TrafficError, placements, secret, sidecar,
};
use crate::sidecars::removal;

/// More than this are not used before beginning with the first one again: the rest is enough for
/// what a process may still have to do.
const USED: u32 = LEVELS / 2;

impl Generations {
    /// The number of the last generation on the engine, which another process may have started.
    pub(super) async fn take_over(&mut self, sidecars: &mut Sidecars) -> Result<u32, TrafficError> {
        sidecars.ready().await?;
        let found = sidecars.list().await?;
        let last = found.iter().map(|found| found.generation).max();
        match last.unwrap_or(0) {
            last @ ..=USED => Ok(last),
            last => match self.start_over(sidecars, &found).await {
                Ok(first) => Ok(first.unwrap_or(last)),
                Err(error) => {
                    tracing::warn!(%error, "the levels are not begun again");
                    self.is_cut_short = true;
                    Ok(last)
                }
            },
        }
    }

    /// Serves the split in force from the first level, and removes all above it; `None` if what is
    /// in force needs that level itself. Requests go where they went all the while.
    async fn start_over(
        &mut self,
        sidecars: &mut Sidecars,
        found: &[Found],
    ) -> Result<Option<u32>, TrafficError> {
        let in_force = found.iter().rfind(|found| found.split.is_some());
        let Some((number, split)) = in_force.and_then(|it| Some((it.generation, it.split?))) else {
            return Ok(None);
        };
        let [mut unneeded, ..] = removal(found);
        // Of the pins beside one container the last that it could use is the one that it uses.
        let usable = |it: &&Found| it.generation <= number && it.color.is_some();
        unneeded.extend(found.iter().filter(usable).filter_map(|one| {
            let is_newer = |other: &Found| {
                other.target == one.target
                    && other.color == one.color
                    && other.generation > one.generation
            };
            let is_routing = one.split.is_some() && one.generation == number;
            let is_superseded = found.iter().filter(usable).any(is_newer);
            (is_superseded && !is_routing).then_some(one.id.as_str())
        }));
        remove(sidecars, unneeded.iter().copied()).await?;
        let kept: Vec<_> = found
            .iter()
            .filter(|found| !unneeded.contains(&found.id.as_str()))
            .collect();
        if kept.iter().any(|found| found.generation == 1) {
            return Ok(None);
        }
        let targets = |color| {
            let of_color = |found: &&&Found| found.color == Some(color) && found.generation > 0;
            let mut targets: Vec<_> = match split.leads_to(color) {
                true => kept
                    .iter()
                    .filter(of_color)
                    .map(|it| it.target.clone())
                    .collect(),
                false => Vec::new(),
            };
            targets.sort_unstable();
            targets.dedup();
            targets
        };
        let (blue, green) = (targets(Color::Blue), targets(Color::Green));
        let wanted = placements(sidecars, &blue, &green).await?;
        let sizes = Sizes {
            blue: blue.len(),
            green: green.len(),
        };
        let generation = Generation {
            number: 1,
            split,
            secret: secret(),
        };
        // A number that no batch before had: their names must not meet.
        let batch = LEVELS.saturating_add(Uuid::new_v4().as_fields().0 >> 8);
        self.pins = PinSet::begin(batch, &self.planned, split, sizes);
        self.is_cut_short = true;
        let before = self.pins.clone();
        self.start(sidecars, &generation, &wanted).await?;
        self.begun = Some(Begun {
            generation,
            split_to: wanted,
            before,
        });
        let within = self.pinning.gateway.throttle.windows();
        self.confirm_within(within, sidecars, Presence::Wanted)
            .await?;
        self.is_cut_short = false;
        // The routers first: those of the first level take over.
        let routing = kept.iter().filter(|found| found.split.is_some());
        remove(sidecars, routing.map(|found| found.id.as_str())).await?;
        remove(sidecars, kept.iter().map(|found| found.id.as_str())).await?;
        Ok(Some(1))
    }
}

async fn remove(
    sidecars: &Sidecars,
    ids: impl IntoIterator<Item = &str>,
) -> Result<(), TrafficError> {
    sidecar::remove(&sidecars.docker, ids)
        .await
        .map_err(TrafficError::engine("remove sidecars"))
}
