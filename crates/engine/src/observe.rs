//! Live looks at containers: use of CPU and memory, log lines, what changes.

use std::collections::HashMap;

use bollard::{
    Docker,
    container::LogOutput,
    query_parameters::{EventsOptions, LogsOptions, StatsOptions},
};
use futures_util::{Stream, StreamExt, future::ready};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use teal_docker::{compose_label, failed, usage_of};
use teal_model::Result;

/// What a container uses at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// The container's id.
    pub container: String,
    /// Cores in use since the last sample: 0.5 is half a core.
    pub cpu: f64,
    /// Bytes in use, without the page cache, as `docker stats` counts them.
    #[ts(type = "number")]
    pub memory: u64,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// The container's id.
    pub container: String,
    #[ts(type = "string | null")]
    pub at: Option<Timestamp>,
    pub stderr: bool,
    pub text: String,
}

pub(crate) fn usage(
    docker: &Docker,
    container: &str,
) -> impl Stream<Item = Result<Usage>> + Send + use<> {
    let id = container.to_owned();
    let samples = docker.stats(
        container,
        Some(StatsOptions {
            stream: true,
            one_shot: false,
        }),
    );
    samples
        .scan(None, |before, sample| {
            // Use is the difference of two samples; a failure is passed on.
            let item = match sample {
                Ok(now) => {
                    let used = before.as_ref().and_then(|before| usage_of(before, &now));
                    *before = Some(now);
                    Ok(used)
                }
                Err(error) => Err(failed("read statistics")(error)),
            };
            ready(Some(item))
        })
        .filter_map(move |item| {
            let id = id.clone();
            ready(match item {
                Ok(None) => None,
                Ok(Some((cpu, memory))) => Some(Ok(Usage {
                    container: id,
                    cpu,
                    memory,
                })),
                Err(error) => Some(Err(error)),
            })
        })
}

pub(crate) fn logs(
    docker: &Docker,
    container: &str,
    tail: u32,
    after: Option<Timestamp>,
) -> impl Stream<Item = Result<LogLine>> + Send + use<> {
    let id = container.to_owned();
    let options = LogsOptions {
        follow: true,
        stdout: true,
        stderr: true,
        timestamps: true,
        tail: tail.to_string(),
        since: after.map_or(0, whole_second),
        ..Default::default()
    };
    let lines = docker.logs(container, Some(options)).map(move |chunk| {
        chunk
            .map(|chunk| log_line(&id, chunk))
            .map_err(failed("read the log"))
    });
    lines.filter(move |line| ready(line.as_ref().map_or(true, |line| is_after(line, after))))
}

/// The second that a moment is in, as the engine is asked; 0 is the beginning of a log.
fn whole_second(moment: Timestamp) -> i32 {
    i32::try_from(moment.as_second().max(0)).unwrap_or(i32::MAX)
}

/// Whether a line is newer than `after`, which the engine knows only to the second.
fn is_after(line: &LogLine, after: Option<Timestamp>) -> bool {
    match (line.at, after) {
        (Some(at), Some(after)) => at > after,
        _ => true,
    }
}

fn log_line(id: &str, chunk: LogOutput) -> LogLine {
    let stderr = matches!(chunk, LogOutput::StdErr { .. });
    let bytes = chunk.into_bytes();
    let line = String::from_utf8_lossy(&bytes);
    let line = line.trim_end_matches(['\r', '\n']);
    // Docker puts its time stamp and a space before each line.
    let (at, text) = match line.split_once(' ') {
        Some((stamp, text)) => match stamp.parse::<Timestamp>() {
            Ok(at) => (Some(at), text),
            Err(_) => (None, line),
        },
        None => match line.parse::<Timestamp>() {
            Ok(at) => (Some(at), ""),
            Err(_) => (None, line),
        },
    };
    LogLine {
        container: id.to_owned(),
        at,
        stderr,
        text: text.to_owned(),
    }
}

pub(crate) fn changes(docker: &Docker) -> impl Stream<Item = Result<String>> + Send + use<> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let filters = HashMap::from([
        ("type".to_owned(), words(&["container"])),
        (
            "event".to_owned(),
            words(&[
                "create",
                "start",
                "die",
                "destroy",
                "health_status",
                "pause",
                "unpause",
                "update",
                "oom",
            ]),
        ),
        ("label".to_owned(), words(&[compose_label::PROJECT])),
    ]);
    let options = EventsOptions {
        filters: Some(filters),
        ..Default::default()
    };
    docker.events(Some(options)).filter_map(|event| {
        ready(match event {
            Ok(event) => event
                .actor
                .and_then(|actor| actor.attributes)
                .and_then(|mut attributes| attributes.remove(compose_label::PROJECT))
                .map(Ok),
            Err(error) => Some(Err(failed("follow its events")(error))),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stamp: &str) -> LogLine {
        let message = format!("{stamp} hello: starting\n").into();
        log_line("c", LogOutput::StdOut { message })
    }

    #[test]
    fn a_line_has_its_moment_and_its_text() {
        let line = line("2026-11-24T07:00:01.000000002Z");
        assert_eq!(
            line.at,
            Some("2026-11-24T07:00:01.000000002Z".parse().unwrap())
        );
        assert_eq!(line.text, "hello: starting");
    }

    #[test]
    fn a_log_is_read_on_after_the_last_line_and_not_after_its_second() {
        let last = "2026-11-24T07:00:01.000000002Z".parse().unwrap();
        assert_eq!(whole_second(last), 1_795_503_601);
        let read: Vec<_> = [
            "2026-11-24T07:00:01.000000001Z",
            "2026-11-24T07:00:01.000000002Z",
            "2026-11-24T07:00:01.000000003Z",
            "no-moment",
        ]
        .into_iter()
        .filter(|stamp| is_after(&line(stamp), Some(last)))
        .collect();
        assert_eq!(read, ["2026-11-24T07:00:01.000000003Z", "no-moment"]);
        assert!(is_after(&line("2026-11-24T07:00:01.000000001Z"), None));
    }
}
