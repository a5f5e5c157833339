//! One service, changed in each way under one load.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::ValueEnum;

use super::{
    Options,
    figures::Figures,
    load::Load,
    scale,
    teal::{self, Change},
    timeline::Timeline,
};
use crate::{
    bench::{plain, rollout::LIMITS, stage::Stage},
    process::root,
    say,
};

/// What the engine gives a container to end by itself after SIGTERM, where nobody says otherwise.
const GRACE: Duration = Duration::from_secs(10);
/// So that each long request is at another point.
const WARM_UP: Duration = Duration::from_secs(3);
/// A container that has gone may fail requests for some seconds more.
const AFTER: Duration = Duration::from_secs(5);

/// The windows of the load besides those of the ways.
pub(super) const WARMING: &str = "warming up";
pub(super) const STEADY: &str = "steady";

/// A service to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Cell {
    /// One replica that ends at SIGTERM
    One,
    /// One replica that ignores SIGTERM
    OneIgnoring,
    /// Three replicas that end at SIGTERM
    Three,
    /// Three replicas that ignore SIGTERM
    ThreeIgnoring,
    /// One replica whose answers come in one piece, behind a Traefik that takes in changes at once
    Prompt,
}

/// How often the Traefik of a prompt service takes in changes; others do each 2 s, as is the default.
const PROMPT: &str = "100ms";

impl Cell {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::One => "1 replica, ends at SIGTERM",
            Self::OneIgnoring => "1 replica, ignores SIGTERM",
            Self::Three => "3 replicas, end at SIGTERM",
            Self::ThreeIgnoring => "3 replicas, ignore SIGTERM",
            Self::Prompt => "1 replica, no streams, Traefik's throttle at 0.1 s",
        }
    }

    fn replicas(self) -> &'static str {
        match self {
            Self::One | Self::OneIgnoring | Self::Prompt => "1",
            Self::Three | Self::ThreeIgnoring => "3",
        }
    }

    /// What a stage and a load are started with.
    fn stage(self) -> Vec<&'static str> {
        let ignores = if self.ignores() { "1" } else { "0" };
        let mut words = vec!["load", self.replicas(), ignores];
        if self == Self::Prompt {
            words.push(PROMPT);
        }
        words
    }

    fn load(self) -> &'static [&'static str] {
        match self {
            Self::Prompt => &["whole"],
            Self::One | Self::OneIgnoring | Self::Three | Self::ThreeIgnoring => &[],
        }
    }

    fn ignores(self) -> bool {
        matches!(self, Self::OneIgnoring | Self::ThreeIgnoring)
    }

    /// How long its containers take to stop.
    pub(super) fn grace(self) -> Duration {
        if self.ignores() {
            GRACE
        } else {
            Duration::ZERO
        }
    }
}

/// How it is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Teal,
    /// Scale up, wait until healthy, stop the old.
    Scale,
    /// `docker compose up --wait` alone.
    Recreate,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Teal, Self::Scale, Self::Recreate];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Teal => "Teal",
            Self::Scale => "scale up, stop the old",
            Self::Recreate => "`docker compose up`",
        }
    }

    /// The window of the load while it goes on.
    pub(super) fn during(self) -> &'static str {
        self.title()
    }

    /// The window of the load just after it.
    pub(super) fn after(self) -> &'static str {
        match self {
            Self::Teal => "after Teal",
            Self::Scale => "after scale up, stop the old",
            Self::Recreate => "after `docker compose up`",
        }
    }
}

/// How much is measured.
pub(super) struct Size {
    pub(super) cells: Vec<Cell>,
    /// Rollouts of Teal's, for each service.
    changes: usize,
    /// Changes in each of the other ways, for each service.
    plain: usize,
    /// The services that plain Compose recreates too: it stops first and starts then, whatever
    /// the service, so that one is enough where time is short.
    recreated: Vec<Cell>,
    /// How long the load runs before the first change, and again between Teal and the others.
    steady: Duration,
    pub(super) is_release: bool,
    /// What all of it must come to.
    pub(super) requests: u64,
    pub(super) rollouts: usize,
}

impl Size {
    pub(super) fn of(options: &Options) -> Self {
        let mut size = Self {
            cells: Cell::value_variants().to_vec(),
            changes: 3,
            plain: 1,
            recreated: vec![Cell::One],
            steady: Duration::from_secs(6),
            is_release: true,
            requests: 200_000,
            rollouts: 10,
        };
        if options.long {
            size.changes = 15;
            size.plain = 3;
            size.recreated.clone_from(&size.cells);
            size.steady = Duration::from_secs(20);
            size.requests = 1_000_000;
            size.rollouts = 50;
        }
        if options.quick {
            size.cells = vec![Cell::One];
            size.changes = 1;
            size.steady = Duration::from_secs(5);
            size.is_release = false;
        }
        if let Some(cell) = options.only {
            size.cells = vec![cell];
        }
        if options.quick || options.only.is_some() {
            (size.requests, size.rollouts) = (0, 0);
        }
        size
    }

    fn program(&self, name: &str) -> PathBuf {
        let profile = if self.is_release { "release" } else { "debug" };
        root().join("target").join(profile).join(name)
    }
}

/// Changes the service in each way, and adds what came of it.
pub(super) fn measure(
    cell: Cell,
    size: &Size,
    scratch: &Path,
    figures: &mut Figures,
) -> Result<()> {
    say(&format!("starting a project: {}", cell.title()));
    let stage = Stage::up(&cell.stage())?;
    let program = size.program("examples/load");
    let mut load = Load::start(&program, &stage.url, WARMING, cell.load())?;
    thread::sleep(WARM_UP);
    steady(&mut load, size.steady)?;
    let mut timeline = Timeline::default();
    let mut rollouts = Vec::new();
    for (number, change) in (1..=size.changes).zip(Change::ALL.into_iter().cycle()) {
        say(&format!("Teal, {number} of {}: {change:?}", size.changes));
        load.mark(Way::Teal.during())?;
        let rollout = teal::roll(&size.program("teal"), &stage, scratch, change)?;
        load.mark(Way::Teal.after())?;
        thread::sleep(AFTER);
        figures.took(cell, Way::Teal, rollout.took);
        timeline.extend(rollout.timeline.clone());
        rollouts.push(rollout);
    }
    steady(&mut load, size.steady)?;
    // Each time others, since what does not change is not replaced.
    let mut limits = LIMITS.into_iter().cycle();
    let recreate_too = size.recreated.contains(&cell);
    let ways = (cell != Cell::Prompt).then_some(Way::Scale);
    let ways = ways
        .into_iter()
        .chain(recreate_too.then_some(Way::Recreate));
    for way in ways {
        for (number, limits) in (1..=size.plain).zip(limits.by_ref()) {
            say(&format!("{}, {number} of {}", way.title(), size.plain));
            load.mark(way.during())?;
            let begin = Instant::now();
            let changed = match way {
                Way::Recreate => recreate(&stage, limits)?,
                _ => scale::scale_and_stop(&stage, limits)?,
            };
            let took = i64::try_from(begin.elapsed().as_millis())?;
            load.mark(way.after())?;
            thread::sleep(AFTER);
            figures.took(cell, way, took);
            timeline.extend(changed);
        }
    }
    let report = load.end()?;
    figures.add(cell, &report, &timeline, &rollouts)?;
    stage.close()
}

fn steady(load: &mut Load, time: Duration) -> Result<()> {
    load.mark(STEADY)?;
    thread::sleep(time);
    Ok(())
}

fn recreate(stage: &Stage, limits: (&str, &str)) -> Result<Timeline> {
    let mut timeline = Timeline::default();
    timeline.now("docker compose up");
    plain::recreate(stage, limits)?;
    timeline.now("After it");
    Ok(timeline)
}
