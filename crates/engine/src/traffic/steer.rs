//! Traffic of one service during one rollout: generations of pins, each confirmed.

use std::{collections::HashMap, time::Duration};

use bollard::Docker;
use futures_util::future;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::{
    api,
    error::TrafficError,
    http::{self, Endpoint},
    pins::{Generation, LEVELS, PIN, Pin, probe_value},
    rule::Target,
    sidecar::{self, Order, Report, Sidecar},
    survey::{Door, Steering, Survey},
};
use crate::event::Color;

/// How long Traefik may take to serve a generation. It applies changes at most every 2 s, unless
/// it was told otherwise.
const SERVED_WITHIN: Duration = Duration::from_secs(15);
/// The time between two looks at Traefik while it takes up a generation.
const LOOK_EVERY: Duration = Duration::from_millis(40);
const ONE_PROBE: Duration = Duration::from_secs(5);
/// A sidecar reports ten times a second; one that is silent for longer can't count.
const REPORTS_WITHIN: Duration = Duration::from_secs(2);
/// A request that Traefik accepted just before a shift may reach the old containers after it.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// The traffic of a service while a rollout moves it.
///
/// Superseded generations stay until [`release`](Self::release): they are shadowed, every removal
/// would hold up Traefik's next reload by 2 s, and should a generation's containers die, the one
/// before it takes over.
#[derive(Debug)]
pub(crate) struct Traffic {
    docker: Docker,
    survey: Survey,
    rollout: String,
    image: Option<String>,
    generation: u32,
    pins: Vec<Pin>,
    sidecars: Vec<Sidecar>,
    shifted_at: Option<Instant>,
}

impl Traffic {
    pub(crate) fn new(docker: Docker, survey: Survey, rollout: impl Into<String>) -> Self {
        Self {
            docker,
            survey,
            rollout: rollout.into(),
            image: None,
            generation: 0,
            pins: Vec::new(),
            sidecars: Vec::new(),
            shifted_at: None,
        }
    }

    /// Sends new requests to exactly these containers, and returns once Traefik does it.
    ///
    /// # Errors
    /// Whatever keeps Traefik from serving the split within its time. The split before it is in
    /// force again.
    pub(crate) async fn shift(
        &mut self,
        blue: &[String],
        green: &[String],
    ) -> Result<(), TrafficError> {
        let Some(steering) = self.survey.steering.clone() else {
            return Ok(());
        };
        self.catch_up().await?;
        if self.generation >= LEVELS {
            return Err(TrafficError::NoLevel { levels: LEVELS });
        }
        self.generation += 1;
        let pins = pins(blue, green);
        let started = self.start_generation(&steering, &pins).await;
        let served = match started {
            Ok(()) => confirm(&steering, self.generation, &pins, &self.rollout).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            self.withdraw().await?;
            return Err(error);
        }
        tracing::info!(
            generation = self.generation,
            ?blue,
            ?green,
            "Traefik serves the split"
        );
        self.pins = pins;
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
        if !self
            .sidecars
            .iter()
            .any(|sidecar| sidecar.target == container)
        {
            self.count_only(container).await.ok()?;
        }
        let since = self
            .shifted_at
            .map_or_else(Instant::now, |at| Instant::now().max(at + LAST_REQUESTS));
        let newest = self
            .sidecars
            .iter_mut()
            .rev()
            .find(|sidecar| sidecar.target == container)?;
        let fresh = newest
            .readings
            .wait_for(|reading| reading.is_some_and(|reading| reading.at >= since));
        let reading = timeout_at(since + REPORTS_WITHIN, fresh).await.ok()?.ok()?;
        reading.map(|reading| reading.report)
    }

    /// Takes all pins away: Traefik goes back to the service's own routers.
    pub(crate) async fn release(&mut self) -> Result<(), TrafficError> {
        self.sidecars.clear();
        self.pins.clear();
        sweep(&self.docker, &self.rollout).await
    }

    /// The pins of the generation that is served, and the ways to them.
    pub(super) fn served(&self) -> Option<(&Steering, &[Pin])> {
        self.survey
            .steering
            .as_ref()
            .map(|steering| (steering, self.pins.as_slice()))
    }

    pub(super) fn color_of(&self, container: &str) -> Option<Color> {
        self.pins
            .iter()
            .find(|pin| pin.container == container)
            .map(|pin| pin.color)
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
            .ok_or_else(|| TrafficError::Unpinnable {
                container: "any".into(),
                reason: "Teal has no sidecar for the engine's architecture".into(),
            })?;
        self.image = Some(image.clone());
        Ok(image)
    }

    /// Starts all pins but one, and then the one that brings the routers.
    async fn start_generation(
        &mut self,
        steering: &Steering,
        pins: &[Pin],
    ) -> Result<(), TrafficError> {
        let generation = Generation {
            rollout: &self.rollout,
            number: self.generation,
            routers: &steering.routers,
            copied: &steering.copied,
        };
        let leader = pins.len().saturating_sub(1);
        let orders: Vec<_> = pins
            .iter()
            .enumerate()
            .map(|(index, pin)| Order {
                target: pin.container.clone(),
                color: pin.color,
                generation: self.generation,
                routes: generation.labels(pin, index, index == leader),
            })
            .collect();
        let created = future::try_join_all(orders.iter().map(|order| self.create(order))).await?;
        let mut waiting = created.into_iter().zip(&orders).collect::<Vec<_>>();
        let last = waiting.pop();
        let followers = waiting.into_iter().map(|(id, order)| self.start(id, order));
        let mut sidecars = future::try_join_all(followers).await?;
        if let Some((id, order)) = last {
            sidecars.push(self.start(id, order).await?);
        }
        self.sidecars.extend(sidecars);
        Ok(())
    }

    async fn count_only(&mut self, container: &str) -> Result<(), TrafficError> {
        self.image().await?;
        let order = Order {
            target: container.to_owned(),
            color: self.color_of(container).unwrap_or(Color::Blue),
            generation: 0,
            // Traefik must not make a route of it, whatever its defaults are.
            routes: HashMap::from([("traefik.enable".to_owned(), "false".to_owned())]),
        };
        let id = self.create(&order).await?;
        let sidecar = self.start(id, &order).await?;
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

    async fn start(&self, id: String, order: &Order) -> Result<Sidecar, TrafficError> {
        Sidecar::start(&self.docker, id, order)
            .await
            .map_err(|error| unpinnable(order, &error))
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

/// Removes the sidecars of a rollout and those whose container is gone, and the image where no other
/// rollout uses it.
pub(super) async fn sweep(docker: &Docker, rollout: &str) -> Result<(), TrafficError> {
    let found = sidecar::list(docker, Some(rollout))
        .await
        .map_err(TrafficError::engine("list sidecars"))?;
    // The oldest first: what is left at each moment is the newest, and then the user's own routes.
    for generation in found.chunk_by(|one, other| one.generation == other.generation) {
        sidecar::remove(docker, generation.iter().map(|found| found.id.as_str()))
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

fn pins(blue: &[String], green: &[String]) -> Vec<Pin> {
    let pin = |color| {
        move |container: &String| Pin {
            container: container.clone(),
            color,
            secret: Uuid::new_v4().simple().to_string(),
        }
    };
    blue.iter()
        .map(pin(Color::Blue))
        .chain(green.iter().map(pin(Color::Green)))
        .collect()
}

fn unpinnable(order: &Order, error: &bollard::errors::Error) -> TrafficError {
    TrafficError::Unpinnable {
        container: order.target.chars().take(12).collect(),
        reason: error.to_string(),
    }
}

/// Waits until Traefik serves a generation: a probe that only this generation can answer came
/// back from each pin; where no entry point can be reached, its API lists the routers.
async fn confirm(
    steering: &Steering,
    generation: u32,
    pins: &[Pin],
    rollout: &str,
) -> Result<(), TrafficError> {
    let deadline = Instant::now() + SERVED_WITHIN;
    let mut seen = "nothing yet".to_owned();
    while Instant::now() < deadline {
        let look = async {
            match steering
                .doors
                .iter()
                .enumerate()
                .find_map(|(number, door)| Some((number, door.as_ref()?)))
            {
                Some((number, door)) => answers(door, number, pins).await,
                None => listed(steering, generation, rollout).await,
            }
        };
        match timeout_at(deadline, look).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => seen = problem,
            Err(_) => break,
        }
        sleep(LOOK_EVERY).await;
    }
    if let Some(address) = steering.gateway.api {
        let routers = api::routers(address).await.unwrap_or_default();
        let problems = routers
            .iter()
            .filter(|router| router.name.starts_with(PIN))
            .filter_map(api::ApiRouter::problem);
        seen = problems.fold(seen, |seen, problem| format!("{seen}; {problem}"));
    }
    Err(TrafficError::NotServed {
        waited: SERVED_WITHIN,
        seen,
    })
}

/// Whether each pin answers a probe of its own.
async fn answers(door: &Door, number: usize, pins: &[Pin]) -> Result<(), String> {
    for pin in pins.iter().rev() {
        let secret = probe_value(&pin.secret, number);
        let target = strange_target(door);
        let answer = http::get(door.endpoint, &target, Some(&secret), ONE_PROBE)
            .await
            .map_err(|problem| format!("Traefik at {}: {problem}", door.endpoint.address))?;
        if answer.proof.as_deref() != Some(&secret) {
            return Err(format!(
                "the entry point at {} answers {} by other routes",
                door.endpoint.address, answer.status
            ));
        }
    }
    Ok(())
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

async fn listed(steering: &Steering, generation: u32, rollout: &str) -> Result<(), String> {
    let address = steering.gateway.api.ok_or("no way to look at Traefik")?;
    let routers = api::routers(address)
        .await
        .ok_or("Traefik's API does not answer")?;
    let wanted = Generation {
        rollout,
        number: generation,
        routers: &steering.routers,
        copied: &steering.copied,
    };
    for name in wanted.router_names() {
        let router = routers
            .iter()
            .find(|router| router.name == format!("{name}@docker"))
            .ok_or_else(|| format!("Traefik has no router `{name}` yet"))?;
        if let Some(problem) = router.problem() {
            return Err(problem);
        }
    }
    Ok(())
}
