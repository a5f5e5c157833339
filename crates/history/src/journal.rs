//! A journal: JSON lines, each synced before what it tells of goes on.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::record::RolloutRecord;
use teal_files::private;
use teal_model::Revision;
use teal_model::event::{Event, EventKind};

/// The version of this format. A journal with a higher one is left alone.
const VERSION: u32 = 1;

/// One line. A kind that is not known yet is passed over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Line {
    /// The first.
    Journal {
        version: u32,
    },
    /// What is about to be done, before it is.
    Began {
        engine: String,
        unsettled: Box<RolloutRecord>,
    },
    Event(Box<Event>),
    /// How it ended, so far.
    Revision(Box<Revision>),
    /// Nothing is left to do.
    Settled {},
}

/// The journal of a rollout that runs.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
    /// A new journal, or one that goes on after its last line, which a crash may have torn.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            private::create_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file = private::open(options.create(true).read(true).append(true), path)?;
        let end = End::of(&mut file)?;
        let mut journal = Self { file };
        match end {
            End::Empty => {
                journal.write(&[Line::Journal { version: VERSION }])?;
                sync_folders(path)?;
            }
            End::Torn => journal.file.write_all(b"\n")?,
            End::Whole => {}
        }
        Ok(journal)
    }

    /// Keeps what is about to be done.
    pub(super) fn begin(&mut self, engine: &str, unsettled: &RolloutRecord) -> io::Result<()> {
        self.write(&[Line::Began {
            engine: engine.to_owned(),
            unsettled: Box::new(unsettled.clone()),
        }])
    }

    /// Keeps an event if it is a transition; what is told every second is not worth a sync.
    pub fn note(&mut self, event: &Event) -> io::Result<()> {
        if !is_transition(&event.kind) {
            return Ok(());
        }
        self.write(&[Line::Event(Box::new(event.clone()))])
    }

    /// Keeps how the rollout ended, and whether anything is left to be settled.
    pub fn end(&mut self, revisions: &[Revision], is_settled: bool) -> io::Result<()> {
        let revisions = revisions.iter().cloned().map(Box::new).map(Line::Revision);
        let lines: Vec<_> = revisions
            .chain(is_settled.then_some(Line::Settled {}))
            .collect();
        self.write(&lines)
    }

    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }
}

/// The plan is in the first line; the end is told by revision.
fn is_transition(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::PhaseStarted { .. }
            | EventKind::PhaseDone { .. }
            | EventKind::PhaseFailed { .. }
            | EventKind::Containers { .. }
            | EventKind::Split { .. }
            | EventKind::Warning { .. }
            | EventKind::RollingBack { .. }
    )
}

/// The revisions in a journal, or in a file of bare ones, in their order.
pub(super) fn revisions(path: &Path) -> io::Result<Vec<Revision>> {
    read(path).map(|text| revisions_in(path, &text))
}

fn revisions_in(path: &Path, text: &[u8]) -> Vec<Revision> {
    let revisions = lines(text).filter_map(|line| {
        if line.starts_with(b"{\"revision\":{") {
            return match parse(path, line)? {
                Line::Revision(revision) => Some(*revision),
                _ => None,
            };
        }
        let is_bare = line.starts_with(b"{\"revision\":");
        is_bare.then(|| parse(path, line)).flatten()
    });
    revisions.collect()
}

/// The engine and the rollout of a journal that is not settled.
pub(super) fn unsettled(path: &Path) -> io::Result<Option<(String, RolloutRecord)>> {
    read(path).map(|text| unsettled_in(path, &text))
}

fn unsettled_in(path: &Path, text: &[u8]) -> Option<(String, RolloutRecord)> {
    let mut found = None;
    for line in lines(text) {
        match parse(path, line) {
            Some(Line::Journal { version }) if version > VERSION => return None,
            Some(Line::Began { engine, unsettled }) => found = Some((engine, *unsettled)),
            Some(Line::Settled {}) => return None,
            _ => {}
        }
    }
    found
}

/// Whether a journal ends with the line that it is settled: told without reading all of it.
pub(super) fn ends_settled(path: &Path) -> io::Result<bool> {
    let line = serde_json::to_vec(&Line::Settled {})?;
    let end = i64::try_from(line.len() + 1).unwrap_or(i64::MAX);
    let mut file = File::open(path)?;
    if file.metadata()?.len() < end.unsigned_abs() {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-end))?;
    let mut last = Vec::new();
    file.read_to_end(&mut last)?;
    Ok(last.strip_suffix(b"\n") == Some(&line[..]))
}

/// What a journal says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Settled,
    RolloutRecord,
    /// Written by a newer Teal.
    Unknown,
}

pub(super) fn state(path: &Path) -> io::Result<State> {
    read(path).map(|text| state_in(path, &text))
}

fn state_in(path: &Path, text: &[u8]) -> State {
    let mut state = State::RolloutRecord;
    for line in lines(text) {
        match parse(path, line) {
            Some(Line::Journal { version }) if version > VERSION => return State::Unknown,
            Some(Line::Settled {}) => state = State::Settled,
            _ => {}
        }
    }
    state
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// A line that can't be read, such as one torn by a crash, costs only itself.
fn parse<T: for<'a> Deserialize<'a>>(path: &Path, line: &[u8]) -> Option<T> {
    serde_json::from_slice(line)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "unreadable line"))
        .ok()
}

/// How a file ends.
enum End {
    Empty,
    Torn,
    Whole,
}

impl End {
    fn of(file: &mut File) -> io::Result<Self> {
        if file.seek(SeekFrom::End(0))? == 0 {
            return Ok(Self::Empty);
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        Ok(if last == *b"\n" {
            Self::Whole
        } else {
            Self::Torn
        })
    }
}

/// Makes a new file, and the folder that may be new too, last through a crash.
#[cfg(unix)]
fn sync_folders(path: &Path) -> io::Result<()> {
    path.ancestors()
        .skip(1)
        .take(2)
        .try_for_each(|folder| File::open(folder)?.sync_all())
}

/// Windows writes a folder's entries itself.
#[cfg(not(unix))]
fn sync_folders(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Reads a journal that may hold anything, and checks what must be so of all of them.
#[cfg(any(test, feature = "fuzzing"))]
pub fn check_any(text: &[u8]) {
    let path = Path::new("journal.jsonl");
    let revisions = revisions_in(path, text);
    assert!(state_in(path, text) != State::Settled || unsettled_in(path, text).is_none());
    // Whatever came before, and however its last line was torn, what is written next is read.
    let settled = serde_json::to_vec(&Line::Settled {}).expect("it is plain");
    let longer = [text, b"\n", &settled, b"\n"].concat();
    assert!(state_in(path, &longer) != State::RolloutRecord);
    assert!(unsettled_in(path, &longer).is_none());
    assert_eq!(revisions_in(path, &longer), revisions);
    for revision in revisions {
        let line = serde_json::to_vec(&Line::Revision(Box::new(revision.clone())));
        let line = line.expect("a revision that was read can be written");
        assert_eq!(revisions_in(path, &line), [revision]);
    }
}
