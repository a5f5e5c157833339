//! The live probe: a steady, bounded stream of GETs through the real entry point, and what it saw.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    http::{self, Answer, NoAnswer},
    ledger::{Expected, Ledger, Moment},
    pins::Limited,
    steer::Traffic,
    survey::{Door, Survey},
};
use teal_model::event::Color;
use teal_model::event::Receipt;
use teal_model::{ProbeOptions, RolloutOptions, Verdict, VerdictCode};

/// How long one answer may take.
const ONE_ANSWER: Duration = Duration::from_secs(10);
/// Requests that wait for their answer at the same time. Beyond that the probe skips a beat, so a
/// service that hangs is not asked ever more.
const AT_ONCE: usize = 16;
/// The time between the requests that are asked when all is over.
const LAST_BEAT: Duration = Duration::from_millis(5);
/// The time between two requests where a middleware that can't be seen may count them.
const SPARING: Duration = Duration::from_secs(1);

/// A probe that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Probe {
    /// The number of the route that is asked for.
    route: usize,
    door: watch::Sender<Arc<Door>>,
    ledger: Arc<Ledger>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
    /// Whether each of its requests may be one less of a user's.
    is_sparing: bool,
}

impl Probe {
    /// Starts to ask.
    ///
    /// # Errors
    /// Why nothing can be asked, as a sentence: no route of the service can be reached from here,
    /// or none answers as it should before anything has changed.
    pub async fn start(traffic: &Traffic, options: &ProbeOptions) -> Result<Self, String> {
        let doors = traffic.doors_to(options.path.as_deref());
        if let (true, Some(reason)) = (doors.is_empty(), traffic.unasked()) {
            return Err(reason.to_owned());
        }
        let doors = askable(doors)?;
        let (route, door, expected) = first_that_answers(doors, options).await?;
        let ledger = Arc::new(Ledger::new(describe(&door), expected, traffic.gap()));
        let stop = CancellationToken::new();
        let is_sparing = door.limited != Limited::No;
        let mut every = Duration::from_secs(1) / options.per_second.max(1);
        if is_sparing {
            every = every.max(SPARING);
        }
        let door = watch::Sender::new(Arc::new(door));
        let asked = run(door.subscribe(), every, ledger.clone(), stop.clone());
        let task = tokio::spawn(asked);
        Ok(Self {
            route,
            door,
            ledger,
            stop,
            task: AbortOnDropHandle::new(task),
            is_sparing,
        })
    }

    /// The ways in are these now: Traefik may have been recreated with other ports.
    pub fn doors_are(&self, traffic: &Traffic) {
        let doors = traffic.doors_to(None);
        let Some((_, now)) = doors.into_iter().find(|(route, _)| *route == self.route) else {
            return;
        };
        self.door.send_if_modified(|door| {
            let is_moved = door.endpoint != now.endpoint;
            if is_moved {
                Arc::make_mut(door).endpoint = now.endpoint.clone();
            }
            is_moved
        });
    }

    /// From now on it is this moment of the rollout.
    pub fn enter(&self, moment: Moment) {
        self.ledger.enter(moment);
    }

    /// From now on these alone answer; `None` if both may.
    pub fn goes_to(&self, color: Option<Color>) {
        self.ledger.goes_to(color);
    }

    /// What was seen so far; only the probe's own fields are filled.
    pub fn receipt(&self) -> Receipt {
        self.ledger.receipt()
    }

    /// Asks no more but for these last ones, waits for the answers and sums up.
    pub async fn stop(self, last: u32) -> Receipt {
        self.stop.cancel();
        // Its only error would be a panic, and then the receipt still says what was counted.
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the live probe broke off");
        }
        let mut beat = interval(LAST_BEAT);
        let mut requests = JoinSet::new();
        let last = if self.is_sparing { 1 } else { last };
        for _ in 0..last {
            beat.tick().await;
            requests.spawn(ask(self.door.borrow().clone(), self.ledger.clone()));
        }
        requests.join_all().await;
        self.ledger.receipt()
    }
}

/// What is refused where Blue does not answer as somebody expects: the rollout would only find out
/// that nothing was well before. Asks nothing where nobody expects anything.
pub async fn unexpected(survey: &Survey, options: &RolloutOptions) -> Option<Verdict> {
    options.probe.expect_status?;
    let doors = survey.doors_to(options.probe.path.as_deref());
    let doors = askable(doors).ok()?;
    let reason = first_that_answers(doors, &options.probe).await.err()?;
    let reason = format!("the service does not answer as expected: {reason}");
    Some(
        Verdict::refused(VerdictCode::BadOption, reason)
            .about_the_request()
            .remedy("give the status that it answers with, or another path"),
    )
}

/// The first route that answers well before anything has changed, and what is expected of it from
/// then on. Where its usual path proves nothing, such as one that is not found, another one that is
/// known to lead to an answer is tried as well.
pub(super) async fn first_that_answers(
    doors: Vec<(usize, Door)>,
    options: &ProbeOptions,
) -> Result<(usize, Door, Expected), String> {
    let mut reasons = Vec::new();
    let mut second_best = None;
    for (route, door) in doors {
        let mut all = vec![door];
        if options.path.is_none() {
            let paths = all[0].other_paths.clone().into_iter();
            let others = paths.map(|path| {
                let mut door = all[0].clone();
                door.target.path = path;
                door
            });
            all.extend(others.collect::<Vec<_>>());
        }
        for door in all {
            match try_door(&door, options.expect_status).await {
                Ok((status, expected)) if expected.is_proof(status) => {
                    return Ok((route, door, expected));
                }
                Ok((_, expected)) => {
                    second_best.get_or_insert((route, door, expected));
                }
                Err(reason) => reasons.push(reason),
            }
        }
    }
    second_best.ok_or_else(|| reasons.join("; "))
}

/// What answers through a door, and what is expected of it from then on.
async fn try_door(door: &Door, wanted: Option<u16>) -> Result<(u16, Expected), String> {
    let asked = describe(door);
    match http::get(&door.endpoint, &door.target, None, ONE_ANSWER).await {
        Ok(answer) if is_traefiks_404(&answer) => {
            Err(format!("Traefik serves no route for `{asked}`"))
        }
        Ok(answer) => match Expected::of(wanted, answer.status) {
            Ok(expected) => Ok((answer.status, expected)),
            Err(reason) => Err(format!("`{asked}` {reason}")),
        },
        Err(problem) => Err(format!("`{asked}`: {problem}")),
    }
}

/// The ways in that can be asked through without taking from users what a middleware lets through.
fn askable(mut doors: Vec<(usize, Door)>) -> Result<Vec<(usize, Door)>, String> {
    let by = |(_, door): &(usize, Door)| match &door.limited {
        Limited::By(middleware) => Some(middleware.clone()),
        Limited::No | Limited::Perhaps(_) => None,
    };
    let counting = doors.iter().find_map(by);
    doors.retain(|door| by(door).is_none());
    if !doors.is_empty() {
        return Ok(doors);
    }
    Err(match counting {
        Some(middleware) => format!(
            "middleware `{middleware}` limits requests, and Teal's own would count against those of users"
        ),
        None => "no entry point that leads to the service is reachable from here".to_owned(),
    })
}

/// Traefik's words for a request that no router takes.
fn is_traefiks_404(answer: &Answer) -> bool {
    answer.status == 404 && answer.body.as_ref() == b"404 page not found\n"
}

fn describe(door: &Door) -> String {
    let scheme = if door.endpoint.tls { "https" } else { "http" };
    let port = door.endpoint.address.port();
    format!(
        "GET {scheme}://{}:{port}{}",
        door.target.host, door.target.path
    )
}

async fn run(
    door: watch::Receiver<Arc<Door>>,
    every: Duration,
    ledger: Arc<Ledger>,
    stop: CancellationToken,
) {
    let mut beat = interval(every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beat.tick() => {}
        }
        while requests.try_join_next().is_some() {}
        if requests.len() < AT_ONCE {
            let door = door.borrow().clone();
            requests.spawn(ask(door, ledger.clone()));
        }
    }
    requests.join_all().await;
}

async fn ask(door: Arc<Door>, ledger: Arc<Ledger>) {
    let window = ledger.window();
    let result = http::get(&door.endpoint, &door.target, None, ONE_ANSWER).await;
    let answer = match result {
        // Somebody limits how often is asked: that tells nothing of who would have answered.
        Ok(Answer { status: 429, .. }) if ledger.expected().status() != 429 => {
            return ledger.write_limited();
        }
        Ok(Answer {
            status, elapsed, ..
        }) => Ok((status, elapsed)),
        Err(problem) => Err(words(&problem)),
    };
    ledger.write(window, answer);
}

fn words(problem: &NoAnswer) -> String {
    problem.to_string()
}
