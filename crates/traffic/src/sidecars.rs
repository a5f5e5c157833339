//! The sidecars of one rollout: started, listened to, and taken away.

use std::{collections::HashMap, time::Duration};

use bollard::Docker;
use tokio::time::{Instant, timeout_at};

use super::{
    error::TrafficError,
    meter::Meter,
    report::Report,
    sidecar::{self, Found, Order, Sidecar},
};
use teal_model::event::Color;

/// A sidecar reports ten times a second; one that is silent for longer can't count.
const REPORTS_WITHIN: Duration = Duration::from_secs(2);

/// The sidecars that a rollout has started. They count what is in flight, whoever steers.
#[derive(Debug)]
pub(super) struct Sidecars {
    pub(super) docker: Docker,
    pub(super) rollout: String,
    /// Where the records and locks of the rollout are.
    pub(super) data: Option<String>,
    image: Option<String>,
    /// The ports that requests come in on.
    ports: Vec<u16>,
    running: Vec<Sidecar>,
    /// Those that carry connections into Traefik's network.
    relays: Vec<String>,
    pub(super) meter: Meter,
}

impl Sidecars {
    pub(super) fn new(docker: Docker, rollout: String, ports: Vec<u16>) -> Self {
        Self {
            docker,
            rollout,
            data: None,
            image: None,
            ports,
            running: Vec::new(),
            relays: Vec::new(),
            meter: Meter::default(),
        }
    }

    /// Whether it is known where requests come in: else all ports that are open are followed.
    pub(super) fn knows_ports(&self) -> bool {
        !self.ports.is_empty()
    }

    /// The image, once it is known to be there.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Makes sure that the image is there.
    pub(super) async fn ready(&mut self) -> Result<(), TrafficError> {
        if self.image.is_some() {
            return Ok(());
        }
        let image = teal_docker::ensure_image(&self.docker)
            .await
            .map_err(TrafficError::engine("import the sidecar's image"))?
            .ok_or(TrafficError::NoSidecar)?;
        self.image = Some(image);
        Ok(())
    }

    /// What goes on in a container's network, as its sidecar reports it next after `since`. A
    /// container without a sidecar gets one.
    pub(super) async fn report(&mut self, container: &str, since: Instant) -> Option<Report> {
        let counts = |sidecar: &Sidecar| sidecar.counts && sidecar.target == container;
        self.count(container)
            .await
            .inspect_err(|error| tracing::warn!(%error, container, "nothing counts beside it"))
            .ok()?;
        let newest = self
            .running
            .iter_mut()
            .rev()
            .find(|sidecar| counts(sidecar))?;
        let fresh = newest
            .readings
            .wait_for(|reading| reading.as_ref().is_some_and(|reading| reading.at >= since));
        let reading = timeout_at(since + REPORTS_WITHIN, fresh).await.ok()?.ok()?;
        reading.as_ref().map(|reading| reading.report.clone())
    }

    /// Makes sure that something counts beside a container.
    pub(super) async fn count(&mut self, container: &str) -> Result<(), TrafficError> {
        let counts = |sidecar: &Sidecar| sidecar.counts && sidecar.target == container;
        if self.running.iter().any(counts) {
            return Ok(());
        }
        self.count_only(container).await
    }

    async fn count_only(&mut self, container: &str) -> Result<(), TrafficError> {
        self.ready().await?;
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
        self.running.insert(0, sidecar);
        Ok(())
    }

    /// Removes the one that only counts beside a container, which may have been started again since:
    /// then it has another network.
    pub(super) async fn forget(&mut self, container: &str) -> Result<(), TrafficError> {
        self.running
            .retain(|sidecar| sidecar.target != container || sidecar.generation > 0);
        let found = self.list().await?;
        let ids = found
            .iter()
            .filter(|found| found.target == container && found.generation == 0)
            .map(|found| found.id.as_str());
        sidecar::remove(&self.docker, ids)
            .await
            .map_err(TrafficError::engine("remove sidecars"))
    }

    /// Creates these, starts them and listens to them: one after the other, since starting takes the
    /// processor from requests.
    pub(super) async fn bring(&mut self, orders: &[Order]) -> Result<(), TrafficError> {
        for order in orders {
            let id = self.create(order).await?;
            let sidecar = self.start(&id, order).await?;
            self.running.push(sidecar);
        }
        Ok(())
    }

    /// Another rollout that ends may take the image away in the moment before it is used.
    pub(super) async fn create(&self, order: &Order) -> Result<String, TrafficError> {
        let image = self.image.as_deref().unwrap_or_default();
        let create = || {
            let data = self.data.as_deref();
            sidecar::create(&self.docker, &self.rollout, data, image, &self.ports, order)
        };
        let created = match create().await {
            Err(error) if teal_docker::is_status(&error, 404) => {
                teal_docker::ensure_image(&self.docker)
                    .await
                    .map_err(TrafficError::engine("import the sidecar's image"))?;
                create().await
            }
            created => created,
        };
        created.map_err(|error| unpinnable(order, &error))
    }

    /// An engine under load sometimes fails to start a container and starts it the next time.
    pub(super) async fn start(&self, id: &str, order: &Order) -> Result<Sidecar, TrafficError> {
        let started = match Sidecar::start(&self.docker, id, order).await {
            Err(error) if teal_docker::is_status(&error, 500) => {
                tracing::warn!(%error, "a sidecar is started once more");
                Sidecar::start(&self.docker, id, order).await
            }
            started => started,
        };
        let sidecar = started.map_err(|error| unpinnable(order, &error))?;
        if sidecar.counts {
            self.meter.add(&sidecar.target, sidecar.readings.clone());
        }
        Ok(sidecar)
    }

    /// Removes the sidecars of one generation.
    pub(super) async fn withdraw(&mut self, generation: u32) -> Result<(), TrafficError> {
        self.running
            .retain(|sidecar| sidecar.generation != generation);
        let found = self.list().await?;
        let ids = found
            .iter()
            .filter(|found| found.generation == generation)
            .map(|found| found.id.as_str());
        sidecar::remove(&self.docker, ids)
            .await
            .map_err(TrafficError::engine("remove sidecars"))
    }

    /// Those of this rollout on the engine, whichever process started them.
    pub(super) async fn list(&self) -> Result<Vec<Found>, TrafficError> {
        sidecar::list(&self.docker, Some(&self.rollout))
            .await
            .map_err(TrafficError::engine("list sidecars"))
    }

    /// This one carries connections, until [`Self::hang_up`].
    pub(super) fn relays(&mut self, id: String) {
        self.relays.push(id);
    }

    /// Takes all of them away but those that carry connections: the live probe asks on by them.
    pub(super) async fn release(&mut self) -> Result<(), TrafficError> {
        self.running.clear();
        sweep(&self.docker, &self.rollout, &self.relays).await
    }

    /// Takes those away that carry connections, once nobody asks any more.
    pub(super) async fn hang_up(&mut self) -> Result<(), TrafficError> {
        if self.relays.is_empty() {
            return Ok(());
        }
        let relays = self.relays.iter().map(String::as_str);
        sidecar::remove(&self.docker, relays)
            .await
            .map_err(TrafficError::engine("remove sidecars"))?;
        self.relays.clear();
        remove_image(&self.docker).await
    }
}

/// Removes the sidecars of a rollout, but for these, and those whose container is gone, and the image
/// where no other rollout uses it.
pub(super) async fn sweep(
    docker: &Docker,
    rollout: &str,
    but: &[String],
) -> Result<(), TrafficError> {
    let mut found = sidecar::list(docker, Some(rollout))
        .await
        .map_err(TrafficError::engine("list sidecars"))?;
    found.retain(|sidecar| !but.contains(&sidecar.id));
    for step in removal(&found) {
        sidecar::remove(docker, step)
            .await
            .map_err(TrafficError::engine("remove sidecars"))?;
    }
    sidecar::remove_orphans(docker)
        .await
        .map_err(TrafficError::engine("remove sidecars of others"))?;
    remove_image(docker).await
}

async fn remove_image(docker: &Docker) -> Result<(), TrafficError> {
    teal_docker::remove_image(docker)
        .await
        .map_err(TrafficError::engine("remove the sidecar's image"))
}

/// The order in which sidecars go, so that requests go where they went until the service's own
/// routers take over: first what the last generation does not need, then that generation, and at
/// last its pins.
pub(super) fn removal(found: &[Found]) -> [Vec<&str>; 3] {
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

fn unpinnable(order: &Order, error: &bollard::errors::Error) -> TrafficError {
    TrafficError::Unpinnable {
        container: teal_docker::short(&order.target, 12),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Split;

    #[test]
    fn a_generation_goes_before_its_pins_and_after_all_it_does_not_need() {
        let found = |id: &str, generation, color, split| Found {
            id: id.to_owned(),
            name: String::new(),
            rollout: String::new(),
            data: None,
            target: String::new(),
            generation,
            color,
            split,
            runs: true,
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
