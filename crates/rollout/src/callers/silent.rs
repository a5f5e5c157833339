//! Proxies that looked the service's name up before Green ran, and that nobody asks for anything
//! meanwhile. No call shows that they know Blue alone; their settings do. They would answer 502 from
//! the next request on, so they keep Blue until they are reloaded or call Green.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};

use super::{super::chain, Driver};
use teal_docker as docker;
use teal_model::Result;
use teal_model::event::Caller;
use teal_traffic::{self as traffic, Asked, Names, Processes, Upstream, Whose};

/// A reload is looked for again after this.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(1);
/// A proxy that is down for so long is not just being started again.
const DOWN: Duration = Duration::from_secs(5);
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
    upstream: Upstream,
    down_since: Option<Instant>,
}

impl Driver {
    /// Remembers who has looked Blue's names up by now.
    pub(crate) async fn remember_proxies(&mut self) {
        let proxies = self.proxies_of_blue().await.unwrap_or_else(|error| {
            self.rollout.warn(format!(
                "whether a proxy knows Blue alone is not known: {}",
                chain(&error)
            ));
            Vec::new()
        });
        self.callers.silent = Silent {
            proxies,
            looked: None,
        };
    }

    async fn proxies_of_blue(&self) -> Result<Vec<Proxy>> {
        let blue = self.live_blue();
        let mut names = Names {
            shared: vec![self.plan.service.clone()],
            own: Vec::new(),
        };
        for id in &blue {
            if let Some(container) = docker::inspect(&self.docker, id).await? {
                let Names { shared, own } = Names::of(&container);
                names.shared.extend(shared);
                names.own.extend(own);
            }
        }
        let both = [blue, self.green.clone()].concat();
        let neighbours = traffic::neighbours(&self.docker, &both).await?;
        let asked = stream::iter(neighbours).map(|whose| self.proxy(whose, &names));
        let asked: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        Ok(asked.into_iter().flatten().collect())
    }

    /// This container, if it is a proxy that keeps an address of Blue.
    async fn proxy(&self, whose: Whose, names: &Names) -> Option<Proxy> {
        let processes = match traffic::processes(&self.docker, &whose.id).await {
            Ok(processes) if processes.program.resolves_once() => processes,
            Ok(_) => return None,
            // It has ended meanwhile, or says nothing of itself.
            Err(error) => {
                tracing::debug!(%error, container = whose.name, "what it runs is not known");
                return None;
            }
        };
        let program = processes.program;
        let asked = traffic::upstream_of(&self.docker, &whose.id, program, names);
        let asked = asked.await.unwrap_or_else(|error| {
            self.rollout.warn(format!(
                "whether `{}` knows Blue alone is not known: {}",
                whose.name,
                chain(&error)
            ));
            None
        })?;
        self.means_us(&whose, &asked).await.then_some(Proxy {
            whose,
            processes,
            upstream: asked.upstream,
            down_since: None,
        })
    }

    /// Whether the names that a proxy asks for are of this service. In another project they may be of
    /// a service of its own, on a network that comes before the shared one. Where that can't be seen, it
    /// is taken for a caller.
    async fn means_us(&self, whose: &Whose, asked: &Asked) -> bool {
        if whose.project.as_deref() == Some(&self.plan.project) {
            return true;
        }
        let rollout = self.rollout.id();
        let resolved = traffic::resolved(&self.docker, rollout, &whose.id, &asked.names);
        let found = futures_util::try_join!(resolved, traffic::addresses(&self.docker));
        match found {
            Ok((resolved, addresses)) => {
                let mut found = resolved.iter().filter_map(|it| addresses.get(it));
                let (blue, green) = (self.live_blue(), &self.green);
                found.any(|it| blue.contains(&it.id) || green.contains(&it.id))
            }
            Err(error) => {
                tracing::warn!(%error, proxy = whose.name, "whom it asks is not known");
                true
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
            for mut proxy in std::mem::take(&mut silent.proxies) {
                if !proxy.knows_green(&self.docker).await {
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
    /// Whether it has looked the service's name up since Green runs, or has ended. One that takes a
    /// single address may have taken Blue's again: it has to call Green first.
    async fn knows_green(&mut self, docker: &bollard::Docker) -> bool {
        let finds_green =
            self.upstream == Upstream::Service && self.processes.program.takes_all_addresses();
        match traffic::processes(docker, &self.whose.id).await {
            Ok(now) => {
                self.down_since = None;
                finds_green && now.have_started_since(&self.processes)
            }
            Err(error) => {
                let container = docker::inspect(docker, &self.whose.id).await;
                let state = container.map(|it| it.and_then(|it| it.state));
                let runs =
                    state.is_err() || state.ok().flatten().and_then(|it| it.running) == Some(true);
                tracing::debug!(%error, runs, proxy = self.whose.name, "its processes are not known");
                if runs {
                    return false;
                }
                let since = self.down_since.get_or_insert_with(Instant::now);
                since.elapsed() >= DOWN
            }
        }
    }

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
