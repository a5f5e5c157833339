//! Verify Traffic by evidence: every container answers real requests through Traefik.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    error::TrafficError,
    http::{self, Answer, NoAnswer},
    pins::{Pin, probe_value},
    steer::Traffic,
    survey::Door,
};
use crate::event::Color;

const ONE_ANSWER: Duration = Duration::from_secs(10);
/// Between two tries while Traefik itself does not answer.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// Green may be this many times as slow as Blue …
const SLOWER_TIMES: u32 = 4;
/// … and this much on top, so that a cold start is not taken for a low limit.
const SLOWER_BY: Duration = Duration::from_millis(500);

/// How much is asked, and for how long.
struct Limit {
    answers: u32,
    timeout: Duration,
    deadline: Instant,
}

/// One container's answers so far.
struct Tested<'a> {
    pin: &'a Pin,
    good: u32,
    took: Vec<Duration>,
}

impl Traffic {
    /// Asks each of these containers, by name and through Traefik, until it has given `answers`
    /// good answers. `progress` gets the least that a container of Blue and of Green has given, and
    /// how many failed. Without an entry point that can be reached from here there is nothing to ask.
    ///
    /// # Errors
    /// A container answers with an error, with worse than Blue does, much more slowly than Blue, or
    /// not often enough in time.
    pub(crate) async fn verify(
        &mut self,
        blue: &[String],
        green: &[String],
        answers: u32,
        timeout: Duration,
        mut progress: impl FnMut(u32, u32, u32),
    ) -> Result<(), TrafficError> {
        let Some((doors, pins)) = self.served() else {
            return Ok(());
        };
        let mut as_blue = vec![None; doors.len()];
        let doors: Vec<_> = doors
            .iter()
            .enumerate()
            .filter_map(|(number, door)| Some((number, door.as_ref()?)))
            .collect();
        if doors.is_empty() {
            return Ok(());
        }
        let mut tested: Vec<_> = pins
            .into_iter()
            .filter(|pin| blue.contains(&pin.container) || green.contains(&pin.container))
            .map(|pin| Tested {
                pin,
                good: 0,
                took: Vec::new(),
            })
            .collect();
        let limit = Limit {
            answers,
            timeout,
            deadline: Instant::now() + timeout,
        };
        for round in 0..answers as usize {
            let (number, door) = doors[round % doors.len()];
            for index in 0..tested.len() {
                let answer = ask(door, number, &tested[index], &limit).await;
                let judged = answer.and_then(|answer| {
                    judge(&answer, tested[index].pin, &mut as_blue[number])?;
                    Ok(answer.elapsed)
                });
                if let Ok(elapsed) = judged {
                    tested[index].good += 1;
                    tested[index].took.push(elapsed);
                }
                let failed = u32::from(judged.is_err());
                progress(
                    least(&tested, Color::Blue),
                    least(&tested, Color::Green),
                    failed,
                );
                judged?;
            }
        }
        compare(&tested)
    }
}

/// One answer of exactly this container. Traefik may be away for a moment; the container may not,
/// and if it is, Traefik says so.
async fn ask(
    door: &Door,
    number: usize,
    tested: &Tested<'_>,
    limit: &Limit,
) -> Result<Answer, TrafficError> {
    let secret = probe_value(&tested.pin.secret, number);
    while Instant::now() < limit.deadline {
        match http::get(door.endpoint, &door.target, Some(&secret), ONE_ANSWER).await {
            Ok(answer) if answer.proof.as_deref() == Some(&secret) => return Ok(answer),
            Ok(_) | Err(NoAnswer::Connect(_) | NoAnswer::Tls(_) | NoAnswer::Broken(_)) => {
                sleep(TRY_AGAIN).await;
            }
            Err(problem) => return Err(bad(tested.pin, problem.to_string())),
        }
    }
    Err(TrafficError::TooFewAnswers {
        container: short(tested.pin),
        good: tested.good,
        wanted: limit.answers,
        waited: limit.timeout,
    })
}

/// An answer is good if it is no error of the server's, and no client error where Blue gave none.
/// Blue comes first in each round.
fn judge(answer: &Answer, pin: &Pin, as_blue: &mut Option<u16>) -> Result<(), TrafficError> {
    let status = answer.status;
    if status >= 500 {
        return Err(bad(pin, format!("it answered {status}")));
    }
    match as_blue {
        Some(blue) if *blue < 400 && status >= 400 => Err(bad(
            pin,
            format!("it answered {status} where Blue answered {blue}"),
        )),
        Some(_) => Ok(()),
        None => {
            if pin.color == Color::Blue {
                *as_blue = Some(status);
            }
            Ok(())
        }
    }
}

fn compare(tested: &[Tested<'_>]) -> Result<(), TrafficError> {
    let (Some(blue), Some(green)) = (median(tested, Color::Blue), median(tested, Color::Green))
    else {
        return Ok(());
    };
    if green > blue * SLOWER_TIMES + SLOWER_BY {
        return Err(TrafficError::Slower {
            blue_ms: blue.as_millis(),
            green_ms: green.as_millis(),
        });
    }
    Ok(())
}

fn median(tested: &[Tested<'_>], color: Color) -> Option<Duration> {
    let mut took: Vec<_> = tested
        .iter()
        .filter(|tested| tested.pin.color == color)
        .flat_map(|tested| tested.took.iter().copied())
        .collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

fn least(tested: &[Tested<'_>], color: Color) -> u32 {
    tested
        .iter()
        .filter(|tested| tested.pin.color == color)
        .map(|tested| tested.good)
        .min()
        .unwrap_or(0)
}

fn bad(pin: &Pin, reason: String) -> TrafficError {
    TrafficError::BadAnswer {
        container: short(pin),
        reason,
    }
}

fn short(pin: &Pin) -> String {
    pin.container.chars().take(12).collect()
}
