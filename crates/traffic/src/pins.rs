//! The labels of sidecars.
//!
//! A *pin* puts its container into a service for each split that it can be part of. A *generation*
//! brings the routers that lead to one of these services; it is one sidecar, so that Traefik, which
//! reloads at most every 2 s, takes up a split whole and with the first reload.

use std::{borrow::Cow, collections::HashMap};

use sha1::{Digest, Sha1};

use super::{
    expression::without_host_names,
    http::PROBE_HEADER,
    labels::{Backend, Router},
    split::{Sizes, Split},
};
use teal_docker::short;
use teal_model::event::Color;

/// How many generations fit above the priority of a router.
pub(super) const LEVELS: u32 = 16;

/// How the names of all that pins define begin.
pub(super) const PIN: &str = "teal-pin-";

/// Above most routers of a user.
const PROBE_PRIORITY: i64 = 1_000_000_000;

/// The highest priority that Traefik takes from a user. Its own, such as those that redirect an
/// entry point, are above.
const HIGHEST_PRIORITY: i64 = i64::MAX - 1000;

/// Whether generations fit above a router of this priority.
pub(super) fn has_room_above(priority: i64) -> bool {
    priority.saturating_add(i64::from(LEVELS)) <= HIGHEST_PRIORITY
}

/// The priority of probes' routers beside routers with these: above all generations.
pub(super) fn probe_priority(others: impl Iterator<Item = i64>) -> i64 {
    let above = |priority: i64| priority.saturating_add(i64::from(LEVELS) + 1);
    let highest = others.map(above).max().unwrap_or(0);
    highest.clamp(PROBE_PRIORITY, HIGHEST_PRIORITY)
}

/// Options of a router that a pin writes itself.
const ROUTER_OWN: [&str; 4] = ["rule", "priority", "service", "middlewares"];

/// Those of a probe's router, which writes its rule in today's syntax, whatever Traefik's default.
const PROBE_OWN: [&str; 5] = ["rule", "rulesyntax", "priority", "service", "middlewares"];

/// How much of a service's traffic a container gets, beside the others' weights.
const WEIGHT: &str = "loadbalancer.server.weight";

/// A router that leads to the service, and what its pins have to leave alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    pub(super) router: Router,
    pub(super) backend: Backend,
    /// The port of the backend, which every pin names.
    pub(super) port: u16,
    /// Rules of routers that win over this one, and would not over its pins.
    pub(super) shadows: Vec<String>,
    /// Whether a middleware takes the start of a path away.
    pub(super) strips_prefix: bool,
    /// The router's middlewares that a probe goes through: those that shape the path.
    pub(super) probe_middlewares: Vec<String>,
    /// Whether its middlewares let only so many requests through.
    pub(super) limited: Limited,
}

/// Whether something counts requests and refuses the next ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Limited {
    #[default]
    No,
    /// What this middleware does can't be seen.
    Perhaps(String),
    By(String),
}

impl Pinned {
    /// Whether its rule is written in the language of Traefik 2.
    fn is_old_syntax(&self) -> bool {
        self.router.options.get("rulesyntax") == Some("v2")
    }
}

/// One container that can be part of splits.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub(super) container: String,
    pub(super) color: Color,
    /// Whoever knows this reaches exactly this container.
    pub(super) secret: String,
}

/// A split that Traefik is to serve.
#[derive(Debug, Clone)]
pub(super) struct Generation {
    pub(super) number: u32,
    pub(super) split: Split,
    /// Only this generation answers to it.
    pub(super) secret: String,
}

/// What all labels of a batch of pins, and of the generations that use them, have in common.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) rollout: &'a str,
    pub(super) number: u32,
    /// The splits that its pins can serve.
    pub(super) splits: &'a [Split],
    /// How many containers the pins are beside: what one of them has to weigh depends on it.
    pub(super) sizes: Sizes,
    pub(super) routers: &'a [Pinned],
    /// Of probes' routers.
    pub(super) probe_priority: i64,
    /// Labels that Traefik's constraints ask for, and its network.
    pub(super) copied: &'a HashMap<String, String>,
}

impl Batch<'_> {
    /// The labels that put a container into the services of its splits, and that make it answer to
    /// its secret. No request of a user's goes by them alone.
    pub(super) fn pin_labels(&self, pin: &Pin) -> HashMap<String, String> {
        let mut labels = self.common_labels();
        for (number, pinned) in self.routers.iter().enumerate() {
            for split in self.splits.iter().filter(|split| split.leads_to(pin.color)) {
                let name = self.service(*split, pinned);
                write_service(&mut labels, &name, pinned);
                if let Some(weight) = split.weight(pin.color, self.sizes) {
                    labels.insert(
                        format!("traefik.http.services.{name}.{WEIGHT}"),
                        weight.to_string(),
                    );
                }
            }
            let own = format!("c{}", short(&pin.container, 12));
            self.write_probe(&mut labels, &own, number, &pin.secret);
        }
        labels
    }

    /// The labels with the routers of a generation.
    pub(super) fn split_labels(&self, generation: &Generation) -> HashMap<String, String> {
        let mut labels = self.common_labels();
        for (number, pinned) in self.routers.iter().enumerate() {
            let name = self.router(generation.number, pinned);
            let service = self.service(generation.split, pinned);
            write_router(&mut labels, &name, &service, pinned, generation.number);
            let own = format!("g{}-probe", generation.number);
            self.write_probe(&mut labels, &own, number, &generation.secret);
        }
        labels
    }

    /// The names of a pin's probe routers and of their services, router by router.
    pub(super) fn probe_names(&self, pin: &Pin) -> impl Iterator<Item = String> {
        let part = format!("b{}-c{}", self.number, short(&pin.container, 12));
        self.routers
            .iter()
            .map(move |pinned| self.name(&part, &pinned.router.name))
    }

    /// The names of the services of a split, router by router.
    pub(super) fn service_names(&self, split: Split) -> impl Iterator<Item = String> {
        self.routers
            .iter()
            .map(move |pinned| self.service(split, pinned))
    }

    /// The names of the routers of a generation.
    pub(super) fn router_names(&self, generation: u32) -> impl Iterator<Item = String> {
        self.routers
            .iter()
            .map(move |pinned| self.router(generation, pinned))
    }

    fn common_labels(&self) -> HashMap<String, String> {
        let mut labels = self.copied.clone();
        labels.insert("traefik.enable".into(), "true".into());
        labels
    }

    fn router(&self, generation: u32, pinned: &Pinned) -> String {
        self.name(&format!("g{generation}"), &pinned.router.name)
    }

    fn service(&self, split: Split, pinned: &Pinned) -> String {
        let part = format!("b{}-{}", self.number, split.name());
        self.name(&part, &pinned.backend.name)
    }

    fn name(&self, part: &str, original: &str) -> String {
        format!(
            "{PIN}{}-{part}-{}",
            short(self.rollout, 8),
            in_label(original)
        )
    }

    /// A router to the sidecar's own container alone, for whoever knows the secret.
    fn write_probe(
        &self,
        labels: &mut HashMap<String, String>,
        part: &str,
        number: usize,
        secret: &str,
    ) {
        let pinned = &self.routers[number];
        let part = format!("b{}-{part}", self.number);
        let name = self.name(&part, &pinned.router.name);
        write_service(labels, &name, pinned);
        write_probe_router(
            labels,
            &name,
            pinned,
            &probe_value(secret, number),
            self.probe_priority,
        );
    }
}

/// A name as it can stand in a label's key, whose words are told apart by dots; a file of Traefik's
/// may call a router `shop.example`. Different names stay different.
fn in_label(name: &str) -> Cow<'_, str> {
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_@".contains(character);
    if name.chars().all(fits) {
        return name.into();
    }
    let digest = Sha1::digest(name);
    let written = name.replace(|character| !fits(character), "-");
    format!("{written}-{:02x}{:02x}", digest[0], digest[1]).into()
}

/// What a probe through the `number`th router says to reach a pin.
pub(super) fn probe_value(secret: &str, number: usize) -> String {
    format!("{secret}-{number}")
}

fn write_router(
    labels: &mut HashMap<String, String>,
    name: &str,
    service: &str,
    pinned: &Pinned,
    generation: u32,
) {
    let router = &pinned.router;
    let mut rule = format!("({})", router.rule);
    for shadow in &pinned.shadows {
        let shadow = without_host_names(shadow, pinned.is_old_syntax());
        rule.extend([" && !(", &shadow, ")"]);
    }
    let priority = router.priority.saturating_add(i64::from(generation));
    let mut put = |option: &str, value: String| {
        labels.insert(format!("traefik.http.routers.{name}.{option}"), value);
    };
    for (option, value) in router.options.without(&ROUTER_OWN) {
        put(option, value.to_owned());
    }
    put("rule", rule);
    put("priority", priority.to_string());
    put("service", service.to_owned());
    if !router.middlewares.is_empty() {
        put("middlewares", router.middlewares.join(","));
    }
}

fn write_probe_router(
    labels: &mut HashMap<String, String>,
    name: &str,
    pinned: &Pinned,
    value: &str,
    priority: i64,
) {
    let mut put = |option: &str, value: String| {
        labels.insert(format!("traefik.http.routers.{name}.{option}"), value);
    };
    for (option, value) in pinned.router.options.without(&PROBE_OWN) {
        put(option, value.to_owned());
    }
    put("rule", format!("Header(`{PROBE_HEADER}`, `{value}`)"));
    put("rulesyntax", "v3".to_owned());
    put("priority", priority.to_string());
    put("service", name.to_owned());
    let middlewares: Vec<_> = std::iter::once(name.to_owned())
        .chain(pinned.probe_middlewares.iter().cloned())
        .collect();
    put("middlewares", middlewares.join(","));
    labels.insert(
        format!("traefik.http.middlewares.{name}.headers.customresponseheaders.{PROBE_HEADER}"),
        value.to_owned(),
    );
}

fn write_service(labels: &mut HashMap<String, String>, name: &str, pinned: &Pinned) {
    const PORT: &str = "loadbalancer.server.port";
    const COOKIE: &str = "loadbalancer.sticky.cookie";
    const COOKIE_NAME: &str = "loadbalancer.sticky.cookie.name";

    let options = &pinned.backend.options;
    let mut put = |option: &str, value: String| {
        labels.insert(format!("traefik.http.services.{name}.{option}"), value);
    };
    for (option, value) in options.without(&[PORT, WEIGHT]) {
        if !option.eq_ignore_ascii_case(COOKIE) {
            put(option, value.to_owned());
        }
    }
    put(PORT, pinned.port.to_string());
    // Traefik names the cookie after the service. With the same name, a session stays with its
    // container from one generation to the next.
    if options.has_any(COOKIE) && options.get(COOKIE_NAME).is_none() {
        put(COOKIE_NAME, cookie_name(&pinned.backend.name));
    }
}

/// The name of a sticky cookie that Traefik makes for a service of its Docker provider.
fn cookie_name(service: &str) -> String {
    let digest = Sha1::digest(format!("_TRAEFIK_BACKEND_{service}@docker"));
    format!("_{:02x}{:02x}{:x}", digest[0], digest[1], digest[2] >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_above_all_generations_as_far_as_traefik_allows() {
        assert_eq!(probe_priority([15, 1000].into_iter()), PROBE_PRIORITY);
        assert_eq!(
            probe_priority([5_000_000_000].into_iter()),
            5_000_000_000 + i64::from(LEVELS) + 1
        );
        assert_eq!(probe_priority([i64::MAX].into_iter()), HIGHEST_PRIORITY);
        assert!(has_room_above(HIGHEST_PRIORITY - i64::from(LEVELS)));
        assert!(!has_room_above(HIGHEST_PRIORITY - 1));
        assert!(!has_room_above(i64::MAX));
    }
}
