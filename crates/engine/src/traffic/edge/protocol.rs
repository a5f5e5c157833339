//! What a service speaks at a port, by asking it.

use std::time::Duration;

use bollard::models::ContainerInspectResponse;

use super::{entry::Protocol, fronting::here};
use crate::{
    model::HostPort,
    traffic::{
        http::{self, Endpoint},
        rule::{Target, health_path},
    },
};

/// Longer than a page needs; a server that only listens says nothing ever.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// HTTP where the port answers a plain GET, whatever the answer is. Everything else is passed on as
/// it is: TLS, HTTP/2 alone, and what is no HTTP at all.
pub(crate) async fn protocol(port: &HostPort, container: &ContainerInspectResponse) -> Protocol {
    let endpoint = Endpoint {
        address: (here(port.host_ip.as_deref()), port.published).into(),
        tls: false,
    };
    let health = health_path(container);
    let target = Target::new("PathPrefix(`/`)", health.as_deref(), false);
    match http::get(endpoint, &target, None, ANSWERS_WITHIN).await {
        Ok(_) => Protocol::Http,
        Err(problem) => {
            tracing::info!(%problem, port = port.published, "no HTTP");
            Protocol::Tcp
        }
    }
}
