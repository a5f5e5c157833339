//! The proof that Traefik serves a split.

use std::time::Duration;

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
/// it was told otherwise.
const SERVED_WITHIN: Duration = Duration::from_secs(15);
/// The time between two looks at Traefik while it takes up a generation.
const LOOK_EVERY: Duration = Duration::from_millis(40);
const ONE_PROBE: Duration = Duration::from_secs(5);

/// Waits until Traefik serves a generation: a probe that only this generation can answer came
/// back from each pin; where no entry point can be reached, its API lists the routers.
pub(super) async fn confirm(
    pinning: &Pinning,
    batch: &Batch<'_>,
    generation: &Generation,
    pins: &[Pin],
) -> Result<(), TrafficError> {
    let deadline = Instant::now() + SERVED_WITHIN;
    let mut doors = pinning.doors.iter().enumerate();
    let door = doors.find_map(|(number, door)| Some((number, door.as_ref()?)));
    let mut seen = "nothing yet".to_owned();
    while Instant::now() < deadline {
        let look = async {
            match door {
                Some((number, door)) => {
                    // The generation first: it is the last to be taken up.
                    answers(door, &probe_value(&generation.secret, number)).await?;
                    for pin in pins {
                        answers(door, &probe_value(&pin.secret, number)).await?;
                    }
                    Ok(())
                }
                None => listed(pinning, batch, generation).await,
            }
        };
        match timeout_at(deadline, look).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(problem)) => seen = problem,
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
        waited: SERVED_WITHIN,
        seen,
    })
}

/// Whether a probe with this secret gets to where only it leads.
async fn answers(door: &Door, secret: &str) -> Result<(), String> {
    let address = door.endpoint.address;
    let answer = http::get(
        door.endpoint,
        &strange_target(door),
        Some(secret),
        ONE_PROBE,
    )
    .await
    .map_err(|problem| format!("Traefik at {address}: {problem}"))?;
    if answer.proof.as_deref() == Some(secret) {
        return Ok(());
    }
    Err(format!(
        "the entry point at {address} answers {} by other routes",
        answer.status
    ))
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

async fn listed(
    pinning: &Pinning,
    batch: &Batch<'_>,
    generation: &Generation,
) -> Result<(), String> {
    let address = pinning.gateway.api.ok_or("no way to look at Traefik")?;
    let routers = api::routers(address)
        .await
        .ok_or("Traefik's API does not answer")?;
    for name in batch.router_names(generation.number) {
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
