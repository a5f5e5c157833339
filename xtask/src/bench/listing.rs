//! `teal services` on a large project.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    program,
    spread::{Spread, head},
    stage::Stage,
};
use crate::{process::run_quietly, say};

const SERVICES: usize = 200;
const RUNS: usize = 5;

pub(super) fn listing(scratch: &Path) -> Result<String> {
    say(&format!("creating a project of {SERVICES} services"));
    let stage = Stage::up(&["services", &SERVICES.to_string(), "0"])?;
    let mut times = Spread::default();
    for number in 1..=RUNS {
        say(&format!("list {number} of {RUNS}"));
        let mut list = program("teal", scratch);
        list.args(["services", "--json", "--file"]).arg(&stage.file);
        let begin = Instant::now();
        let printed = run_quietly(&mut list)?;
        times.add_duration(begin.elapsed());
        let services: Value = serde_json::from_str(&printed)?;
        let found = services.as_array().context("no list of services")?;
        if found.len() != SERVICES || found.iter().any(|service| service["state"] != "created") {
            bail!("`teal services` does not list {SERVICES} created services");
        }
    }
    stage.close()?;
    Ok(format!(
        "## Listing\n\n{}| `teal services --json` on {SERVICES} created services | {times} |\n",
        head("")
    ))
}
