//! Programs that run beside the measurement and never outlive it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::process::{command, succeeds};

const PAUSE: Duration = Duration::from_millis(50);
/// After it has been asked to end. Removing a project of 200 containers takes its time.
const ENDS_WITHIN: Duration = Duration::from_secs(180);

/// What makes a program end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// The end of its input.
    WithInput,
    /// A signal.
    BySignal,
}

/// A running program, whose input is open as long as this. Dropping it ends it.
pub(super) struct Running {
    child: Child,
    ends: Ends,
    lines: Receiver<String>,
}

impl Running {
    pub(super) fn start(command: &mut Command, ends: Ends) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't run {}", command.get_program().display()))?;
        let output = child.stdout.take().context("the output is piped")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, ends, lines })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line it prints.
    pub(super) fn line(&self, within: Duration) -> Result<String> {
        self.lines
            .recv_timeout(within)
            .with_context(|| format!("process {} printed nothing in time", self.id()))
    }

    /// Sends it a line.
    pub(super) fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("the input is open")?;
        writeln!(input, "{line}")
            .with_context(|| format!("process {} hears nothing", self.child.id()))
    }

    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Has it end and waits until it has.
    pub(super) fn end(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        if self.ends == Ends::BySignal && !self.has_ended()? {
            let id = self.id().to_string();
            succeeds(command("kill").args(["-TERM", &id]));
        }
        if !self.ends_within(ENDS_WITHIN)? {
            bail!("process {} does not end", self.id());
        }
        Ok(())
    }

    /// Waits until it has ended by itself, unless that takes longer.
    pub(super) fn ends_within(&mut self, time: Duration) -> Result<bool> {
        let begin = Instant::now();
        while !self.has_ended()? {
            if begin.elapsed() > time {
                return Ok(false);
            }
            thread::sleep(PAUSE);
        }
        Ok(true)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.end().is_err() && self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
