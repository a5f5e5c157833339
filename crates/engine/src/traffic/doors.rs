//! The ways in from here, and finding them again when Traefik has been started or made anew.

use bollard::{Docker, errors::Error as DockerError};

use super::{
    gateway::Gateway,
    http::Endpoint,
    pins::Pinned,
    rule::Target,
    survey::{Door, Pinning},
};

/// For each router an entry point to ask through: a plain one if there is, and none that redirects,
/// or where each of Teal's requests would be one less of a user's.
pub(super) fn doors(
    gateway: &Gateway,
    routers: &[Pinned],
    health: Option<&str>,
) -> Vec<Option<Door>> {
    let door = |pinned: &Pinned| {
        let mut points = gateway.entry_points_of(&pinned.router.entry_points);
        points.sort_by_key(|point| point.tls);
        points
            .into_iter()
            .filter(|point| !point.redirects && point.limiter().is_none())
            .find_map(|point| {
                Some(Door {
                    endpoint: Endpoint {
                        address: point.address?,
                        tls: point.tls || pinned.router.tls,
                    },
                    target: Target::new(&pinned.router.rule, health, pinned.strips_prefix),
                })
            })
    };
    routers.iter().map(door).collect()
}

impl Pinning {
    /// Looks for its Traefik once more: started again it may have other host ports, and made anew
    /// it is another container. False where none runs.
    pub(super) async fn find_again(&mut self, docker: &Docker) -> Result<bool, DockerError> {
        let Some(found) = self.gateway.find_again(docker).await? else {
            return Ok(false);
        };
        if found.id != self.gateway.id {
            tracing::info!(traefik = found.name, id = found.id, "Traefik was made anew");
        }
        self.doors = doors(&found, &self.routers, self.health.as_deref());
        self.gateway = found;
        Ok(true)
    }
}
