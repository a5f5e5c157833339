//! How soon the window answers what a person does, in a large project whose use streams in.

use std::{collections::BTreeMap, fmt::Write, path::Path, time::Duration};

use anyhow::{Context, Result};

use super::{
    built,
    child::{Ends, Running},
    display::Display,
    spread::Spread,
    stage::{Stage, example},
};
use crate::say;

const SERVICES: &str = "200";
const RUNNING: &str = "8";
const DONE_WITHIN: Duration = Duration::from_secs(600);

/// What `examples/interaction.rs` of the testkit calls what it does, and what that is.
const ACTIONS: [(&str, &str); 5] = [
    ("search", "a letter typed into the search"),
    ("open", "a service opened from the list"),
    ("back", "back to the list of all services"),
    ("slider", "a limit's slider moved by a key"),
    ("tabs", "another tab opened"),
];

pub(super) fn interaction(display: &Display, home: &Path) -> Result<String> {
    say(&format!(
        "creating a project of {SERVICES} services, {RUNNING} of which run"
    ));
    let stage = Stage::up(&["services", SERVICES, RUNNING])?;
    say("opening services, moving sliders, typing");
    let mut person = example("interaction");
    person.arg(built("teal-desktop")).arg(&stage.file);
    person.arg(home);
    display.show(&mut person);
    let mut person = Running::start(&mut person, Ends::WithInput)?;
    let figures = person.line(DONE_WITHIN)?;
    person.end()?;
    stage.close()?;
    let figures: BTreeMap<String, Vec<f64>> = serde_json::from_str(&figures)?;
    table(&figures)
}

fn table(figures: &BTreeMap<String, Vec<f64>>) -> Result<String> {
    let mut text = format!(
        "\n## Interaction\n\nIn a project of {SERVICES} services, {RUNNING} of which run, with their use streaming in. \
         From the event of the key or the mouse until the second frame after the page showed what was asked for; \
         a display without a screen (Xvfb) shows one each 16 to 17 ms, and draws it without a graphics card. Wanted are \
         at most 100 ms.\n\n\
         | | median | p95 | most | n |\n| --- | ---: | ---: | ---: | ---: |\n"
    );
    for (name, what) in ACTIONS {
        let times = figures
            .get(name)
            .with_context(|| format!("`{name}` was not measured"))?;
        let mut spread = Spread::default();
        for milliseconds in times {
            spread.add_duration(Duration::from_secs_f64(milliseconds / 1000.0));
        }
        writeln!(
            text,
            "| {what} | {} ms | {} ms | {} ms | {} |",
            spread.median(),
            spread.percentile(95),
            spread.percentile(100),
            times.len()
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_a_row_and_none_may_be_missing() {
        let mut figures: BTreeMap<_, _> = ACTIONS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), vec![20.4, 90.0, 40.0]))
            .collect();
        let text = table(&figures).unwrap();
        assert!(text.ends_with("| another tab opened | 40 ms | 90 ms | 90 ms | 3 |\n"));
        figures.remove("tabs");
        assert!(table(&figures).is_err());
    }
}
