//! What sidecars and Traefik say, taken in as a rollout does, whatever it is.

use std::collections::HashMap;

use tokio::{sync::watch, time::Instant};

use super::{
    api::ApiRouter,
    constraints,
    labels::{Backend, Configured, Options, Router},
    meter::Meter,
    pins::{Batch, Generation, Limited, PIN, Pin, Pinned},
    report::{Reading, Report},
    rule::Target,
    settings,
    split::{Sizes, Split},
    version::Version,
};
use teal_model::event::Color;

/// Each message of a sidecar in turn; an empty line ends one.
pub fn sidecar(bytes: &[u8]) {
    let meter = Meter::default();
    meter.set(Color::Blue, &["one".into(), "other".into()]);
    let (one, readings) = watch::channel(None);
    meter.add("one", readings);
    let (other, readings) = watch::channel(None);
    meter.add("other", readings);
    for (number, message) in bytes.split(|byte| *byte == 0).enumerate() {
        if let Some(report) = Report::last_in(message) {
            let reading = Some(Reading {
                report,
                at: Instant::now(),
            });
            let sender = if number % 3 == 0 { &one } else { &other };
            sender.send_replace(reading);
        }
        let before = meter.carried(Color::Blue);
        let _flow = meter.sample();
        let after = meter.carried(Color::Blue);
        // What has been carried is never taken back.
        assert!(before.is_none_or(|before| {
            after.is_some_and(|after| after.connections >= before.connections)
        }));
    }
}

/// The first byte says what it is that Traefik says.
pub fn traefik(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind {
        b'R' => routers(bytes),
        b'Y' => configuration("/traefik.yml", bytes),
        b'T' => configuration("/traefik.toml", bytes),
        b'L' => labels(bytes),
        _ => {
            if let Ok(text) = str::from_utf8(bytes) {
                let _read = (Version::parse(text), constraints::labels_in(text));
                let _matches = constraints::matches(text, &HashMap::new());
            }
        }
    }
}

fn routers(bytes: &[u8]) {
    let Ok(routers) = serde_json::from_slice::<Vec<ApiRouter>>(bytes) else {
        return;
    };
    for router in routers {
        let _problem = router.problem();
        check_labels(router.to_router("web", Options::default()));
        router
            .of_another_provider()
            .into_iter()
            .for_each(check_labels);
    }
}

fn configuration(path: &str, bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        let _read = settings::from_file(std::path::Path::new(path), text);
    }
}

/// Labels of a container, as `key=value` in lines.
fn labels(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let labels: HashMap<String, String> = pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let configured = Configured::read(&labels);
    let subject = super::labels::Subject {
        name: "web-1",
        labels: &labels,
        exposed_port: Some(80),
    };
    let rule = super::default_rule::DefaultRule("Host(`{{ normalize .Name }}`)".into());
    let _backends = subject.backends(&configured);
    let routers = subject.routers(&configured, &rule);
    let routers = routers.into_iter();
    routers
        .filter_map(|(_, router)| router.ok())
        .for_each(check_labels);
}

/// However a router is called and whatever its rule is, Traefik finds nothing in the labels that are
/// made from it but what is ours.
fn check_labels(router: Router) {
    let _target = Target::new(&router.rule, Some("/health"), true);
    let pinned = Pinned {
        backend: Backend {
            name: router.service.clone(),
            port: Some(80),
            options: Options::default(),
        },
        port: 80,
        shadows: vec![router.rule.clone()],
        strips_prefix: false,
        probe_middlewares: router.middlewares.clone(),
        limited: Limited::No,
        router,
    };
    let batch = Batch {
        rollout: "0a1b2c3d-e",
        number: 1,
        splits: &[Split::of(0), Split::of(50), Split::of(100)],
        sizes: Sizes { blue: 1, green: 2 },
        routers: &[pinned],
        probe_priority: 1_000_000_000,
        copied: &HashMap::new(),
    };
    let pin = Pin {
        container: "0123456789abcdef".into(),
        color: Color::Green,
        secret: "secret".into(),
    };
    let generation = Generation {
        number: 3,
        split: Split::of(50),
        secret: "other".into(),
    };
    let pins = Configured::read(&batch.pin_labels(&pin));
    let split = Configured::read(&batch.split_labels(&generation));
    for found in [&pins, &split] {
        let names = [&found.routers, &found.services, &found.middlewares];
        let mut names = names.into_iter().flat_map(|map| map.keys());
        assert!(names.all(|name| name.starts_with(PIN)), "{found:?}");
        assert!(!found.has_streams);
        // One router for its probe, one service, one middleware; options belong to no other name.
        for router in found.routers.values() {
            assert!(
                router.get("rule").is_some() && router.get("service").is_some(),
                "{found:?}"
            );
        }
    }
    let wanted: Vec<_> = batch.router_names(generation.number).collect();
    assert!(
        wanted.iter().all(|name| split.routers.contains_key(name)),
        "{split:?}"
    );
}
