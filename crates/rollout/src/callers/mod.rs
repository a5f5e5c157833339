//! Who still calls a set that is to be stopped: seen by the sidecars beside both sets, told, and
//! judged by the one rule in `judge.rs`.

mod judge;
mod silent;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio_util::task::AbortOnDropHandle;

use super::Driver;
use judge::{Judgement, Kind, Seen, judge, looks_up};
use silent::Silent;
use teal_model::Result;
use teal_model::event::{Caller, Color};
use teal_traffic::{self as traffic, Addresses, Calls, Program, Whose};
pub(super) use told::{left_without, sentences, still_called};

/// How long lookups of names are counted for.
const COUNTED_FOR: Duration = Duration::from_secs(2);
/// Whose an address is can be asked again after this: somebody may have been started since.
const ASKED_AGAIN: Duration = Duration::from_secs(1);

/// What is known of callers from one look to the next.
#[derive(Debug, Default)]
pub struct Callers {
    /// The calls to Blue when Green began to run.
    before_green: BTreeMap<IpAddr, Calls>,
    addresses: Addresses,
    asked: Option<Instant>,
    programs: HashMap<String, Program>,
    lookups: HashMap<String, Lookups>,
    silent: Silent,
    /// Those that were told last.
    told: Vec<Caller>,
    /// Whoever was warned of.
    warned: Vec<String>,
    /// Proxies that kept Blue until they were reloaded.
    reloaded: Vec<Caller>,
}

/// Whether a container looks names up as it connects.
#[derive(Debug)]
enum Lookups {
    Counting {
        /// Its connections to the set before.
        opened: u64,
        lookups: AbortOnDropHandle<Result<u64>>,
    },
    Known(bool),
}

/// The watch over one set that is to be stopped.
#[derive(Debug)]
pub(super) struct Watch {
    color: Color,
    /// What Traefik's calls are counted from: those that it held back are no new ones.
    settled: Option<BTreeMap<IpAddr, Calls>>,
    /// The calls of each, and when they became so many.
    last: HashMap<String, (u64, Instant)>,
    /// When Traefik last called.
    traefik_called: Instant,
}

/// How it stands with the callers of a set.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Those that would go on calling it.
    pub(super) stuck: Vec<Caller>,
    /// Those of which it can't be told, though they call often.
    pub(super) unclear: Vec<Caller>,
    /// Whether anybody was seen too rarely to tell.
    pub(super) has_rare: bool,
}

/// One who calls, with all its addresses.
#[derive(Debug, Default)]
struct Sum {
    addresses: Vec<IpAddr>,
    whose: Option<Whose>,
    since_both: Calls,
    since_settled: Calls,
    knows_other: bool,
}

impl Watch {
    pub(super) fn begin(color: Color) -> Self {
        Self {
            color,
            settled: None,
            last: HashMap::new(),
            traefik_called: Instant::now(),
        }
    }

    /// Since Traefik last sent anything to the set: what it holds back may still come.
    pub(super) fn left_alone_by_traefik(&self) -> Duration {
        self.traefik_called.elapsed()
    }

    /// For how long somebody has made no more calls than these.
    fn silent(&mut self, who: &str, calls: u64) -> Duration {
        let last = self.last.get(who).copied();
        match last {
            Some((before, at)) if before == calls => at.elapsed(),
            _ => {
                self.last.insert(who.to_owned(), (calls, Instant::now()));
                Duration::ZERO
            }
        }
    }
}

impl Driver {
    /// Both sets run from now on: who looks the service's name up finds both.
    pub(super) async fn both_run(&mut self) {
        self.callers.before_green = self.traffic.meter().calls(Color::Blue);
        self.remember_proxies().await;
    }

    /// Counts beside both sets, so that callers of either are seen.
    pub(super) async fn watch_callers(&mut self) {
        let both = [self.live_blue(), self.green.clone()].concat();
        self.traffic.count(&both).await;
    }

    /// Takes in what has been called since the last look, and tells who keeps the set.
    pub(super) async fn look_at_callers(&mut self, watch: &mut Watch, counts: bool) -> Standing {
        let meter = self.traffic.meter();
        let calls = meter.calls(watch.color);
        if counts && watch.settled.is_none() {
            watch.settled = Some(calls.clone());
        }
        let other = match watch.color {
            Color::Blue => meter.calls(Color::Green),
            Color::Green => meter.calls(Color::Blue),
        };
        self.know(calls.keys().chain(other.keys())).await;
        let mut standing = Standing::default();
        let mut active = self.callers_since_both(watch.color, &other);
        let sums = self.sums(watch, &calls, &active);
        for (who, sum) in sums {
            if sum.since_both.all() > 0 {
                active.insert(who.clone());
            }
            let caller = self.caller(&sum).await;
            match self.judge(watch, &who, &sum).await {
                Judgement::Moves => {}
                Judgement::Rare => standing.has_rare = true,
                Judgement::Unclear => standing.unclear.push(caller),
                Judgement::Stuck => standing.stuck.push(caller),
            }
        }
        if watch.color == Color::Blue {
            standing.stuck.extend(self.silent_proxies(&active).await);
        }
        self.tell(watch.color, &standing.stuck);
        standing
    }

    /// Whoever has called the other set of `color` since both ran, by the names of `sums`.
    fn callers_since_both(
        &self,
        color: Color,
        other: &BTreeMap<IpAddr, Calls>,
    ) -> BTreeSet<String> {
        let is_since = |address: &IpAddr, calls: &Calls| match color {
            Color::Blue => calls.all() > 0,
            Color::Green => {
                let before = self.callers.before_green.get(address).copied();
                calls.minus(before.unwrap_or_default()).all() > 0
            }
        };
        other
            .iter()
            .filter(|(address, calls)| is_since(address, calls))
            .map(|(address, _)| self.who(address))
            .collect()
    }

    /// A container has several addresses, and one name.
    fn who(&self, address: &IpAddr) -> String {
        let whose = self.callers.addresses.get(address);
        whose.map_or_else(|| address.to_string(), |whose| whose.id.clone())
    }

    /// Learns whose these addresses are, where that is not known.
    async fn know(&mut self, mut addresses: impl Iterator<Item = &IpAddr>) {
        let callers = &mut self.callers;
        let is_known = |address: &IpAddr| callers.addresses.contains_key(address);
        let may_ask = callers.asked.is_none_or(|at| at.elapsed() >= ASKED_AGAIN);
        if !may_ask || addresses.all(is_known) {
            return;
        }
        callers.asked = Some(Instant::now());
        match traffic::addresses(&self.docker).await {
            // Whoever has ended since is still known.
            Ok(found) => callers.addresses.extend(found),
            Err(error) => tracing::warn!(%error, "whose the callers are is not known"),
        }
    }

    /// The callers of a set, without the rollout's own containers; each by a name of its own.
    fn sums(
        &self,
        watch: &mut Watch,
        calls: &BTreeMap<IpAddr, Calls>,
        know_other: &BTreeSet<String>,
    ) -> BTreeMap<String, Sum> {
        let own = [self.blue(), self.green.clone()].concat();
        let mut sums = BTreeMap::<String, Sum>::new();
        let of = |calls: &BTreeMap<IpAddr, Calls>, address| {
            calls.get(address).copied().unwrap_or_default()
        };
        for (address, calls) in calls {
            let whose = self.callers.addresses.get(address);
            if whose.is_some_and(|whose| own.contains(&whose.id)) {
                continue;
            }
            let sum = sums.entry(self.who(address)).or_default();
            let before = match watch.color {
                Color::Blue => of(&self.callers.before_green, address),
                Color::Green => Calls::default(),
            };
            let settled = watch
                .settled
                .as_ref()
                .map_or(*calls, |all| of(all, address));
            sum.whose = whose.cloned();
            sum.addresses.push(*address);
            sum.since_both = sum.since_both.plus(calls.minus(before));
            sum.since_settled = sum.since_settled.plus(calls.minus(settled));
        }
        for who in know_other {
            if let Some(sum) = sums.get_mut(who) {
                sum.knows_other = true;
            }
        }
        sums
    }

    async fn judge(&mut self, watch: &mut Watch, who: &str, sum: &Sum) -> Judgement {
        let from_host = self.traffic.comes_from_the_host();
        let is_steered_by_it = is_traefik(sum.whose.as_ref(), from_host) && self.is_steered();
        // Whoever is outside came by host ports until the cutover, and knows no names.
        let calls = match is_steered_by_it || sum.whose.is_none() {
            true => sum.since_settled,
            false => sum.since_both,
        };
        let silent = watch.silent(who, sum.since_both.all());
        // Its health checks go on whatever it holds back.
        if is_steered_by_it && !self.traffic.has_other_calls() {
            let called = Instant::now().checked_sub(silent);
            watch.traefik_called = watch
                .traefik_called
                .max(called.unwrap_or_else(Instant::now));
        }
        let kind = if is_steered_by_it {
            Kind::Traefik {
                has_other_calls: self.traffic.has_other_calls(),
            }
        } else if self.program(sum).await.resolves_once() {
            Kind::ResolvesOnce
        } else {
            Kind::Other {
                looks_up: self.looks_up(sum, calls).await,
            }
        };
        judge(&Seen {
            calls,
            silent,
            knows_other: sum.knows_other,
            kind,
        })
    }

    /// What a caller runs. Only asked for where it matters: a caller of both sets moves anyway.
    async fn program(&mut self, sum: &Sum) -> Program {
        let Some(whose) = sum.whose.as_ref().filter(|_| !sum.knows_other) else {
            return Program::Other;
        };
        if let Some(program) = self.callers.programs.get(&whose.id) {
            return *program;
        }
        match traffic::program(&self.docker, &whose.id).await {
            Ok(program) => {
                self.callers.programs.insert(whose.id.clone(), program);
                program
            }
            Err(error) => {
                tracing::warn!(%error, caller = whose.name, "what it runs is not known");
                Program::Other
            }
        }
    }

    /// Whether a caller looks names up as it connects; none while that is being found out. One
    /// outside of all containers can't be watched.
    async fn looks_up(&mut self, sum: &Sum, calls: Calls) -> Option<bool> {
        // Until it has called often enough, it does not matter.
        if sum.knows_other || judge::is_rare(calls) {
            return None;
        }
        let Some(whose) = &sum.whose else {
            return Some(false);
        };
        let opened = sum.since_both.opened;
        match self.callers.lookups.remove(&whose.id) {
            Some(Lookups::Known(known)) => {
                let known = Lookups::Known(known);
                self.callers.lookups.insert(whose.id.clone(), known);
            }
            Some(Lookups::Counting {
                opened: before,
                lookups,
            }) if lookups.is_finished() => {
                let known = match lookups.await {
                    Ok(Ok(lookups)) => looks_up(opened.saturating_sub(before), lookups),
                    failed => {
                        tracing::warn!(?failed, caller = whose.name, "its lookups are not counted");
                        Some(false)
                    }
                };
                // Otherwise it is looked at once more.
                if let Some(known) = known {
                    let known = Lookups::Known(known);
                    self.callers.lookups.insert(whose.id.clone(), known);
                }
            }
            Some(counting) => {
                self.callers.lookups.insert(whose.id.clone(), counting);
            }
            None => {
                let lookups = tokio::spawn(self.traffic.lookups(&whose.id, COUNTED_FOR));
                let counting = Lookups::Counting {
                    opened,
                    lookups: AbortOnDropHandle::new(lookups),
                };
                self.callers.lookups.insert(whose.id.clone(), counting);
            }
        }
        match self.callers.lookups.get(&whose.id) {
            Some(Lookups::Known(known)) => Some(*known),
            _ => None,
        }
    }

    async fn caller(&mut self, sum: &Sum) -> Caller {
        let is_traefik = sum.whose.as_ref().is_some_and(|whose| whose.is_traefik);
        let program = self.program(sum).await;
        let whose = sum.whose.as_ref();
        let reload = whose.filter(|_| !is_traefik);
        Caller {
            container: whose.map(|whose| whose.name.clone()),
            project: whose.and_then(|whose| whose.project.clone()),
            service: whose.and_then(|whose| whose.service.clone()),
            addresses: sum.addresses.iter().map(ToString::to_string).collect(),
            program: match is_traefik {
                true => Some("Traefik".to_owned()),
                false => program.name().map(str::to_owned),
            },
            resolves_once: program.resolves_once(),
            reload: reload.map(|whose| program.reload(&whose.name)),
            is_silent: false,
        }
    }
}

/// Whether a caller is Traefik. In the host's network it has no address of its own, and is whoever comes
/// from outside of all containers.
fn is_traefik(whose: Option<&Whose>, comes_from_the_host: bool) -> bool {
    whose.map_or(comes_from_the_host, |whose| whose.is_traefik)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traefik_in_the_hosts_network_is_who_comes_from_outside() {
        let whose = |is_traefik| Whose {
            id: "1".to_owned(),
            name: "caller".to_owned(),
            project: None,
            service: None,
            is_traefik,
        };
        assert!(is_traefik(None, true));
        assert!(!is_traefik(None, false), "a user of a published port");
        assert!(!is_traefik(Some(&whose(false)), true), "another container");
        assert!(is_traefik(Some(&whose(true)), false));
    }
}
