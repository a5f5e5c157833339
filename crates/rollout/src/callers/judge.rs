//! The rule by which a caller keeps a set from being stopped.
//!
//! Whoever looks the service's name up finds both sets while both run, so a caller that is seen on
//! the set that stays moves there by itself once the other is gone. One that is seen on the set that
//! is to go and never on the other is stuck, if it had chance enough to be seen there:
//!
//! - a program that is known to look names up once, at its start (nginx, `HAProxy`, httpd), is stuck
//!   with its first call: what it has not learned by now it does not learn;
//! - any other has to open [`ENOUGH`] connections and to go on, so that a scraper that comes by now
//!   and then keeps nobody up. Requests over connections that it has do not count: it looks the name
//!   up when it has to connect again. The C library sorts the addresses that it finds, and may always prefer the one that
//!   goes: so a caller that looks names up at least for every second connection that it opens moves,
//!   too;
//! - Traefik is told by the engine where requests go. After the cutover it opens no connection to
//!   the set that goes, unless by a route that Teal doesn't control: then it is a caller for as long
//!   as it goes on.
//!
//! Calls are counted from the moment that both sets ran; Traefik's, and those from outside of all
//! containers, from the cutover.

use std::time::Duration;

use teal_traffic::Calls;

/// So many connections without one to the other set are no chance.
const ENOUGH: u64 = 5;
/// So many connections of Traefik's after the cutover are no stragglers.
const ENOUGH_OF_TRAEFIK: u64 = 3;
/// Traefik goes on calling where it has called within this.
const GOES_ON: Duration = Duration::from_secs(3);
/// Any other caller does where it has called within this.
const STILL_CALLS: Duration = Duration::from_secs(10);

/// What was seen of one caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its calls to the set that is to go.
    pub(super) calls: Calls,
    /// Since the last of them.
    pub(super) silent: Duration,
    /// Whether it has called the set that stays.
    pub(super) knows_other: bool,
    pub(super) kind: Kind,
}

/// How a caller comes to know where to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Traefik, which somebody steers.
    Traefik {
        /// Whether it has calls of its own, such as health checks, that can't be told from others.
        has_other_calls: bool,
    },
    ResolvesOnce,
    /// Any other; with whether it looks names up as it connects, once that is known.
    Other {
        looks_up: Option<bool>,
    },
}

/// What a caller means for a set that is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It does not call it, or moves by itself.
    Moves,
    /// It was seen too rarely to tell.
    Rare,
    /// It may be stuck: whether it looks names up is not known yet.
    Unclear,
    Stuck,
}

/// Judges one caller.
pub(super) fn judge(seen: &Seen) -> Judgement {
    let calls = seen.calls.all();
    match seen.kind {
        Kind::Traefik { has_other_calls } => {
            let goes_on = seen.calls.opened >= ENOUGH_OF_TRAEFIK && seen.silent < GOES_ON;
            if goes_on && !has_other_calls {
                Judgement::Stuck
            } else {
                Judgement::Moves
            }
        }
        _ if seen.knows_other || calls == 0 => Judgement::Moves,
        Kind::ResolvesOnce => Judgement::Stuck,
        Kind::Other { .. } if is_rare(seen.calls) || seen.silent >= STILL_CALLS => Judgement::Rare,
        Kind::Other { looks_up } => match looks_up {
            Some(true) => Judgement::Moves,
            Some(false) => Judgement::Stuck,
            None => Judgement::Unclear,
        },
    }
}

/// Whether these are too few to tell anything.
pub(super) const fn is_rare(calls: Calls) -> bool {
    calls.opened < ENOUGH
}

/// Whether a caller looks names up as it connects, by what it did meanwhile; `None` if it opened
/// no connection.
pub(super) const fn looks_up(opened: u64, lookups: u64) -> Option<bool> {
    if opened == 0 {
        return None;
    }
    Some(lookups.saturating_mul(2) >= opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: Kind = Kind::Other {
        looks_up: Some(false),
    };
    const TRAEFIK: Kind = Kind::Traefik {
        has_other_calls: false,
    };

    fn seen(opened: u64, requests: u64, kind: Kind) -> Seen {
        Seen {
            calls: Calls { opened, requests },
            silent: Duration::ZERO,
            knows_other: false,
            kind,
        }
    }

    #[test]
    fn a_proxy_that_resolved_once_is_stuck_with_its_first_call() {
        assert_eq!(judge(&seen(0, 0, Kind::ResolvesOnce)), Judgement::Moves);
        assert_eq!(judge(&seen(1, 0, Kind::ResolvesOnce)), Judgement::Stuck);
        // Over the connections that its pool keeps.
        assert_eq!(judge(&seen(0, 1, Kind::ResolvesOnce)), Judgement::Stuck);
        // Minutes ago, as visitors come by.
        let silent = Seen {
            silent: Duration::from_secs(300),
            ..seen(1, 0, Kind::ResolvesOnce)
        };
        assert_eq!(judge(&silent), Judgement::Stuck);
        let reloaded = Seen {
            knows_other: true,
            ..seen(900, 900, Kind::ResolvesOnce)
        };
        assert_eq!(judge(&reloaded), Judgement::Moves);
    }

    #[test]
    fn a_scraper_keeps_nobody_up() {
        for calls in 1..ENOUGH {
            assert_eq!(judge(&seen(calls, 0, OTHER)), Judgement::Rare);
        }
        assert_eq!(judge(&seen(ENOUGH, 0, OTHER)), Judgement::Stuck);
        let silent = Seen {
            silent: STILL_CALLS,
            ..seen(ENOUGH, 0, OTHER)
        };
        assert_eq!(judge(&silent), Judgement::Rare, "it has ended, or waits");
    }

    #[test]
    fn a_pool_of_connections_keeps_nobody_up() {
        let pooled = seen(0, 900, Kind::Other { looks_up: None });
        assert_eq!(judge(&pooled), Judgement::Rare);
    }

    #[test]
    fn one_that_looks_names_up_as_it_connects_moves() {
        let with = |looks_up| judge(&seen(40, 0, Kind::Other { looks_up }));
        assert_eq!(with(None), Judgement::Unclear);
        assert_eq!(with(Some(true)), Judgement::Moves);
        assert_eq!(with(Some(false)), Judgement::Stuck);
        assert_eq!(looks_up(10, 20), Some(true), "both families each time");
        assert_eq!(looks_up(10, 5), Some(true));
        assert_eq!(looks_up(10, 4), Some(false));
        assert_eq!(looks_up(10, 0), Some(false));
        assert_eq!(looks_up(0, 4), None);
    }

    #[test]
    fn traefik_is_a_caller_while_it_opens_connections() {
        assert_eq!(
            judge(&seen(2, 500, TRAEFIK)),
            Judgement::Moves,
            "a WebSocket"
        );
        assert_eq!(judge(&seen(3, 0, TRAEFIK)), Judgement::Stuck);
        let past = Seen {
            silent: GOES_ON,
            ..seen(30, 0, TRAEFIK)
        };
        assert_eq!(judge(&past), Judgement::Moves);
        // Its routes lead to Green as well.
        let both = Seen {
            knows_other: true,
            ..seen(3, 0, TRAEFIK)
        };
        assert_eq!(judge(&both), Judgement::Stuck);
        let checks = Kind::Traefik {
            has_other_calls: true,
        };
        assert_eq!(judge(&seen(30, 0, checks)), Judgement::Moves);
    }
}
