//! The live probe's book: each request, when it was asked and who can have answered it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use teal_model::event::Color;
use teal_model::event::{Figures, HandoverGap, Receipt};

use super::{
    gap::Gap,
    tally::{Tally, millis},
};

/// How many failures the receipt tells in words.
const FAILURES_TOLD: usize = 5;

/// Where a rollout stands, as the receipt compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Green has not been given traffic.
    Before,
    During,
    /// The service's own routers lead to it again.
    After,
}

/// Which answers are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// This status alone, as somebody asked for.
    Only(u16),
    /// Every status below 400, and this one, which Blue answers.
    Usual(u16),
}

impl Expected {
    /// What is expected of a service that answers so before anything has changed; why it can't be
    /// probed if that is not a good answer.
    pub(super) fn of(wanted: Option<u16>, found: u16) -> Result<Self, String> {
        match wanted {
            Some(wanted) if wanted == found => Ok(Self::Only(wanted)),
            Some(wanted) => Err(format!("answers {found} instead of {wanted}")),
            None if found < 500 => Ok(Self::Usual(found)),
            None => Err(format!("answers {found}")),
        }
    }

    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Only(status) | Self::Usual(status) => status,
        }
    }

    /// Whether such an answer shows that the service itself answers well. Redirects, refusals and
    /// pages that are not found may be Traefik's, or an error's that was there before.
    pub(super) const fn is_proof(self, status: u16) -> bool {
        matches!(self, Self::Only(_)) || status < 300
    }

    /// Why an answer is not good.
    pub(super) fn judge(self, status: u16) -> Result<(), String> {
        let is_good = match self {
            Self::Only(wanted) => status == wanted,
            Self::Usual(usual) => status < 400 || status == usual,
        };
        if is_good {
            return Ok(());
        }
        Err(format!("answered {status} instead of {}", self.status()))
    }
}

#[derive(Debug)]
pub(super) struct Ledger {
    target: String,
    expected: Expected,
    /// `None` if no port changes hands.
    gap: Option<Gap>,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    window: Window,
    /// By the moment, and by who alone can have answered.
    tallies: HashMap<(Moment, Option<Color>), Tally>,
    failures: Vec<String>,
    /// Good answers that prove nothing.
    unproved: u32,
    last_good: Instant,
    /// The count of turns of the gap at that moment.
    last_good_turns: u32,
    worst_gap: Duration,
    handover: HandoverGap,
    limited: u32,
}

/// The time in which neither the moment nor the set that answers changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    moment: Moment,
    color: Option<Color>,
    /// Counts the changes of who answers.
    turn: u32,
    /// The count of turns of the announced gap.
    gap_turns: u32,
}

impl Ledger {
    /// Blue alone answers at first.
    pub(super) fn new(target: String, expected: Expected, gap: Option<Gap>) -> Self {
        Self {
            target,
            expected,
            gap,
            book: Mutex::new(Book {
                window: Window {
                    moment: Moment::Before,
                    color: Some(Color::Blue),
                    turn: 0,
                    gap_turns: 0,
                },
                tallies: HashMap::new(),
                failures: Vec::new(),
                unproved: 0,
                last_good: Instant::now(),
                last_good_turns: 0,
                worst_gap: Duration::ZERO,
                handover: HandoverGap::default(),
                limited: 0,
            }),
        }
    }

    pub(super) const fn expected(&self) -> Expected {
        self.expected
    }

    pub(super) fn enter(&self, moment: Moment) {
        self.book().window.moment = moment;
    }

    pub(super) fn goes_to(&self, color: Option<Color>) {
        let window = &mut self.book().window;
        window.color = color;
        window.turn += 1;
    }

    /// The window that a request begins in.
    pub(super) fn window(&self) -> Window {
        Window {
            gap_turns: self.gap_turns(),
            ..self.book().window
        }
    }

    fn gap_turns(&self) -> u32 {
        self.gap.as_ref().map_or(0, Gap::turns)
    }

    /// Whether the announced gap lies between this count of its turns and now.
    fn is_met(&self, turns: u32) -> bool {
        self.gap.as_ref().is_some_and(|gap| gap.is_met(turns))
    }

    /// Writes down that the asking itself was limited: an answer, but not the service's.
    pub(super) fn write_limited(&self) {
        self.book().limited += 1;
    }

    /// Writes down an answer with its status, or why there was none. One on whose way it changed
    /// who answers is nobody's.
    pub(super) fn write(&self, began: Window, answer: Result<(u16, Duration), String>) {
        let answer = answer.and_then(|(status, took)| {
            self.expected.judge(status)?;
            Ok((self.expected.is_proof(status), took))
        });
        let mut book = self.book();
        book.unproved += u32::from(matches!(answer, Ok((false, _))));
        let answer = answer.map(|(_, took)| took);
        let color = began.color.filter(|_| began.turn == book.window.turn);
        if answer.is_ok() {
            let now = Instant::now();
            let since = now - book.last_good;
            if self.is_met(book.last_good_turns) {
                book.handover.gap_ms = book.handover.gap_ms.max(millis(since));
            } else {
                book.worst_gap = book.worst_gap.max(since);
            }
            book.last_good = now;
            book.last_good_turns = self.gap_turns();
        } else if self.is_met(began.gap_turns) {
            book.handover.failed += 1;
            return;
        }
        let took = answer.map_err(|reason| book.tell(reason)).ok();
        let tally = book.tallies.entry((began.moment, color)).or_default();
        tally.add(took);
    }

    pub(super) fn receipt(&self) -> Receipt {
        let book = self.book();
        let all = book.figures(|_, _| true);
        let of = |wanted| book.figures(|moment, _| moment == wanted);
        let by = |wanted| book.figures(|_, color| color == Some(wanted));
        Receipt {
            target: Some(self.target.clone()),
            expected_status: Some(self.expected.status()),
            requests: all.requests,
            failed: all.failed,
            // A gap that goes on counts as well.
            worst_gap_ms: millis(match self.is_met(book.last_good_turns) {
                true => book.worst_gap,
                false => book.worst_gap.max(book.last_good.elapsed()),
            }),
            p50_ms: all.p50_ms,
            p99_ms: all.p99_ms,
            handover: self.gap.as_ref().map(|gap| HandoverGap {
                cut: gap.cut(),
                ..book.handover
            }),
            limited: book.limited,
            failures: book.failures.clone(),
            unproved: self.unproved(book.unproved, all.requests - all.failed),
            before: of(Moment::Before),
            during: of(Moment::During),
            after: of(Moment::After),
            blue: by(Color::Blue),
            green: by(Color::Green),
            ..Receipt::default()
        }
    }

    /// Why this many of the good answers prove nothing.
    fn unproved(&self, unproved: u32, good: u32) -> Option<String> {
        let share = match unproved {
            0 => return None,
            all if all == good => "all".to_owned(),
            some => format!("{some} of {good} good ones"),
        };
        let status = match self.expected {
            Expected::Usual(status) if status >= 300 => status.to_string(),
            Expected::Usual(_) | Expected::Only(_) => "by redirects".to_owned(),
        };
        Some(format!(
            "{share} answered {status}: no proof; choose a path with `--probe-path`"
        ))
    }

    /// Nothing is left half done by a panic between lock and unlock, so poison means nothing here.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn tell(&mut self, reason: String) {
        if self.failures.len() < FAILURES_TOLD {
            self.failures.push(reason);
        }
    }

    fn figures(&self, wanted: impl Fn(Moment, Option<Color>) -> bool) -> Figures {
        let all = self.tallies.iter();
        let chosen = all.filter(|((moment, color), _)| wanted(*moment, *color));
        Tally::sum(chosen.map(|(_, tally)| tally)).figures()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_blue_answers_before_stays_good() {
        let usual = Expected::of(None, 404).unwrap();
        assert_eq!(usual.judge(404), Ok(()));
        assert_eq!(usual.judge(302), Ok(()));
        assert_eq!(
            usual.judge(403),
            Err("answered 403 instead of 404".to_owned())
        );
        assert!(usual.judge(502).is_err());
        assert_eq!(Expected::of(None, 500), Err("answers 500".to_owned()));
    }

    #[test]
    fn a_status_that_was_asked_for_is_the_only_good_one() {
        let only = Expected::of(Some(204), 204).unwrap();
        assert_eq!(only.judge(204), Ok(()));
        assert!(only.judge(200).is_err());
        assert_eq!(
            Expected::of(Some(200), 404),
            Err("answers 404 instead of 200".to_owned())
        );
        assert_eq!(Expected::of(Some(503), 503).unwrap().judge(503), Ok(()));
    }

    #[test]
    fn answers_count_for_their_moment_and_for_who_alone_can_have_given_them() {
        let ledger = Ledger::new("GET /".into(), Expected::Usual(200), None);
        let ask = |answer| ledger.write(ledger.window(), answer);
        ask(Ok((200, ms(4))));
        ask(Ok((200, ms(6))));
        let on_its_way = ledger.window();
        ledger.enter(Moment::During);
        ledger.goes_to(None);
        ledger.write(on_its_way, Ok((200, ms(50))));
        ask(Ok((502, ms(1))));
        ledger.goes_to(Some(Color::Green));
        ask(Ok((200, ms(8))));
        ledger.enter(Moment::After);
        ask(Ok((204, ms(9))));

        let receipt = ledger.receipt();
        let counts = |figures: Figures| (figures.requests, figures.failed);
        assert_eq!((receipt.requests, receipt.failed), (6, 1));
        assert_eq!(counts(receipt.before), (3, 0));
        assert_eq!(counts(receipt.during), (2, 1));
        assert_eq!(counts(receipt.after), (1, 0));
        assert_eq!(counts(receipt.blue), (2, 0));
        assert_eq!(counts(receipt.green), (2, 0));
        assert!((receipt.blue.p99_ms - 6.0).abs() < f64::EPSILON);
        assert!((receipt.before.p99_ms - 50.0).abs() < f64::EPSILON);
        assert_eq!(receipt.failures, ["answered 502 instead of 200"]);
        assert_eq!(receipt.unproved, None);
    }

    #[test]
    fn answers_that_may_be_traefiks_prove_nothing() {
        let unproved = |expected, statuses: &[u16]| {
            let ledger = Ledger::new("GET /".into(), expected, None);
            for status in statuses {
                ledger.write(ledger.window(), Ok((*status, ms(4))));
            }
            ledger.receipt().unproved
        };
        let usual = Expected::Usual(404);
        assert_eq!(
            unproved(usual, &[404, 404, 502]).as_deref(),
            Some("all answered 404: no proof; choose a path with `--probe-path`")
        );
        let mixed = unproved(usual, &[404, 200, 200]).unwrap();
        assert!(
            mixed.starts_with("1 of 3 good ones answered 404"),
            "{mixed}"
        );
        let redirected = unproved(Expected::Usual(200), &[200, 302]).unwrap();
        assert!(redirected.contains("1 of 2"), "{redirected}");
        assert_eq!(unproved(usual, &[]), None);
        // Who asks for a status knows what it means.
        assert_eq!(unproved(Expected::Only(401), &[401]), None);
    }

    #[test]
    fn the_announced_gap_is_told_apart() {
        let gap = Gap::default();
        let ledger = Ledger::new("GET /".into(), Expected::Usual(200), Some(gap.clone()));
        let fail = || Err("can't connect".to_owned());
        ledger.write(ledger.window(), Ok((200, ms(1))));
        let on_its_way = ledger.window();
        let open = gap.open(3);
        ledger.write(on_its_way, fail());
        let within = ledger.window();
        drop(open);
        ledger.write(within, fail());
        assert_eq!(ledger.receipt().handover.unwrap().failed, 2);
        ledger.write(ledger.window(), Ok((200, ms(1))));
        ledger.write(ledger.window(), fail());
        ledger.write_limited();

        let receipt = ledger.receipt();
        assert_eq!(
            (receipt.requests, receipt.failed, receipt.limited),
            (3, 1, 1)
        );
        let handover = receipt.handover.unwrap();
        assert_eq!((handover.failed, handover.cut), (2, 3));
        assert!(handover.gap_ms > 0.0);
        assert_eq!(receipt.failures.len(), 1);
    }
}
