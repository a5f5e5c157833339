//! The figures as Markdown.

use std::{fmt::Write, time::Duration};

use anyhow::Result;

use super::{
    super::{rollout::PHASES, spread::head},
    cell::Way,
    figures::{Figures, Requests},
    load::Kind,
};

/// What is measured, once for all tables.
const ABOUT: &str = "\
A service behind Traefik is changed while one load goes on, sent by a process of its own to a published port of 127.0.0.1:
keep-alive requests (9 connections, each 20 ms), requests on new connections (5 at most at once, 100 a second),
always 6 requests that take 3 s, 6 streams of 12 s and 6 WebSockets of 12 s with a message each second.
The load has the processors before all others, where that is allowed: its own waits for one are not the service's.
The latency of a request that had to wait for the one before it counts from when it was due;
that of a stream goes to its last byte, that of a WebSocket is each message's way there and back.
A refused or reset connection, a status that is not a success, an answer that breaks off, a WebSocket that is closed without
having been asked to, and 10 s more than a request has to take are failures.

Teal deploys other limits, returns to the first revision, and is aborted at 50/50, in turns.
“Scale up, stop the old” is `docker compose up --no-deps --no-recreate --scale` with twice the replicas, waiting until the
new ones are healthy, and stopping and removing the old ones. `docker compose up` replaces the containers itself.
Failures count for a change until 5 s after its end. What is in flight when a service has had all its changes is not counted.
";

pub(super) fn page(figures: &Figures, took: Duration) -> Result<String> {
    let mut text = format!("\n## Requests\n\n{ABOUT}\n");
    text += &requests(figures)?;
    text += &what_failed(figures)?;
    text += &changes(figures)?;
    text += &phases(figures)?;
    text += &marks(figures)?;
    writeln!(
        text,
        "\n{} requests and {} rollouts of Teal's in {} s.",
        figures.requests(),
        figures.rollouts(),
        took.as_secs()
    )?;
    Ok(text)
}

fn requests(figures: &Figures) -> Result<String> {
    let mut text = "| requests | while | p50 | p99 | p99 to steady | failed | of |\n\
        | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for kind in Kind::ALL {
        let Some(steady) = figures.steady(kind) else {
            continue;
        };
        let mut row = |what: &str, requests: Option<&Requests>, (failed, total): (u64, u64)| {
            let part = |part| requests.and_then(|requests| requests.quantile(part));
            writeln!(
                text,
                "| {} | {what} | {} | {} | {} | {failed} | {total} |",
                kind.title(),
                milliseconds(part(0.5)),
                milliseconds(part(0.99)),
                ratio(part(0.99), steady.quantile(0.99)),
            )
        };
        row("steady", Some(steady), (steady.failed, steady.total))?;
        for way in Way::ALL {
            row(
                way.title(),
                figures.during(way, kind),
                figures.count(way, kind),
            )?;
        }
    }
    Ok(text)
}

/// Of microseconds, to the digits that matter.
fn milliseconds(microseconds: Option<u64>) -> String {
    let Some(microseconds) = microseconds else {
        return "none".to_owned();
    };
    match microseconds {
        0..100_000 => format!("{}.{:02} ms", microseconds / 1000, microseconds % 1000 / 10),
        _ => format!("{} ms", microseconds / 1000),
    }
}

fn ratio(one: Option<u64>, other: Option<u64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if other > 0 => {
            let hundredths = one * 100 / other;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        }
        _ => "none".to_owned(),
    }
}

fn what_failed(figures: &Figures) -> Result<String> {
    let alike = figures.alike();
    if alike.is_empty() {
        return Ok("\nNo request failed.\n".to_owned());
    }
    let mut text = "\n## What failed, and when\n\n| while | requests | how | in | failed |\n\
        | --- | --- | --- | --- | ---: |\n"
        .to_owned();
    for ((way, kind, cause, phase), count) in alike {
        let way = way.map_or("nothing was changed", Way::title);
        writeln!(
            text,
            "| {way} | {} | {cause} | {phase} | {count} |",
            kind.title()
        )?;
    }
    Ok(text)
}

fn changes(figures: &Figures) -> Result<String> {
    let mut text = format!(
        "\n## Changes\n\n{}",
        head("service | way").replace("| n |", "| n | failed | of |")
    );
    // The rule below the head has a column for each of its own.
    text = text.replacen("| --- |", "| --- | --- |", 1);
    text = text.replace("---: |\n", "---: | ---: | ---: |\n");
    for ((cell, way), changes) in figures.changes() {
        let (cell, way) = (cell.title(), way.title());
        writeln!(
            text,
            "| {cell} | {way} | {} | {} | {} |",
            changes.took, changes.failed, changes.total
        )?;
    }
    Ok(text)
}

fn phases(figures: &Figures) -> Result<String> {
    let mut text = format!(
        "\n## A rollout of Teal's, phase by phase\n\n{}",
        head("phase")
    );
    for (key, title) in PHASES {
        if let Some(times) = figures.phases.get(key) {
            writeln!(text, "| {title} | {times} |")?;
        }
    }
    text += "\nOverhead is the time of a rollout without what Compose takes to create and start Green, \
        from there until the engine\nsays that Green is healthy, from the cutover until the last \
        request in flight on Blue ends, and the 10 s that the\nengine gives a container that \
        ignores SIGTERM.\n\n";
    text += &head("overhead");
    for (cell, times) in &figures.overhead {
        writeln!(text, "| {} | {times} |", cell.title())?;
    }
    Ok(text)
}

fn marks(figures: &Figures) -> Result<String> {
    let mut text = format!("\n{}", head("from … until"));
    for (what, times) in [
        (
            "the engine says that a container is healthy … Teal says so",
            &figures.lag,
        ),
        (
            "the cutover … the last request to Blue is sent",
            &figures.late,
        ),
    ] {
        writeln!(text, "| {what} | {times} |")?;
    }
    text += "\nA stream tells nobody where it ends, so Blue is held half as long again as its longest \
        pause of 1 s, and 0.3 s.\nBy default Traefik takes in changes each 2 s at most.\n\n";
    text += &head("from … until | service").replacen("| --- |", "| --- | --- |", 1);
    let drain = figures.drain.iter();
    let drain = drain.map(|(cell, times)| {
        let what = "the last request in flight on Blue ends … Blue is asked to stop";
        (what.to_owned(), cell, times)
    });
    let to_blue = figures.to_blue.iter().map(|(cell, times)| {
        let what = "Ctrl-C at 50/50 … Blue has all of the traffic";
        (what.to_owned(), cell, times)
    });
    let shifts = figures.shifts.iter().map(|((percent, cell), times)| {
        let what = format!("Green is to get {percent} % of new requests … Traefik serves that");
        (what, cell, times)
    });
    for (what, cell, times) in drain.chain(to_blue).chain(shifts) {
        writeln!(text, "| {what} | {} | {times} |", cell.title())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_times_to_the_digits_that_matter() {
        assert_eq!(milliseconds(None), "none");
        assert_eq!(milliseconds(Some(1239)), "1.23 ms");
        assert_eq!(milliseconds(Some(12_007_900)), "12007 ms");
    }

    #[test]
    fn compares_with_the_steady_time() {
        assert_eq!(ratio(Some(1500), Some(1000)), "1.50");
        assert_eq!(ratio(Some(1), None), "none");
    }

    #[test]
    fn a_page_of_nothing_says_so() {
        let page = page(&Figures::default(), Duration::from_secs(7)).unwrap();
        assert!(page.contains("No request failed."), "{page}");
        assert!(
            page.contains("0 requests and 0 rollouts of Teal's in 7 s."),
            "{page}"
        );
    }
}
