//! The labels of a pin: a generation's routers, with the container's own service behind them.

use std::collections::HashMap;

use sha1::{Digest, Sha1};

use super::{
    http::PROBE_HEADER,
    labels::{Backend, Router},
    sidecar::short,
};
use crate::event::Color;

/// How many generations fit above the priority of a router.
pub(super) const LEVELS: u32 = 12;

/// How the names of all that pins define begin.
pub(super) const PIN: &str = "teal-pin-";

/// Above every router of a user, below the redirections of Traefik's entry points.
const PROBE_PRIORITY: i64 = 1_000_000_000;

/// Options of a router that a pin writes itself.
const ROUTER_OWN: [&str; 4] = ["rule", "priority", "service", "middlewares"];

/// A router that leads to the service, and what its pins have to leave alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    pub(super) router: Router,
    pub(super) backend: Backend,
    /// The port of the backend, which every pin names.
    pub(super) port: u16,
    /// Rules of routers that win over this one, and would not over its pins.
    pub(super) shadows: Vec<String>,
    /// The router's middlewares that a probe goes through: those that shape the path.
    pub(super) probe_middlewares: Vec<String>,
}

/// One container in a generation.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub(super) container: String,
    pub(super) color: Color,
    /// Who knows this reaches exactly this container through exactly this generation.
    pub(super) secret: String,
}

/// What all pins of a generation have in common.
#[derive(Debug)]
pub(super) struct Generation<'a> {
    pub(super) rollout: &'a str,
    pub(super) number: u32,
    pub(super) routers: &'a [Pinned],
    /// Labels that Traefik's constraints ask for, and its network.
    pub(super) copied: &'a HashMap<String, String>,
}

impl Generation<'_> {
    /// The labels for the `index`th pin. Only the last one that is started leads: it brings the
    /// routers, so that Traefik sees the whole generation at once.
    pub(super) fn labels(&self, pin: &Pin, index: usize, leads: bool) -> HashMap<String, String> {
        let mut labels = self.copied.clone();
        labels.insert("traefik.enable".into(), "true".into());
        for (number, pinned) in self.routers.iter().enumerate() {
            let name = self.name(&pinned.router.name);
            let service = self.name(&pinned.backend.name);
            write_service(&mut labels, &service, pinned);
            if leads {
                write_router(&mut labels, &name, &service, pinned, self.number);
            }
            let probe = format!("{name}-{index}-probe");
            write_service(&mut labels, &probe, pinned);
            write_probe(
                &mut labels,
                &probe,
                pinned,
                &probe_value(&pin.secret, number),
            );
        }
        labels
    }

    /// The names of the routers that its leader brings.
    pub(super) fn router_names(&self) -> impl Iterator<Item = String> {
        self.routers
            .iter()
            .map(|pinned| self.name(&pinned.router.name))
    }

    fn name(&self, original: &str) -> String {
        let rollout = short(self.rollout, 8);
        format!("{PIN}{rollout}-g{}-{original}", self.number)
    }
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
        rule.extend([" && !(", shadow, ")"]);
    }
    let priority = router.priority + i64::from(generation);
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

fn write_probe(labels: &mut HashMap<String, String>, name: &str, pinned: &Pinned, value: &str) {
    let mut put = |option: &str, value: String| {
        labels.insert(format!("traefik.http.routers.{name}.{option}"), value);
    };
    for (option, value) in pinned.router.options.without(&ROUTER_OWN) {
        put(option, value.to_owned());
    }
    let is_old_syntax = pinned.router.options.get("rulesyntax") == Some("v2");
    let matcher = if is_old_syntax { "Headers" } else { "Header" };
    put("rule", format!("{matcher}(`{PROBE_HEADER}`, `{value}`)"));
    put("priority", PROBE_PRIORITY.to_string());
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
    for (option, value) in options.without(&[PORT]) {
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
