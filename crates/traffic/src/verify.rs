//! Verify Traffic by evidence: every container answers real requests through Traefik, and Green no
//! worse than Blue.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    confirm::AWAY_AT_MOST,
    error::TrafficError,
    http::{self, Answer, NoAnswer},
    ledger::Expected,
    pins::{Pin, probe_value},
    steer::Traffic,
    tally::Tally,
};
use teal_model::RolloutOptions;
use teal_model::event::Color;
use teal_model::event::Figures;

const ONE_ANSWER: Duration = Duration::from_secs(10);
/// Between two tries while Traefik itself does not answer.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// Green's median may be this much above what is allowed, so that a cold start is not taken for a
/// low limit.
const SLOWER_BY: Duration = Duration::from_millis(500);
/// A container gets at most this many times as many requests as it has to answer.
const MOST_TIMES: u32 = 3;

/// What is asked of the containers.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Good answers of each container.
    pub answers: u32,
    pub timeout: Duration,
    /// With the thresholds and what the probe asks for.
    pub options: RolloutOptions,
}

/// What the two sets have answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered {
    pub blue: Figures,
    pub green: Figures,
}

/// One container's answers so far.
struct Tested {
    pin: Pin,
    /// How long each good answer took, none for each that failed.
    answers: Vec<Option<Duration>>,
    last_failure: Option<String>,
}

impl Tested {
    fn good(&self) -> u32 {
        count(self.answers.iter().flatten())
    }

    fn asked(&self) -> u32 {
        count(self.answers.iter())
    }

    fn write(&mut self, answer: Result<Duration, String>) {
        self.answers.push(answer.as_ref().ok().copied());
        if let Err(reason) = answer {
            self.last_failure = Some(reason);
        }
    }
}

impl Traffic {
    /// Asks each of these containers, by name and through Traefik, until it has given the good
    /// answers that are demanded, and compares Green's with Blue's. `progress` gets the least that
    /// a container of Blue and of Green has given, and how many failed. None comes back where no
    /// entry point can be reached from here, so that there is nothing to ask.
    ///
    /// # Errors
    /// Green fails more often than Blue or answers more slowly, beyond the thresholds, or a
    /// container does not answer often enough in time.
    pub async fn verify(
        &mut self,
        blue: &[String],
        green: &[String],
        demand: &Demand,
        mut progress: impl FnMut(u32, u32, u32),
    ) -> Result<Option<Answered>, TrafficError> {
        let path = demand.options.probe.path.as_deref();
        let doors = self.doors_to(path).len();
        if doors == 0 {
            return Ok(None);
        }
        let mut tested: Vec<_> = self
            .served()
            .into_iter()
            .filter(|pin| blue.contains(&pin.container) || green.contains(&pin.container))
            .map(|pin| Tested {
                pin,
                answers: Vec::new(),
                last_failure: None,
            })
            .collect();
        // Blue comes first in each round: what is expected of Green is what Blue answers.
        tested.sort_by_key(|tested| tested.pin.color == Color::Green);
        let mut expected = vec![None; doors];
        let deadline = Instant::now() + demand.timeout;
        for round in 0.. {
            let turn = round % doors;
            for index in 0..tested.len() {
                let answer = self.ask(turn, path, &tested[index].pin, deadline).await?;
                let Some(answer) = answer else {
                    return Err(too_few(&tested[index], demand));
                };
                let answer = answer.and_then(|answer| {
                    judge(answer.status, demand, &mut expected[turn])?;
                    Ok(answer.elapsed)
                });
                tested[index].write(answer);
                progress(
                    least(&tested, Color::Blue),
                    least(&tested, Color::Green),
                    tested.iter().map(|one| one.asked() - one.good()).sum(),
                );
            }
            compare_failures(&tested, demand)?;
            if tested.iter().all(|one| one.good() >= demand.answers) {
                break;
            }
            let most = demand.answers.saturating_mul(MOST_TIMES);
            let slow = tested.iter().find(|one| {
                one.good() < demand.answers && (one.asked() >= most || Instant::now() >= deadline)
            });
            if let Some(slow) = slow {
                return Err(too_few(slow, demand));
            }
        }
        let answered = Answered {
            blue: of(&tested, Color::Blue),
            green: of(&tested, Color::Green),
        };
        compare_times(answered, demand)?;
        Ok(Some(answered))
    }

    /// One answer of exactly this container, or why it gave none; none at the deadline. Traefik may
    /// be away for a moment; the container may not, and if it is, Traefik says so.
    async fn ask(
        &mut self,
        turn: usize,
        path: Option<&str>,
        pin: &Pin,
        deadline: Instant,
    ) -> Result<Option<Result<Answer, String>>, TrafficError> {
        let mut away_since = None;
        let mut strange_since = None;
        while Instant::now() < deadline {
            if let Some((number, door)) = self.doors_to(path).get(turn) {
                let secret = probe_value(&pin.secret, *number);
                match http::get(&door.endpoint, &door.target, Some(&secret), ONE_ANSWER).await {
                    Ok(answer) if answer.proof.as_deref() == Some(&secret) => {
                        return Ok(Some(Ok(answer)));
                    }
                    // A Traefik that has just started does not know all routes yet; where a
                    // sidecar is gone it never will.
                    Ok(_)
                        if strange_since.get_or_insert_with(Instant::now).elapsed()
                            >= AWAY_AT_MOST =>
                    {
                        return Ok(None);
                    }
                    Ok(_) | Err(NoAnswer::Connect(_) | NoAnswer::Tls(_) | NoAnswer::Broken(_)) => {}
                    Err(problem) => return Ok(Some(Err(problem.to_string()))),
                }
            }
            match self.find_again().await? {
                None => away_since = None,
                Some(traefik) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= AWAY_AT_MOST {
                        let waited = AWAY_AT_MOST;
                        return Err(TrafficError::Away { traefik, waited });
                    }
                }
            }
            sleep(TRY_AGAIN).await;
        }
        Ok(None)
    }
}

/// Whether an answer is good. The first one that is not an error of the server's says what is usual.
fn judge(status: u16, demand: &Demand, expected: &mut Option<Expected>) -> Result<(), String> {
    let expected = match (*expected, demand.options.probe.expect_status) {
        (Some(known), _) => known,
        (None, Some(wanted)) => Expected::Only(wanted),
        (None, None) if status >= 500 => return Err(format!("answered {status}")),
        (None, None) => *expected.insert(Expected::Usual(status)),
    };
    expected.judge(status)
}

/// Green's failures, while it is still asked as well: what can't become good any more ends at once.
fn compare_failures(tested: &[Tested], demand: &Demand) -> Result<(), TrafficError> {
    let blue = of(tested, Color::Blue);
    let green = of(tested, Color::Green);
    let containers = count(tested.iter().filter(|one| one.pin.color == Color::Green));
    let asked = green.requests.max(demand.answers * containers);
    let allowed = f64::from(demand.options.max_error_percent) + percent(blue);
    if f64::from(green.failed) * 100.0 <= allowed * f64::from(asked) {
        return Ok(());
    }
    let last = tested
        .iter()
        .filter(|one| one.pin.color == Color::Green)
        .find_map(|one| {
            Some(format!(
                "`{}` {}",
                short(&one.pin),
                one.last_failure.as_ref()?
            ))
        });
    Err(TrafficError::MoreFailures {
        blue,
        green,
        allowed: demand.options.max_error_percent,
        last: last.unwrap_or_default(),
    })
}

fn compare_times(answered: Answered, demand: &Demand) -> Result<(), TrafficError> {
    let Answered { blue, green } = answered;
    if blue.requests == 0 || green.requests == 0 {
        return Ok(());
    }
    let allowed = blue.p50_ms * demand.options.max_slowdown + SLOWER_BY.as_secs_f64() * 1000.0;
    if green.p50_ms > allowed {
        return Err(TrafficError::Slower {
            blue_ms: blue.p50_ms,
            green_ms: green.p50_ms,
            allowed_ms: allowed,
        });
    }
    Ok(())
}

/// Failed requests of a hundred; none of none.
pub(super) fn percent(figures: Figures) -> f64 {
    if figures.requests == 0 {
        return 0.0;
    }
    f64::from(figures.failed) * 100.0 / f64::from(figures.requests)
}

fn of(tested: &[Tested], color: Color) -> Figures {
    let of_color = tested.iter().filter(|one| one.pin.color == color);
    Tally::of(of_color.flat_map(|one| one.answers.iter().copied())).figures()
}

fn least(tested: &[Tested], color: Color) -> u32 {
    tested
        .iter()
        .filter(|tested| tested.pin.color == color)
        .map(Tested::good)
        .min()
        .unwrap_or(0)
}

fn too_few(tested: &Tested, demand: &Demand) -> TrafficError {
    TrafficError::TooFewAnswers {
        container: short(&tested.pin),
        good: tested.good(),
        asked: tested.asked(),
        wanted: demand.answers,
        last: tested
            .last_failure
            .clone()
            .unwrap_or_else(|| "Traefik did not answer".to_owned()),
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn short(pin: &Pin) -> String {
    pin.container.chars().take(12).collect()
}
