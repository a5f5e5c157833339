//! What Teal's events, the engine's and the load say of one rollout together.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    super::rollout::{HealthEvents, PHASES, millis},
    load::Seen,
    timeline::Timeline,
};

/// A container's id as `hello` answers with it.
const SHORT_ID: usize = 12;

/// One rollout that went as it should.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) timeline: Timeline,
    /// The phases that were done, and their milliseconds.
    pub(super) phases: Vec<(String, i64)>,
    /// From the start to the end, in milliseconds.
    pub(super) took: i64,
    /// The milliseconds from the engine's word that a container is healthy until Teal's.
    pub(super) lags: Vec<i64>,
    /// From Ctrl-C at 50/50 until Blue has all of the traffic, in milliseconds.
    pub(super) to_blue: Option<i64>,
    /// The share of Green that new requests were sent to, and the milliseconds from the step that
    /// asks for it until Traefik serves it.
    pub(super) shifts: Vec<(i64, i64)>,
    forward: Option<Forward>,
}

/// The marks of a rollout that was not aborted.
#[derive(Debug)]
struct Forward {
    /// The milliseconds that Compose took to create and start Green.
    compose: i64,
    /// Those from then until the engine said that all of Green is healthy.
    healthy: i64,
    /// From when on Blue got no more requests.
    cutover: Timestamp,
    /// When Blue was asked to stop.
    stopping: Timestamp,
    /// The start of Blue's ids.
    blue: BTreeSet<String>,
}

/// What only Teal is to blame for, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overhead {
    /// The time that is neither Compose's nor the service's own.
    pub(super) total: i64,
    /// From the end of the last request in flight on Blue until Blue was asked to stop.
    pub(super) drain: i64,
    /// When the last request that Blue answered was sent, after the cutover was told.
    pub(super) late: i64,
}

impl Rollout {
    pub(super) fn read(
        events: &[Value],
        aborted: Option<Timestamp>,
        health: &HealthEvents,
    ) -> Result<Self> {
        let green = ids(first(events, "containers", |event| {
            event["color"] == "green"
        })?);
        let told = health.healthy(&green)?;
        let forward = match aborted {
            None => Some(Forward::read(events, &told)?),
            Some(_) => None,
        };
        let to_blue = aborted.map(|asked| {
            let back = events.iter().rev().find(|event| event["greenPercent"] == 0);
            let back = at(back.context("Blue never got its traffic back")?)?;
            Ok::<_, anyhow::Error>(between(asked, back))
        });
        Ok(Self {
            timeline: timeline(events)?,
            phases: events
                .iter()
                .filter(|event| event["type"] == "phaseDone")
                .map(|event| Ok((text(event, "phase").to_owned(), millis(event, "tookMs")?)))
                .collect::<Result<_>>()?,
            took: millis(first(events, "ended", |_| true)?, "elapsedMs")?,
            lags: lags(events, &told)?,
            to_blue: to_blue.transpose()?,
            shifts: if aborted.is_some() {
                Vec::new()
            } else {
                shifts(events)?
            },
            forward,
        })
    }

    /// None for an aborted one. `grace` is how long Blue takes to stop by itself; `seen` is what
    /// the load saw of each container.
    pub(super) fn overhead(
        &self,
        grace: Duration,
        seen: &BTreeMap<String, Seen>,
    ) -> Result<Option<Overhead>> {
        let Some(forward) = &self.forward else {
            return Ok(None);
        };
        let blue = seen.iter().filter(|(id, _)| forward.blue.contains(*id));
        let blue: Vec<_> = blue.map(|(_, seen)| seen).collect();
        let sent = blue.iter().map(|seen| seen.last_sent).max();
        let ended = blue.iter().map(|seen| seen.last_ended).max();
        let (sent, ended) = sent.zip(ended).context("Blue answered nothing")?;
        let quiet = ended.max(forward.cutover);
        let own = forward.compose
            + forward.healthy
            + between(forward.cutover, quiet)
            + i64::try_from(grace.as_millis())?;
        Ok(Some(Overhead {
            total: self.took - own,
            drain: between(quiet, forward.stopping),
            late: between(forward.cutover, sent).max(0),
        }))
    }
}

impl Forward {
    fn read(events: &[Value], healthy: &BTreeMap<String, Timestamp>) -> Result<Self> {
        let planned = first(events, "planned", |_| true)?;
        let words = planned["plan"]["commands"][0].as_array();
        let words: Vec<_> = words
            .context("a plan with the command that starts Green")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let up = first(events, "step", |event| event["text"] == words.join(" "))?;
        let started = events.iter().rev();
        let started = started
            .filter(|event| event["type"] == "step" && event["phase"] == "deployGreen")
            .map(at)
            .next();
        let started = started.context("Compose said nothing")??;
        let healthy = healthy.values().max().context("Green has containers")?;
        let blue = first(events, "containers", |event| event["color"] == "blue")?;
        Ok(Self {
            compose: between(at(up)?, started),
            healthy: between(started, *healthy).max(0),
            cutover: at(first(events, "split", |event| {
                event["greenPercent"] == 100
            })?)?,
            stopping: at(first(events, "step", |event| {
                event["text"] == "Stopping Blue"
            })?)?,
            blue: ids(blue).iter().map(|id| short(id).to_owned()).collect(),
        })
    }
}

fn timeline(events: &[Value]) -> Result<Timeline> {
    let mut timeline = Timeline::default();
    for event in events {
        let at = at(event)?;
        match text(event, "type") {
            "started" => timeline.phase(at, "Preparation"),
            "phaseStarted" => {
                let title = PHASES.iter().find(|(key, _)| event["phase"] == *key);
                timeline.phase(at, title.map_or("a phase", |(_, title)| title));
            }
            "step" => timeline.step(at, text(event, "text")),
            "rollingBack" => timeline.phase(at, "Roll back"),
            "ended" => timeline.phase(at, "After it"),
            _ => {}
        }
    }
    Ok(timeline)
}

fn shifts(events: &[Value]) -> Result<Vec<(i64, i64)>> {
    let mut asked = None;
    let mut shifts = Vec::new();
    for event in events {
        match text(event, "type") {
            "step" => asked = Some(at(event)?),
            "split" => {
                // The first of all tells how it is before anything is asked for.
                let took = asked.map(|asked| Ok::<_, anyhow::Error>(between(asked, at(event)?)));
                let percent = millis(event, "greenPercent")?;
                shifts.extend(took.transpose()?.map(|took| (percent, took)));
            }
            _ => {}
        }
    }
    Ok(shifts)
}

/// How long after the engine's word Teal first told of each container that it is healthy.
fn lags(events: &[Value], told: &BTreeMap<String, Timestamp>) -> Result<Vec<i64>> {
    let lag = |(id, told): (&String, &Timestamp)| {
        let is_seen = |event: &Value| event["container"] == **id && event["health"] == "healthy";
        Ok(between(*told, at(first(events, "healthPoll", is_seen)?)?))
    };
    told.iter().map(lag).collect()
}

fn first<'a>(events: &'a [Value], kind: &str, fits: impl Fn(&Value) -> bool) -> Result<&'a Value> {
    let mut events = events.iter();
    events
        .find(|event| event["type"] == kind && fits(event))
        .with_context(|| format!("Teal did not tell of what the bench looks for in `{kind}`"))
}

fn ids(containers: &Value) -> Vec<String> {
    let replicas = containers["replicas"].as_array();
    let ids = replicas.into_iter().flatten();
    ids.map(|replica| text(replica, "id").to_owned()).collect()
}

fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

fn at(event: &Value) -> Result<Timestamp> {
    Ok(text(event, "at").parse()?)
}

/// In milliseconds; negative if `end` was before.
fn between(begin: Timestamp, end: Timestamp) -> i64 {
    i64::try_from(end.duration_since(begin).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at_ms(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn rollout() -> Rollout {
        Rollout {
            timeline: Timeline::default(),
            phases: Vec::new(),
            took: 20_000,
            lags: Vec::new(),
            to_blue: None,
            shifts: Vec::new(),
            forward: Some(Forward {
                compose: 600,
                healthy: 2000,
                cutover: at_ms(4000),
                stopping: at_ms(16_200),
                blue: BTreeSet::from(["blue".to_owned()]),
            }),
        }
    }

    fn seen(last_sent: i64, last_ended: i64) -> BTreeMap<String, Seen> {
        let seen = Seen {
            last_sent: at_ms(last_sent),
            last_ended: at_ms(last_ended),
        };
        let other = Seen {
            last_sent: at_ms(30_000),
            last_ended: at_ms(30_000),
        };
        BTreeMap::from([("blue".to_owned(), seen), ("green".to_owned(), other)])
    }

    #[test]
    fn what_others_take_is_no_overhead() {
        let overhead = rollout().overhead(Duration::from_secs(3), &seen(3990, 15_900));
        let expected = Overhead {
            total: 20_000 - 600 - 2000 - 11_900 - 3000,
            drain: 300,
            late: 0,
        };
        assert_eq!(overhead.unwrap(), Some(expected));
    }

    #[test]
    fn a_shift_takes_from_its_step_on() {
        let events = [
            json!({ "type": "split", "greenPercent": 0, "at": "2026-01-01T00:00:00Z" }),
            json!({ "type": "step", "text": "Sending", "at": "2026-01-01T00:00:01Z" }),
            json!({ "type": "split", "greenPercent": 50, "at": "2026-01-01T00:00:01.3Z" }),
        ];
        assert_eq!(shifts(&events).unwrap(), [(50, 300)]);
    }

    #[test]
    fn a_request_to_blue_after_the_cutover_is_late() {
        let overhead = rollout().overhead(Duration::ZERO, &seen(4005, 4006));
        assert_eq!(overhead.unwrap().unwrap().late, 5);
    }
}
