//! Proxies that looked the service's name up before Green ran, and that nobody asks for anything
//! meanwhile. No call shows that they know Blue alone; their settings do. They would answer 502 from
//! the next request on, so they keep Blue until they are started or reloaded.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};

use super::Driver;
use crate::{
    Result, docker,
    event::Caller,
    traffic::{self, Processes, Whose},
};

/// A reload is looked for again after this.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(1);
/// So many containers are asked at a time.
const AT_ONCE: usize = 4;

/// The proxies that were there when Green began to run.
#[derive(Debug, Default)]
pub(super) struct Silent {
    proxies: Vec<Proxy>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Proxy {
    whose: Whose,
    processes: Processes,
}

impl Driver {
    /// Remembers who has looked Blue's names up by now.
    pub(super) async fn remember_proxies(&mut self) {
        let proxies = self.proxies_of_blue().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "proxies that nobody asks for anything are not known");
            Vec::new()
        });
        self.callers.silent = Silent {
            proxies,
            looked: None,
        };
    }

    async fn proxies_of_blue(&self) -> Result<Vec<Proxy>> {
        let blue = self.live_blue();
        let Some(first) = blue.first() else {
            return Ok(Vec::new());
        };
        let Some(container) = docker::inspect(&self.docker, first).await? else {
            return Ok(Vec::new());
        };
        let mut names = traffic::names_of(&container);
        names.push(self.plan.service.clone());
        let both = [blue, self.green.clone()].concat();
        let neighbours = traffic::neighbours(&self.docker, &both).await?;
        let asked = stream::iter(neighbours).map(|whose| self.proxy(whose, &names));
        let asked: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        Ok(asked.into_iter().flatten().collect())
    }

    /// This container, if it is a proxy that keeps an address of Blue.
    async fn proxy(&self, whose: Whose, names: &[String]) -> Option<Proxy> {
        let processes = match traffic::processes(&self.docker, &whose.id).await {
            Ok(processes) if processes.program.resolves_once() => processes,
            Ok(_) => return None,
            // It has ended meanwhile, or says nothing of itself.
            Err(error) => {
                tracing::debug!(%error, container = whose.name, "what it runs is not known");
                return None;
            }
        };
        let keeps =
            traffic::keeps_address_of(&self.docker, &whose.id, processes.program, names).await;
        match keeps {
            Ok(Some(true)) => Some(Proxy { whose, processes }),
            Ok(Some(false) | None) => None,
            Err(error) => {
                tracing::warn!(%error, proxy = whose.name, "its settings can't be read");
                None
            }
        }
    }

    /// Those that still know Blue alone, without those whose calls were seen: they are judged by them.
    pub(super) async fn silent_proxies(&mut self, active: &BTreeSet<String>) -> Vec<Caller> {
        let silent = &mut self.callers.silent;
        let is_due = silent
            .looked
            .is_none_or(|at| at.elapsed() >= LOOKED_AT_AGAIN);
        if is_due && !silent.proxies.is_empty() {
            silent.looked = Some(Instant::now());
            let mut left = Vec::new();
            for proxy in std::mem::take(&mut silent.proxies) {
                if !has_looked_up_again(&self.docker, &proxy).await {
                    left.push(proxy);
                }
            }
            silent.proxies = left;
        }
        let proxies = silent.proxies.iter();
        proxies
            .filter(|proxy| !active.contains(&proxy.whose.id))
            .map(Proxy::caller)
            .collect()
    }
}

impl Proxy {
    fn caller(&self) -> Caller {
        let program = self.processes.program;
        Caller {
            container: Some(self.whose.name.clone()),
            project: self.whose.project.clone(),
            service: self.whose.service.clone(),
            addresses: Vec::new(),
            program: program.name().map(str::to_owned),
            resolves_once: true,
            reload: Some(program.reload(&self.whose.name)),
            is_silent: true,
        }
    }
}

/// Whether it was reloaded, started again or ended: a process runs that did not before, or none.
async fn has_looked_up_again(docker: &bollard::Docker, proxy: &Proxy) -> bool {
    match traffic::processes(docker, &proxy.whose.id).await {
        Ok(now) => now.ids.is_empty() || !now.ids.is_subset(&proxy.processes.ids),
        Err(error) => {
            let container = docker::inspect(docker, &proxy.whose.id).await;
            let state = container.ok().flatten().and_then(|it| it.state);
            let runs = state.and_then(|state| state.running) == Some(true);
            tracing::debug!(%error, runs, proxy = proxy.whose.name, "its processes are not known");
            !runs
        }
    }
}
