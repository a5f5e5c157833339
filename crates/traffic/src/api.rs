//! Traefik's own API, where it can be reached.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};

use super::{
    http::{self, Endpoint},
    labels::{Options, Router},
    rule::Target,
};

const TIMEOUT: Duration = Duration::from_secs(2);

/// A router as Traefik runs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiRouter {
    /// With its provider: `web@docker`.
    pub name: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    entry_points: Vec<String>,
    tls: Option<serde_json::Value>,
    #[serde(default)]
    middlewares: Vec<String>,
    #[serde(default)]
    service: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: Vec<String>,
}

impl ApiRouter {
    pub(super) fn to_router(&self, name: &str, options: Options) -> Router {
        let service = self
            .service
            .strip_suffix("@docker")
            .unwrap_or(&self.service);
        let default_priority = i64::try_from(self.rule.len()).unwrap_or(i64::MAX);
        Router {
            name: name.to_owned(),
            rule: self.rule.clone(),
            priority: if self.priority == 0 {
                default_priority
            } else {
                self.priority
            },
            entry_points: self.entry_points.clone(),
            tls: self.tls.is_some(),
            middlewares: self.middlewares.clone(),
            service: service.to_owned(),
            options,
        }
    }

    /// The router for pins, if it is not the Docker provider's and leads to one of its services.
    pub(super) fn of_another_provider(&self) -> Option<Router> {
        let (name, provider) = self.name.rsplit_once('@')?;
        if provider == "docker" || !self.service.ends_with("@docker") {
            return None;
        }
        let qualified = |name: &str| match name.contains('@') {
            true => name.to_owned(),
            false => format!("{name}@{provider}"),
        };
        let tls = |key: &str| Some(self.tls.as_ref()?.get(key)?.as_str()?.to_owned());
        let options = [
            ("entrypoints", Some(self.entry_points.join(","))),
            ("tls", self.tls.as_ref().map(|_| "true".to_owned())),
            ("tls.certresolver", tls("certResolver")),
            (
                "tls.options",
                tls("options").map(|options| qualified(&options)),
            ),
        ];
        let options = options
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect();
        let mut router = self.to_router(name, options);
        for middleware in &mut router.middlewares {
            *middleware = qualified(middleware);
        }
        Some(router)
    }

    /// The service that it leads to, with its provider.
    pub fn qualified_service(&self) -> String {
        match (self.service.contains('@'), self.name.rsplit_once('@')) {
            (false, Some((_, provider))) => format!("{}@{provider}", self.service),
            _ => self.service.clone(),
        }
    }

    /// What Traefik finds wrong with it, if it does not serve it. With a warning it does.
    pub fn problem(&self) -> Option<String> {
        (self.status == "disabled")
            .then(|| format!("router `{}`: {}", self.name, self.error.join("; ")))
    }
}

/// All HTTP routers, or `None` if the API does not answer.
pub async fn routers(address: SocketAddr) -> Option<Vec<ApiRouter>> {
    ask(address, "/api/http/routers?per_page=10000").await
}

/// Traefik's own version, or `None` if the API does not answer.
pub async fn version(address: SocketAddr) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Told {
        version: String,
    }
    let told: Told = ask(address, "/api/version").await?;
    Some(told.version)
}

/// What the API answers, or `None` if it does not.
pub async fn ask<T: DeserializeOwned>(address: SocketAddr, path: &str) -> Option<T> {
    let endpoint = Endpoint::here(address, false);
    let target = Target {
        host: address.to_string(),
        path: path.into(),
        headers: Vec::new(),
    };
    let answer = http::get(&endpoint, &target, None, TIMEOUT).await.ok()?;
    (answer.status == 200)
        .then(|| serde_json::from_slice(&answer.body).ok())
        .flatten()
}
