//! Traffic of one service during one rollout: generations of routers to pins, each confirmed.

use std::{collections::HashMap, time::Duration};

use bollard::Docker;
use futures_util::future::try_join_all;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::{
    confirm::confirm,
    error::TrafficError,
    pins::{Batch, Generation, LEVELS, Pin},
    sidecar::{self, Found, Order, Report, Sidecar},
    split::{Sizes, Split},
    survey::{Steering, Survey},
};
use crate::event::Color;

/// A sidecar reports ten times a second; one that is silent for longer can't count.
const REPORTS_WITHIN: Duration = Duration::from_secs(2);
/// A request that Traefik accepted just before a shift may reach the old containers after it.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// The traffic of a service while a rollout moves it.
///
/// Superseded generations stay until [`release`](Self::release): they are shadowed, every removal
/// would hold up Traefik's next reload by 2 s, and should a generation's container die, the one
/// before it takes over.
#[derive(Debug)]
pub(crate) struct Traffic {
    docker: Docker,
    survey: Survey,
    rollout: String,
    image: Option<String>,
    /// The last one.
    generation: u32,
    /// The splits that pins are made ready for.
    planned: Vec<Split>,
    pins: PinSet,
    /// The containers that requests go to.
    served: Vec<String>,
    sidecars: Vec<Sidecar>,
    shifted_at: Option<Instant>,
}

/// The present pins, and what they can serve.
#[derive(Debug, Clone)]
struct PinSet {
    /// The generation that began them.
    batch: u32,
    splits: Vec<Split>,
    sizes: Sizes,
    placed: Vec<Placed>,
}

/// A pin beside its container as it ran when the pin came: a container that is started again has
/// another network.
#[derive(Debug, Clone)]
struct Placed {
    pin: Pin,
    started_at: String,
}

impl Traffic {
    /// `steps` are the shares of Green, in percent, that are to come: pins are made ready for them.
    /// Others take longer.
    pub(crate) fn new(
        docker: Docker,
        survey: Survey,
        rollout: impl Into<String>,
        steps: &[u8],
    ) -> Self {
        let mut planned = vec![Split::Blue, Split::Green, Split::of(50)];
        for split in steps.iter().map(|percent| Split::of(*percent)) {
            if !planned.contains(&split) {
                planned.push(split);
            }
        }
        Self {
            docker,
            survey,
            rollout: rollout.into(),
            image: None,
            generation: 0,
            pins: PinSet::begin(0, &planned, Split::Blue, Sizes { blue: 1, green: 1 }),
            planned,
            served: Vec::new(),
            sidecars: Vec::new(),
            shifted_at: None,
        }
    }

    /// Sends this share of new requests, in percent, to these containers of Green and the rest to
    /// these of Blue, each given by its full id, and returns once Traefik does it. A set whose
    /// share is nothing need not be given.
    ///
    /// # Errors
    /// Whatever keeps Traefik from serving the split within its time. The split before it is in
    /// force again.
    pub(crate) async fn shift(
        &mut self,
        blue: &[String],
        green: &[String],
        green_percent: u8,
    ) -> Result<(), TrafficError> {
        let Some(steering) = self.survey.steering.clone() else {
            return Ok(());
        };
        let split = Split::of(green_percent);
        let in_split = |color, set| if split.leads_to(color) { set } else { &[][..] };
        let (blue, green) = (in_split(Color::Blue, blue), in_split(Color::Green, green));
        if split.leads_to(Color::Blue) && blue.is_empty()
            || split.leads_to(Color::Green) && green.is_empty()
        {
            return Err(TrafficError::Nowhere);
        }
        let sizes = Sizes {
            blue: blue.len(),
            green: green.len(),
        };
        if split.weight(Color::Blue, sizes).is_some() {
            let can = self.survey.can_weigh();
            can.map_err(|reason| TrafficError::NoWeights { reason })?;
        }
        self.catch_up().await?;
        if self.generation >= LEVELS {
            return Err(TrafficError::NoLevel { levels: LEVELS });
        }
        let wanted = self.placements(blue, green).await?;
        let generation = Generation {
            number: self.generation + 1,
            split,
            secret: secret(),
        };
        self.generation = generation.number;
        let before = self.pins.clone();
        if !self.pins.has_room_for(split, sizes, &wanted) {
            self.pins = PinSet::begin(generation.number, &self.planned, split, sizes);
        }
        if let Err(error) = self.serve(&steering, &generation, &wanted).await {
            self.pins = before;
            self.withdraw().await?;
            return Err(error);
        }
        tracing::info!(
            generation = generation.number,
            ?blue,
            ?green,
            "Traefik serves the split"
        );
        self.served = [blue, green].concat();
        self.shifted_at = Some(Instant::now());
        Ok(())
    }

    /// Requests in flight on these containers, now. None where they can't be counted.
    pub(crate) async fn in_flight(&mut self, containers: &[String]) -> Option<u32> {
        if !self.survey.is_countable {
            return None;
        }
        let mut sum = 0;
        for container in containers {
            sum += self.report(container).await?.in_flight;
        }
        Some(sum)
    }

    /// What goes on in a container's network, as its sidecar reports it next.
    pub(crate) async fn report(&mut self, container: &str) -> Option<Report> {
        let counts = |sidecar: &Sidecar| sidecar.counts && sidecar.target == container;
        if !self.sidecars.iter().any(counts) {
            self.count_only(container).await.ok()?;
        }
        let since = self
            .shifted_at
            .map_or_else(Instant::now, |at| Instant::now().max(at + LAST_REQUESTS));
        let newest = self
            .sidecars
            .iter_mut()
            .rev()
            .find(|sidecar| counts(sidecar))?;
        let fresh = newest
            .readings
            .wait_for(|reading| reading.is_some_and(|reading| reading.at >= since));
        let reading = timeout_at(since + REPORTS_WITHIN, fresh).await.ok()?.ok()?;
        reading.map(|reading| reading.report)
    }

    /// Takes all pins away: Traefik goes back to the service's own routers.
    pub(crate) async fn release(&mut self) -> Result<(), TrafficError> {
        self.sidecars.clear();
        self.pins.placed.clear();
        self.served.clear();
        sweep(&self.docker, &self.rollout).await
    }

    /// The pins that requests go to, and the ways to them.
    pub(super) fn served(&self) -> Option<(&Steering, Vec<&Pin>)> {
        let steering = self.survey.steering.as_ref()?;
        let pins = self.pins.placed.iter().map(|placed| &placed.pin);
        let served = pins.filter(|pin| self.served.contains(&pin.container));
        Some((steering, served.collect()))
    }

    /// Goes on after the last generation on the engine, which another process may have started.
    async fn catch_up(&mut self) -> Result<(), TrafficError> {
        if self.image.is_some() {
            return Ok(());
        }
        self.image().await?;
        let found = sidecar::list(&self.docker, Some(&self.rollout))
            .await
            .map_err(TrafficError::engine("list sidecars"))?;
        let last = found.iter().map(|found| found.generation).max();
        self.generation = self.generation.max(last.unwrap_or(0));
        Ok(())
    }

    async fn image(&mut self) -> Result<String, TrafficError> {
        let image = sidecar::ensure_image(&self.docker)
            .await
            .map_err(TrafficError::engine("import the sidecar's image"))?
            .ok_or(TrafficError::NoSidecar)?;
        self.image = Some(image.clone());
        Ok(image)
    }

    /// A pin for each container, as it runs now.
    async fn placements(
        &self,
        blue: &[String],
        green: &[String],
    ) -> Result<Vec<Placed>, TrafficError> {
        let blue = blue.iter().map(|container| (container, Color::Blue));
        let green = green.iter().map(|container| (container, Color::Green));
        let placed = blue.chain(green).map(|(container, color)| async move {
            let unpinnable = |reason: String| TrafficError::Unpinnable {
                container: sidecar::short(container, 12),
                reason,
            };
            let inspected = self.docker.inspect_container(container, None).await;
            let inspected = inspected.map_err(|error| unpinnable(error.to_string()))?;
            let state = inspected.state.unwrap_or_default();
            if state.running != Some(true) {
                return Err(unpinnable("it does not run".into()));
            }
            Ok(Placed {
                pin: Pin {
                    container: container.clone(),
                    color,
                    secret: secret(),
                },
                started_at: state.started_at.unwrap_or_default(),
            })
        });
        try_join_all(placed).await
    }

    /// Starts what is missing: pins, and at last the sidecar that brings the generation's routers.
    /// If a pin is missing, it brings them as well.
    async fn serve(
        &mut self,
        steering: &Steering,
        generation: &Generation,
        wanted: &[Placed],
    ) -> Result<(), TrafficError> {
        let (rollout, splits) = (self.rollout.clone(), self.pins.splits.clone());
        let batch = Batch {
            rollout: &rollout,
            number: self.pins.batch,
            splits: &splits,
            sizes: self.pins.sizes,
            routers: &steering.routers,
            copied: &steering.copied,
        };
        let missing: Vec<_> = wanted
            .iter()
            .filter(|placed| self.pins.find(placed).is_none())
            .cloned()
            .collect();
        let mut orders: Vec<_> = missing
            .iter()
            .map(|placed| Order {
                target: placed.pin.container.clone(),
                color: Some(placed.pin.color),
                generation: generation.number,
                split: None,
                labels: batch.pin_labels(&placed.pin),
            })
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
        let created =
            try_join_all(orders.iter().chain([&last]).map(|order| self.create(order))).await?;
        let first = created.iter().zip(&orders);
        let started = try_join_all(first.map(|(id, order)| self.start(id, order))).await?;
        self.sidecars.extend(started);
        if let Some(id) = created.last() {
            let started = self.start(id, &last).await?;
            self.sidecars.push(started);
        }
        let pins: Vec<_> = wanted
            .iter()
            .filter_map(|placed| self.pins.find(placed))
            .map(|placed| placed.pin.clone())
            .collect();
        confirm(steering, &batch, generation, &pins).await
    }

    async fn count_only(&mut self, container: &str) -> Result<(), TrafficError> {
        self.image().await?;
        let order = Order {
            target: container.to_owned(),
            color: Some(Color::Blue),
            generation: 0,
            split: None,
            // Traefik must not make a route of it, whatever its defaults are.
            labels: HashMap::from([("traefik.enable".to_owned(), "false".to_owned())]),
        };
        let id = self.create(&order).await?;
        let sidecar = self.start(&id, &order).await?;
        self.sidecars.insert(0, sidecar);
        Ok(())
    }

    /// Another rollout that ends may take the image away in the moment before it is used.
    async fn create(&self, order: &Order) -> Result<String, TrafficError> {
        let image = self.image.as_deref().unwrap_or_default();
        let create = || {
            sidecar::create(
                &self.docker,
                &self.rollout,
                image,
                &self.survey.ports,
                order,
            )
        };
        let created = match create().await {
            Err(error) if sidecar::is_status(&error, 404) => {
                sidecar::ensure_image(&self.docker)
                    .await
                    .map_err(TrafficError::engine("import the sidecar's image"))?;
                create().await
            }
            created => created,
        };
        created.map_err(|error| unpinnable(order, &error))
    }

    /// An engine under load sometimes fails to start a container and starts it the next time.
    async fn start(&self, id: &str, order: &Order) -> Result<Sidecar, TrafficError> {
        let started = match Sidecar::start(&self.docker, id, order).await {
            Err(error) if sidecar::is_status(&error, 500) => {
                tracing::warn!(%error, "a sidecar is started once more");
                Sidecar::start(&self.docker, id, order).await
            }
            started => started,
        };
        started.map_err(|error| unpinnable(order, &error))
    }

    /// Removes the generation that failed.
    async fn withdraw(&mut self) -> Result<(), TrafficError> {
        let failed = self.generation;
        self.sidecars.retain(|sidecar| sidecar.generation != failed);
        let found = sidecar::list(&self.docker, Some(&self.rollout))
            .await
            .map_err(TrafficError::engine("list sidecars"))?;
        let ids = found
            .iter()
            .filter(|found| found.generation == failed)
            .map(|found| found.id.as_str());
        sidecar::remove(&self.docker, ids)
            .await
            .map_err(TrafficError::engine("remove sidecars"))
    }
}

impl PinSet {
    /// None yet; they are to come for this split and for the planned ones.
    fn begin(batch: u32, planned: &[Split], split: Split, sizes: Sizes) -> Self {
        let mut splits = planned.to_vec();
        if !splits.contains(&split) {
            splits.push(split);
        }
        // Green is to be as many as Blue.
        let sizes = match split {
            Split::Blue => Sizes {
                green: sizes.blue,
                ..sizes
            },
            Split::Green => Sizes {
                blue: sizes.green,
                ..sizes
            },
            Split::Both { .. } => sizes,
        };
        Self {
            batch,
            splits,
            sizes,
            placed: Vec::new(),
        }
    }

    /// Whether these can be served: of each color all of its pins, or none yet.
    fn has_room_for(&self, split: Split, sizes: Sizes, wanted: &[Placed]) -> bool {
        let is_ready = self.splits.contains(&split)
            && split.weight(Color::Green, sizes) == split.weight(Color::Green, self.sizes);
        let has_color = |color| {
            let of_color = |placed: &&Placed| placed.pin.color == color;
            let there = self.placed.iter().filter(of_color).count();
            let wanted: Vec<_> = wanted.iter().filter(of_color).collect();
            let known = wanted
                .iter()
                .filter(|placed| self.find(placed).is_some())
                .count();
            wanted.is_empty() || there == 0 || (known == wanted.len() && known == there)
        };
        !self.placed.is_empty()
            && is_ready
            && [Color::Blue, Color::Green].into_iter().all(has_color)
    }

    fn find(&self, wanted: &Placed) -> Option<&Placed> {
        self.placed.iter().find(|placed| {
            placed.pin.container == wanted.pin.container
                && placed.pin.color == wanted.pin.color
                && placed.started_at == wanted.started_at
        })
    }
}

/// Removes the sidecars of a rollout and those whose container is gone, and the image where no other
/// rollout uses it.
pub(super) async fn sweep(docker: &Docker, rollout: &str) -> Result<(), TrafficError> {
    let found = sidecar::list(docker, Some(rollout))
        .await
        .map_err(TrafficError::engine("list sidecars"))?;
    for step in removal(&found) {
        sidecar::remove(docker, step)
            .await
            .map_err(TrafficError::engine("remove sidecars"))?;
    }
    sidecar::remove_orphans(docker)
        .await
        .map_err(TrafficError::engine("remove sidecars of others"))?;
    sidecar::remove_image(docker)
        .await
        .map_err(TrafficError::engine("remove the sidecar's image"))
}

/// The order in which sidecars go, so that requests go where they went until the service's own
/// routers take over: first what the last generation does not need, then that generation, and at
/// last its pins.
fn removal(found: &[Found]) -> [Vec<&str>; 3] {
    let last = found.iter().rfind(|found| found.split.is_some());
    let split = last.and_then(|last| last.split);
    let is_needed = |found: &Found| match (split, found.color) {
        (Some(split), Some(color)) => split.leads_to(color),
        _ => false,
    };
    let mut steps = [const { Vec::new() }; 3];
    for sidecar in found {
        let step = match last {
            Some(last) if last.id == sidecar.id => 1,
            _ if is_needed(sidecar) => 2,
            _ => 0,
        };
        steps[step].push(sidecar.id.as_str());
    }
    steps
}

fn secret() -> String {
    Uuid::new_v4().simple().to_string()
}

fn unpinnable(order: &Order, error: &bollard::errors::Error) -> TrafficError {
    TrafficError::Unpinnable {
        container: sidecar::short(&order.target, 12),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_goes_before_its_pins_and_after_all_it_does_not_need() {
        let found = |id: &str, generation, color, split| Found {
            id: id.to_owned(),
            target: String::new(),
            generation,
            color,
            split,
        };
        // Back from Green to Blue: the last generation lives on the pin of the first.
        let all = [
            found("count", 0, Some(Color::Blue), None),
            found("blue", 1, Some(Color::Blue), Some(Split::Blue)),
            found("green", 2, Some(Color::Green), Some(Split::of(50))),
            found("to-green", 3, None, Some(Split::Green)),
            found("to-blue", 4, None, Some(Split::Blue)),
        ];
        assert_eq!(
            removal(&all),
            [
                vec!["green", "to-green"],
                vec!["to-blue"],
                vec!["count", "blue"]
            ]
        );
        assert_eq!(removal(&all[..1]), [vec!["count"], vec![], vec![]]);
    }
}
