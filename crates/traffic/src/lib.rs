//! Where a service's requests go: reads its routes, and moves them between Blue and Green without
//! touching the user's Traefik.
//!
//! A *pin* is a sidecar in the network namespace of a Blue or Green container; Traefik takes it for
//! a server at that container's address. A *generation* is a sidecar with routers like the service's
//! own, one priority above the last, that lead to the pins of Blue, of Green or of both: a split.
//! In a split of both, each pin weighs what gives its set the share that it is to get.

pub mod api;
mod clashes;
mod confirm;
mod constraints;
mod default_rule;
mod doors;
pub mod edge;
mod elsewhere;
mod error;
mod expression;
mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gap;
mod gateway;
mod generations;
mod held;
pub mod http;
mod identity;
mod labels;
mod ledger;
mod leftovers;
mod limiters;
mod listing;
mod look;
mod meter;
mod neighbours;
mod pinnable;
mod pins;
mod probe;
mod program;
mod promises;
mod proof;
mod relay;
mod report;
pub mod rule;
mod served;
mod settings;
mod sidecar;
mod sidecars;
mod split;
mod steer;
mod survey;
mod tally;
mod throttle;
mod tls;
mod told;
mod upstreams;
mod verify;
mod version;
mod whose;
mod within;

pub use edge::{announcement, attachments, handover, join, no_image};
pub use error::TrafficError;
pub use identity::{are_options, is_configured, is_name};
pub use ledger::Moment;
pub use leftovers::{Helper, helpers, remove_helpers, remove_unused};
pub use meter::Meter;
pub use probe::{Probe, unexpected};
pub use program::Program;
pub use report::Calls;
pub use served::green_percent;
pub use steer::{Accepts, Traffic};
pub use survey::{Surroundings, Survey, survey, survey_handover};
pub use upstreams::{Asked, Upstream, upstream_of};
pub use verify::{Answered, Demand};
pub use whose::{
    Addresses, Names, Processes, Whose, addresses, neighbours, processes, program, resolved,
};
pub use within::{Said, ask_within};
