//! Definitions that Traefik drops because containers disagree about them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::ContainerInspectResponse;

use super::{
    gateway::{Gateway, labels_of, plain_name},
    labels::{Configured, Options, Router, Subject},
};
use teal_model::{Verdict, VerdictCode};

/// What becomes of them.
pub(super) const DROPPED: &str =
    "where containers disagree about a definition Traefik drops it, and with it every request";

/// What Blue's containers, and Green with the labels of the files, define in different ways.
pub(super) fn clashes(
    gateway: &Gateway,
    subject: &Subject<'_>,
    rest_of_blue: &[ContainerInspectResponse],
    file_labels: Option<&BTreeMap<String, String>>,
) -> Vec<Verdict> {
    let mut clashes = Vec::new();
    let mine = Definitions::of(subject, gateway);
    for container in rest_of_blue {
        let labels = labels_of(container);
        let name = plain_name(container);
        let other = Subject {
            name: &name,
            labels: &labels,
            exposed_port: subject.exposed_port,
        };
        clashes.extend(mine.clash(
            &Definitions::of(&other, gateway),
            &format!("container `{name}`"),
        ));
    }
    if let Some(file_labels) = file_labels {
        let mut labels: HashMap<_, _> = file_labels.clone().into_iter().collect();
        for key in ["com.docker.compose.project", "com.docker.compose.service"] {
            if let Some(value) = subject.labels.get(key) {
                labels.insert(key.into(), value.clone());
            }
        }
        // Green's name is not known yet, only that it is another one.
        let other = Subject {
            name: "",
            labels: &labels,
            exposed_port: subject.exposed_port,
        };
        clashes.extend(mine.clash(&Definitions::of(&other, gateway), "Green"));
    }
    clashes
}

/// What Traefik compares when several containers define the same names.
pub(super) struct Definitions {
    routers: BTreeMap<String, Router>,
    services: BTreeMap<String, BTreeSet<(String, String)>>,
    middlewares: BTreeMap<String, Options>,
}

impl Definitions {
    pub(super) fn of(subject: &Subject<'_>, gateway: &Gateway) -> Self {
        let configured = Configured::read(subject.labels);
        Self {
            routers: subject
                .routers(&configured, &gateway.default_rule)
                .into_iter()
                .filter_map(|(name, router)| Some((name, router.ok()?)))
                .collect(),
            services: configured
                .services
                .iter()
                .map(|(name, options)| {
                    let options = options.without(&["loadbalancer.server"]);
                    let options =
                        options.map(|(path, value)| (path.to_lowercase(), value.to_owned()));
                    (name.clone(), options.collect())
                })
                .collect(),
            middlewares: configured.middlewares,
        }
    }

    fn clash(&self, other: &Self, whose: &str) -> Vec<Verdict> {
        let differing = self.differing(other).into_iter();
        differing
            .map(|what| {
                let reason =
                    format!("Traefik's {what} of {whose} is not the one that Blue has now");
                Verdict::refused(VerdictCode::RouteClash, reason)
                    .means(DROPPED)
                    .remedy("give the changed definition a new name, or recreate the service once with the new labels")
            })
            .collect()
    }

    /// What the other defines by the same name and in another way.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let routers =
            differing(&self.routers, &other.routers).map(|name| format!("router `{name}`"));
        let services =
            differing(&self.services, &other.services).map(|name| format!("service `{name}`"));
        let middlewares = differing(&self.middlewares, &other.middlewares)
            .map(|name| format!("middleware `{name}`"));
        routers.chain(services).chain(middlewares).collect()
    }

    /// The services that the other has by the same name and in the same way.
    pub(super) fn services_in(&self, other: &Self) -> impl Iterator<Item = &String> {
        let same = |(name, options): &(&String, _)| other.services.get(*name) == Some(*options);
        self.services.iter().filter(same).map(|(name, _)| name)
    }
}

fn differing<'a, T: PartialEq>(
    one: &'a BTreeMap<String, T>,
    other: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    one.iter()
        .filter(|(name, value)| other.get(*name).is_some_and(|found| found != *value))
        .map(|(name, _)| name)
}
