//! The pins beside the containers of a rollout.

use futures_util::future::try_join_all;

use crate::{
    error::TrafficError,
    pins::{Batch, Pin},
    sidecar::{Found, Order},
    sidecars::Sidecars,
    split::{Sizes, Split},
    steer::secret,
    survey::Pinning,
};
use teal_docker::patiently;
use teal_model::event::Color;

/// The present pins, and what they can serve.
#[derive(Debug, Clone)]
pub(super) struct PinSet {
    /// The generation that began them.
    pub(super) batch: u32,
    pub(super) splits: Vec<Split>,
    pub(super) sizes: Sizes,
    pub(super) placed: Vec<Placed>,
}

/// A pin beside its container as it ran when the pin came: a container that is started again has
/// another network.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) pin: Pin,
    pub(super) started_at: String,
}

impl Placed {
    /// The sidecar that pins and counts beside its container.
    pub(super) fn order(&self, batch: &Batch<'_>, generation: u32) -> Order {
        Order {
            target: self.pin.container.clone(),
            color: Some(self.pin.color),
            generation,
            split: None,
            labels: batch.pin_labels(&self.pin),
        }
    }
}

impl PinSet {
    pub(super) fn batch<'a>(
        &self,
        rollout: &'a str,
        splits: &'a [Split],
        pinning: &'a Pinning,
    ) -> Batch<'a> {
        Batch {
            rollout,
            number: self.batch,
            splits,
            sizes: self.sizes,
            routers: &pinning.routers,
            probe_priority: pinning.probe_priority,
            copied: &pinning.copied,
        }
    }

    /// None yet; they are to come for this split and for the planned ones.
    pub(super) fn begin(batch: u32, planned: &[Split], split: Split, sizes: Sizes) -> Self {
        let mut splits = planned.to_vec();
        if !splits.contains(&split) {
            splits.push(split);
        }
        // Of a Blue that gets nothing more the number does not count.
        let sizes = match split {
            Split::Green => Sizes {
                blue: sizes.green,
                ..sizes
            },
            Split::Blue | Split::Both { .. } => sizes,
        };
        Self {
            batch,
            splits,
            sizes,
            placed: Vec::new(),
        }
    }

    /// Whether nobody has removed a sidecar of these.
    pub(super) fn are_there(&self, found: &[Found]) -> bool {
        self.placed.iter().all(|placed| {
            found.iter().any(|found| {
                found.runs
                    && found.generation > 0
                    && found.target == placed.pin.container
                    && found.color == Some(placed.pin.color)
            })
        })
    }

    /// Whether these can be served: of each color all of its pins, or none yet.
    pub(super) fn has_room_for(&self, split: Split, sizes: Sizes, wanted: &[Placed]) -> bool {
        let weighs_as_before =
            |color| split.weight(color, sizes) == split.weight(color, self.sizes);
        let is_ready = self.splits.contains(&split)
            && [Color::Blue, Color::Green]
                .into_iter()
                .all(weighs_as_before);
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

    pub(super) fn find(&self, wanted: &Placed) -> Option<&Placed> {
        self.placed.iter().find(|placed| {
            placed.pin.container == wanted.pin.container
                && placed.pin.color == wanted.pin.color
                && placed.started_at == wanted.started_at
        })
    }
}

/// A pin for each container, as it runs now.
pub(super) async fn placements(
    sidecars: &Sidecars,
    blue: &[String],
    green: &[String],
) -> Result<Vec<Placed>, TrafficError> {
    let blue = blue.iter().map(|container| (container, Color::Blue));
    let green = green.iter().map(|container| (container, Color::Green));
    let placed = blue.chain(green).map(|(container, color)| async move {
        let unpinnable = |reason: String| TrafficError::Unpinnable {
            container: teal_docker::short(container, 12),
            reason,
        };
        let docker = &sidecars.docker;
        let inspected = patiently(|| docker.inspect_container(container, None)).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(color: Color) -> Placed {
        Placed {
            pin: Pin {
                container: "0123456789ab".into(),
                color,
                secret: "s".into(),
            },
            started_at: "now".into(),
        }
    }

    #[test]
    fn pins_of_other_weights_are_made_again() {
        let canary = Split::of(10);
        let wanted = [placed(Color::Blue)];
        let has_room = |expected: usize, green: usize| {
            let mut pins = PinSet::begin(
                1,
                &[canary],
                Split::Blue,
                Sizes {
                    blue: 1,
                    green: expected,
                },
            );
            pins.placed = wanted.to_vec();
            pins.has_room_for(canary, Sizes { blue: 1, green }, &wanted)
        };
        assert!(has_room(1, 1));
        // Green's weight is the same, and Blue's is not.
        assert!(!has_room(0, 1));
        assert!(!has_room(1, 3));
    }
}
