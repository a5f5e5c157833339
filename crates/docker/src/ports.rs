//! Ports of the host that containers have.

use bollard::models::ContainerInspectResponse;

use teal_model::HostPort;

/// The ports of the host that containers have now.
pub fn published(containers: &[ContainerInspectResponse]) -> Vec<HostPort> {
    let mut found = Vec::new();
    for container in containers {
        let settings = container.network_settings.as_ref();
        let ports = settings.and_then(|settings| settings.ports.as_ref());
        for (port, bindings) in ports.into_iter().flatten() {
            let (target, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
            for binding in bindings.iter().flatten() {
                let host_port = binding.host_port.as_deref();
                let published = host_port.and_then(|port| port.parse().ok());
                let (Some(published), Ok(target)) = (published, target.parse()) else {
                    continue;
                };
                // Docker tells of all addresses as of two, of IPv4 and IPv6.
                let all = ["", "0.0.0.0", "::"];
                let host_ip = binding
                    .host_ip
                    .clone()
                    .filter(|ip| !all.contains(&ip.as_str()));
                found.push(HostPort {
                    host_ip,
                    published,
                    target,
                    protocol: protocol.to_owned(),
                });
            }
        }
    }
    found.sort_by(|one, other| {
        let key = |port: &HostPort| (port.target, port.published, port.host_ip.clone());
        key(one).cmp(&key(other))
    });
    found.dedup();
    found
}
