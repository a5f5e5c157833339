//! How a rollout is done.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Verdict, VerdictCode};

/// Traefik takes up each step in a generation of routers, for which there is a limited number of
/// priorities.
const MOST_STEPS: usize = 8;

/// Requests of the live probe each second, at most: it may not become a load of its own.
pub(super) const HIGHEST_RATE: u32 = 100;

/// How long Green may take to become healthy where nobody says how long and its check needs no more.
pub(super) const USUAL_HEALTH_TIMEOUT: Duration = Duration::from_secs(120);

/// What any wait of a rollout takes at most.
pub(super) const LONGEST_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

/// A shorter time between two polls would be a load of its own.
pub(super) const SHORTEST_POLL_MS: u64 = 100;

/// Each container has to give so many at each step.
pub(super) const MOST_ANSWERS: u32 = 10_000;

/// How a rollout is done. The defaults are the specification's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct RolloutOptions {
    /// How long Green may take to become healthy, in milliseconds. `None` where nobody has said so: two
    /// minutes then, or longer where the health check may take longer to decide. A plan has the time.
    #[ts(type = "number | null")]
    pub health_timeout_ms: Option<u64>,
    /// The time between two polls of Green's health, in milliseconds.
    #[ts(type = "number")]
    pub poll_interval_ms: u64,
    /// How long requests in flight on Blue may take to end, in milliseconds.
    #[ts(type = "number")]
    pub drain_timeout_ms: u64,
    /// Go on where Preparation asks for `--force`.
    pub force: bool,
    /// Leave everything as it is after a failure.
    pub no_rollback: bool,
    /// Good answers that each container has to give at each step of Verify Traffic.
    pub answers: u32,
    /// Green's shares of new requests in percent, one after the other: each below 100 is verified,
    /// 100 is the cutover.
    pub steps: Vec<u8>,
    /// How much higher Green's error rate may be than Blue's, in percentage points.
    pub max_error_percent: u8,
    /// How many times as slow as Blue's Green's median answer may be.
    pub max_slowdown: f64,
    pub probe: ProbeOptions,
}

/// The live probe: a steady stream of GETs through the real entry point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct ProbeOptions {
    pub enabled: bool,
    /// What is asked for, with its `/` in front. By default the path of the service's health check
    /// if it is an HTTP one, else the path that its router asks for, else `/`.
    pub path: Option<String>,
    /// Requests each second.
    pub per_second: u32,
    /// The one status that is good. By default every status below 400 is, and the one that Blue
    /// answers before the rollout.
    pub expect_status: Option<u16>,
}

impl Default for RolloutOptions {
    fn default() -> Self {
        Self {
            health_timeout_ms: None,
            poll_interval_ms: 5_000,
            drain_timeout_ms: 30_000,
            force: false,
            no_rollback: false,
            answers: 20,
            steps: vec![50, 100],
            max_error_percent: 0,
            max_slowdown: 4.0,
            probe: ProbeOptions::default(),
        }
    }
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            per_second: 10,
            expect_status: None,
        }
    }
}

impl RolloutOptions {
    /// How long Green may take to become healthy: the time that was asked for, else the usual one.
    #[must_use]
    pub fn health_timeout(&self) -> Duration {
        let asked = self.health_timeout_ms.map(Duration::from_millis);
        asked.unwrap_or(USUAL_HEALTH_TIMEOUT)
    }

    /// What is wrong with these options. `cannot_weigh` is why the service's containers can't be
    /// given different shares; so many of Blue and of Green share the traffic.
    pub fn verdicts(&self, cannot_weigh: Option<&str>, blue: usize, green: usize) -> Vec<Verdict> {
        let probe = &self.probe;
        let shares = cannot_weigh.filter(|_| {
            let mut steps = self.steps.iter();
            steps.any(|step| needs_weights(*step, blue, green))
        });
        let wrong = [
            self.wrong_time()
                .map(|(reason, remedy)| (reason, remedy.to_owned())),
            self.wrong_steps().map(|reason| {
                let remedy = "give rising percentages, such as 10,50,100".to_owned();
                (reason, remedy)
            }),
            shares.map(|why| self.no_such_shares(why, blue, green)),
            (self.max_error_percent > 100).then(|| {
                (
                    format!(
                        "an error rate can't be {} % above another",
                        self.max_error_percent
                    ),
                    "give 0 to 100".to_owned(),
                )
            }),
            (!(self.max_slowdown.is_finite() && self.max_slowdown >= 1.0)).then(|| {
                (
                    format!("Green can't be held to {} times Blue's time", self.max_slowdown),
                    "give 1 or more, such as 4 for four times as slow".to_owned(),
                )
            }),
            (self.answers == 0).then(|| {
                (
                    "no answer at all proves nothing".to_owned(),
                    "ask for one answer or more".to_owned(),
                )
            }),
            (self.answers > MOST_ANSWERS).then(|| {
                (
                    format!("{} answers are more than anybody needs", self.answers),
                    "ask for 10000 answers or fewer".to_owned(),
                )
            }),
            (!(1..=HIGHEST_RATE).contains(&probe.per_second)).then(|| {
                (
                    format!("the live probe can't ask {} times a second", probe.per_second),
                    "give 1 to 100, or switch the probe off".to_owned(),
                )
            }),
            probe
                .path
                .as_deref()
                .filter(|path| !is_path(path))
                .map(|path| {
                    (
                        format!("`{path}` is not a path that the live probe could ask for"),
                        "begin it with `/` and write other than ASCII letters as %XX, such as /health?full=1".to_owned(),
                    )
                }),
            probe
                .expect_status
                .filter(|status| !(200..=599).contains(status))
                .map(|status| {
                    (
                        format!("no answer has the status {status}"),
                        "give a status from 200 to 599".to_owned(),
                    )
                }),
        ];
        wrong
            .into_iter()
            .flatten()
            .map(|(reason, remedy)| {
                Verdict::refused(VerdictCode::BadOption, reason)
                    .about_the_request()
                    .remedy(remedy)
            })
            .collect()
    }

    fn no_such_shares(&self, why: &str, blue: usize, green: usize) -> (String, String) {
        let steps = self.steps_in_words();
        if blue == green {
            let reason = format!("the steps {steps} can't be made: {why}");
            return (reason, "leave them out for 50,100".to_owned());
        }
        let reason = format!(
            "the steps {steps} can't be made between {blue} of Blue and {green} of Green: {why}"
        );
        // The share that Green has where all containers have the same.
        let remedy = match (100 * green / (blue + green), 100 * green % (blue + green)) {
            (percent, 0) => format!("give `--steps {percent},100`"),
            _ => "bring the service to the number that the files ask for first (`docker compose up -d`)".to_owned(),
        };
        (reason, remedy)
    }

    fn steps_in_words(&self) -> String {
        let words: Vec<_> = self.steps.iter().map(u8::to_string).collect();
        words.join(",")
    }

    fn wrong_time(&self) -> Option<(String, &'static str)> {
        let waits = [
            ("health timeout", self.health_timeout_ms.unwrap_or_default()),
            ("drain timeout", self.drain_timeout_ms),
            ("time between two polls", self.poll_interval_ms),
        ];
        if let Some((name, _)) = waits.iter().find(|(_, wait)| *wait > LONGEST_WAIT_MS) {
            return Some((
                format!("the {name} is longer than a day"),
                "give a day or less",
            ));
        }
        (self.poll_interval_ms < SHORTEST_POLL_MS).then(|| {
            (
                format!(
                    "the engine can't be asked every {} ms",
                    self.poll_interval_ms
                ),
                "give 100ms or more between two polls",
            )
        })
    }

    fn wrong_steps(&self) -> Option<String> {
        let steps = &self.steps;
        let wrong = |why: &str| Some(format!("the steps {} {why}", self.steps_in_words()));
        if steps.last() != Some(&100) {
            return wrong("do not end with 100, so Green would never get all traffic");
        }
        if steps.len() < 2 {
            return wrong("have none below 100, so Green would not be verified beside Blue");
        }
        if steps[0] == 0 {
            return wrong("begin with 0, which gives Green nothing");
        }
        if !steps.is_sorted_by(|one, next| one < next) {
            return wrong("do not rise from each to the next");
        }
        if steps.len() > MOST_STEPS {
            return wrong(&format!("are more than {MOST_STEPS}"));
        }
        None
    }
}

/// Whether a share of Green takes more than the same share for each container.
fn needs_weights(percent: u8, blue: usize, green: usize) -> bool {
    let percent = usize::from(percent);
    percent < 100 && blue > 0 && (100 - percent) * green != percent * blue
}

/// Whether a request line can carry it as it is.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::{super::Level, *};

    fn with_steps(steps: &[u8]) -> Vec<Verdict> {
        RolloutOptions {
            steps: steps.to_vec(),
            ..RolloutOptions::default()
        }
        .verdicts(None, 1, 1)
    }

    #[test]
    fn the_defaults_and_rising_steps_are_fine() {
        assert_eq!(
            RolloutOptions::default().verdicts(Some("no weights"), 1, 1),
            []
        );
        assert_eq!(with_steps(&[1, 10, 50, 99, 100]), []);
    }

    #[test]
    fn other_steps_are_refused_with_what_and_why() {
        for (steps, why) in [
            (&[][..], "do not end with 100"),
            (&[10, 50], "do not end with 100"),
            (&[100], "none below 100"),
            (&[0, 100], "begin with 0"),
            (&[50, 20, 100], "do not rise"),
            (&[50, 50, 100], "do not rise"),
            (&[120, 100], "do not rise"),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 100], "are more than 8"),
        ] {
            let verdicts = with_steps(steps);
            assert_eq!(verdicts.len(), 1, "{steps:?}");
            assert_eq!(verdicts[0].level, Level::Refused);
            assert!(verdicts[0].reason.contains(why), "{}", verdicts[0].reason);
        }
    }

    #[test]
    fn shares_that_can_not_be_made_are_refused_with_the_reason() {
        let options = RolloutOptions {
            steps: vec![10, 50, 100],
            ..RolloutOptions::default()
        };
        let verdicts = options.verdicts(Some("Traefik is too old"), 1, 1);
        assert_eq!(
            verdicts[0].reason,
            "the steps 10,50,100 can't be made: Traefik is too old"
        );
    }

    #[test]
    fn halves_take_weights_where_the_sets_differ() {
        let verdicts = |blue, green| {
            let options = RolloutOptions::default();
            options.verdicts(Some("Traefik is too old"), blue, green)
        };
        assert_eq!(verdicts(2, 2), []);
        assert_eq!(verdicts(0, 3), []);
        let differ = verdicts(2, 3);
        assert_eq!(
            differ[0].reason,
            "the steps 50,100 can't be made between 2 of Blue and 3 of Green: Traefik is too old"
        );
        assert_eq!(differ[0].remedy, "give `--steps 60,100`");
        let as_told = RolloutOptions {
            steps: vec![60, 100],
            ..RolloutOptions::default()
        };
        assert_eq!(as_told.verdicts(Some("no weights"), 2, 3), []);
        assert!(verdicts(1, 2)[0].remedy.contains("docker compose up -d"));
    }

    #[test]
    fn a_probe_that_could_not_ask_is_refused() {
        let refused = |probe: ProbeOptions| {
            let options = RolloutOptions {
                probe,
                ..RolloutOptions::default()
            };
            options.verdicts(None, 1, 1).len()
        };
        let good = ProbeOptions {
            path: Some("/health?full=1".into()),
            per_second: 100,
            expect_status: Some(404),
            ..ProbeOptions::default()
        };
        assert_eq!(refused(good.clone()), 0);
        for path in ["health", "", "/a b", "/ü", "/a\r\nX: y", "/a#b"] {
            let path = Some(path.to_owned());
            assert_eq!(
                refused(ProbeOptions {
                    path,
                    ..good.clone()
                }),
                1
            );
        }
        for per_second in [0, 101] {
            assert_eq!(
                refused(ProbeOptions {
                    per_second,
                    ..good.clone()
                }),
                1
            );
        }
        for expect_status in [Some(101), Some(600)] {
            assert_eq!(
                refused(ProbeOptions {
                    expect_status,
                    ..good.clone()
                }),
                1
            );
        }
    }

    #[test]
    fn times_and_answers_have_bounds() {
        let wrong: [fn(&mut RolloutOptions); 6] = [
            |options| options.health_timeout_ms = Some(LONGEST_WAIT_MS + 1),
            |options| options.drain_timeout_ms = u64::MAX,
            |options| options.poll_interval_ms = LONGEST_WAIT_MS + 1,
            |options| options.poll_interval_ms = SHORTEST_POLL_MS - 1,
            |options| options.answers = 0,
            |options| options.answers = MOST_ANSWERS + 1,
        ];
        for (number, break_it) in wrong.into_iter().enumerate() {
            let mut options = RolloutOptions::default();
            break_it(&mut options);
            let verdicts = options.verdicts(None, 1, 1);
            assert_eq!(verdicts.len(), 1, "number {number}");
            assert_eq!(verdicts[0].level, Level::Refused, "number {number}");
        }
    }

    #[test]
    fn options_of_an_older_teal_are_read() {
        let old = r#"{"healthTimeoutMs":1000,"force":true}"#;
        let options: RolloutOptions = serde_json::from_str(old).unwrap();
        assert_eq!(options.steps, [50, 100]);
        assert_eq!(options.health_timeout_ms, Some(1000));
        assert!(options.force && options.probe.enabled);
    }
}
