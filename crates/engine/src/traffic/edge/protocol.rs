//! What a service speaks at a port, by asking it.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;

use super::{entry::Protocol, fronting::reached};
use crate::{
    docker::EngineHost,
    model::HostPort,
    traffic::{
        http::{self, Endpoint},
        rule::{Target, health_path},
    },
};

/// Longer than a page needs; a server that only listens says nothing ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// HTTP where the port answers a plain GET, whatever the answer is. Everything else is passed on as
/// it is: TLS, HTTP/2 alone, what is no HTTP at all, and what can't be reached from here.
pub(crate) async fn protocol(
    port: &HostPort,
    host: EngineHost,
    container: &ContainerInspectResponse,
) -> Protocol {
    let Some(address) = reached(host, port.host_ip.as_deref(), port.published) else {
        tracing::info!(
            port = port.published,
            "bound where only its own machine reaches it"
        );
        return Protocol::Tcp;
    };
    let endpoint = Endpoint::here(address, false);
    let health = health_path(container);
    let target = Target::new("PathPrefix(`/`)", health.as_deref(), false);
    match http::get(&endpoint, &target, None, ANSWERS_WITHIN).await {
        Ok(_) => Protocol::Http,
        Err(problem) => {
            tracing::info!(%problem, port = port.published, "no HTTP");
            Protocol::Tcp
        }
    }
}
