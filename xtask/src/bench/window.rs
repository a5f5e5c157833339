//! How soon the window shows something, and what it takes of the memory.

use std::{
    fmt::Write,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use super::{
    child::{Ends, Running},
    display::Display,
    memory::{Tree, mebibytes},
    program,
    spread::{Spread, head},
};
use crate::say;

const STARTS: usize = 5;
const PAINTS_WITHIN: Duration = Duration::from_secs(60);
/// Memory has settled when it has changed by less than a hundredth for this many looks.
const LOOKS: usize = 8;
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const PAUSE_OF_LOOKS: Duration = Duration::from_millis(500);

pub(super) fn start_up(scratch: &Path) -> Result<String> {
    let display = Display::start()?;
    let mut times = Spread::default();
    for number in 1..=STARTS {
        say(&format!("start {number} of {STARTS}"));
        let (mut window, took) = open(&display, &scratch.join(format!("start-{number}")))?;
        times.add(took);
        window.end()?;
    }
    Ok(format!(
        "## Start-up\n\nWithout a project, on a display without a screen (Xvfb), which draws without a graphics \
         card.\n\n{}| start of `teal-desktop` until its first paint | {times} |\n",
        head("")
    ))
}

pub(super) fn memory(scratch: &Path) -> Result<String> {
    let display = Display::start()?;
    let (mut window, _) = open(&display, &scratch.join("memory"))?;
    say("waiting until its memory has settled");
    let tree = settled(&window)?;
    window.end()?;
    let mut text = "## Memory\n\nOf the same window, once it has settled.\n\n| process | proportional set size |\n| --- | ---: |\n".to_owned();
    for (program, bytes) in &tree.programs {
        writeln!(text, "| `{program}` | {} |", mebibytes(*bytes))?;
    }
    writeln!(text, "| all of the window | {} |", mebibytes(tree.total()))?;
    Ok(text)
}

/// Opens the window without a project and waits for its first paint; the milliseconds until then.
pub(super) fn open(display: &Display, scratch: &Path) -> Result<(Running, i64)> {
    let mut command = program("teal-desktop", scratch);
    display.show(&mut command);
    let begin = Timestamp::now();
    let mut window = Running::start(&mut command, Ends::BySignal)?;
    let waits = Instant::now();
    loop {
        if let Some(painted) = first_paint(&scratch.join("STATE/teal/logs"))? {
            let took = painted.duration_since(begin).as_millis();
            return Ok((window, i64::try_from(took)?));
        }
        if window.has_ended()? {
            bail!("`teal-desktop` ended before it had painted");
        }
        if waits.elapsed() > PAINTS_WITHIN {
            bail!("`teal-desktop` has logged no first paint within {PAINTS_WITHIN:?}");
        }
        thread::sleep(PAUSE);
    }
}

/// When the log says that it was.
fn first_paint(logs: &Path) -> Result<Option<Timestamp>> {
    let Ok(files) = fs::read_dir(logs) else {
        return Ok(None);
    };
    for file in files {
        let text = fs::read_to_string(file?.path())?;
        // The last line may not be whole yet.
        let mut lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        if let Some(line) = lines.find(|line| line.contains("first paint")) {
            let at = line.split_whitespace().next().context("an empty line")?;
            return Ok(Some(at.parse()?));
        }
    }
    Ok(None)
}

/// Waits until the memory of its processes has settled.
pub(super) fn settled(window: &Running) -> Result<Tree> {
    let begin = Instant::now();
    let mut totals = Vec::new();
    loop {
        let tree = Tree::below(window.id())?;
        totals.push(tree.total());
        if is_steady(&totals) || begin.elapsed() > SETTLES_WITHIN {
            return Ok(tree);
        }
        thread::sleep(PAUSE_OF_LOOKS);
    }
}

fn is_steady(totals: &[u64]) -> bool {
    let Some((_, recent)) = totals.split_last_chunk::<LOOKS>() else {
        return false;
    };
    let (Some(low), Some(high)) = (recent.iter().min(), recent.iter().max()) else {
        return false;
    };
    (high - low) * 100 < *high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_steady_once_it_changes_little() {
        assert!(!is_steady(&[100; LOOKS - 1]));
        assert!(is_steady(&[1000; LOOKS]));
        let mut grows = vec![1000; LOOKS];
        grows.push(1020);
        assert!(!is_steady(&grows));
    }
}
