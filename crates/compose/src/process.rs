//! Running the Compose program: its output, its errors, and its end when nobody waits any more.

use std::{collections::VecDeque, path::Path, process::Stdio};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Split},
    process::Command,
};

use teal_docker::{self as docker, Variable};
use teal_model::{Error, Result};

/// How many of the last lines are kept for an error message.
const LAST_LINES: usize = 20;

/// How a command ended.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    pub success: bool,
    /// Its last lines, the newest last.
    pub last_lines: Vec<String>,
}

/// All that a reading command printed.
pub(super) struct Captured {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl CommandOutput {
    /// What the command said about its failure, without warnings.
    pub fn message(&self) -> String {
        message(&self.last_lines.join("\n"))
    }
}

/// Runs `words` to its end and hands every line of both outputs to `on_line`.
pub(super) async fn run(
    words: &[String],
    directory: &Path,
    environment: &[Variable],
    mut on_line: impl FnMut(&str) + Send,
) -> Result<CommandOutput> {
    let mut running = Running::start(words, directory, environment, Stdio::null())?;
    let mut stdout = lines(running.child.stdout().take());
    let mut stderr = lines(running.child.stderr().take());
    let mut last_lines = VecDeque::new();
    loop {
        let line = tokio::select! {
            Some(line) = next(&mut stdout) => line,
            Some(line) = next(&mut stderr) => line,
            else => break,
        };
        on_line(&line);
        if last_lines.len() == LAST_LINES {
            last_lines.pop_front();
        }
        last_lines.push_back(line);
    }
    let status = running.wait().await?;
    Ok(CommandOutput {
        success: status.success(),
        last_lines: last_lines.into(),
    })
}

/// Runs `words` with `input`, and keeps what it prints.
pub(super) async fn capture(
    words: &[String],
    directory: &Path,
    environment: &[Variable],
    input: Option<&str>,
) -> Result<Captured> {
    let stdin = input.map_or_else(Stdio::null, |_| Stdio::piped());
    let mut running = Running::start(words, directory, environment, stdin)?;
    let write = write_all(running.child.stdin().take(), input.unwrap_or_default());
    let stdout = read_all(running.child.stdout().take());
    let stderr = read_all(running.child.stderr().take());
    let ((), stdout, stderr) = tokio::join!(write, stdout, stderr);
    let status = running.wait().await?;
    Ok(Captured {
        success: status.success(),
        stdout: stdout.map_err(|source| running.failed(source))?,
        stderr: stderr.map_err(|source| running.failed(source))?,
    })
}

/// The part of Compose's standard error that says what is wrong: without its warnings.
pub(super) fn message(stderr: &str) -> String {
    let lines: Vec<_> = stderr
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.contains("level=warning"))
        .collect();
    if lines.is_empty() {
        "it ended without a message".into()
    } else {
        lines.join("\n")
    }
}

/// As `nice` counts: its share against a process of the usual priority is about a tenth.
#[cfg(unix)]
const NICENESS: i32 = 10;

/// A command that is killed, with its children, unless it was waited for.
struct Running {
    child: Box<dyn ChildWrapper>,
    program: String,
    ended: bool,
}

impl Running {
    fn start(
        words: &[String],
        directory: &Path,
        environment: &[Variable],
        stdin: Stdio,
    ) -> Result<Self> {
        let [program, arguments @ ..] = words else {
            return Err(Error::Unexpected("a command without words".into()));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(directory)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        docker::apply(environment, &mut command);
        // As a shell would after `cd`: people write `${PWD}` in compose files.
        if directory.is_absolute() {
            command.env("PWD", directory);
        }
        let mut command = CommandWrap::from(command);
        command.wrap(KillOnDrop);
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        let program = words.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        match command.spawn() {
            Ok(child) => {
                stand_back(child.id());
                Ok(Self {
                    child,
                    program,
                    ended: false,
                })
            }
            Err(source) => Err(Error::Command {
                command: program,
                source,
            }),
        }
    }

    async fn wait(&mut self) -> Result<std::process::ExitStatus> {
        let status = self.child.wait().await;
        self.ended = status.is_ok();
        status.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Command {
            command: self.program.clone(),
            source,
        }
    }
}

/// Lets requests have the processor first: Compose would take all of it for moments.
#[cfg(unix)]
fn stand_back(leader: Option<u32>) {
    use rustix::process::{Pid, setpriority_pgrp};
    let leader = leader
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(leader) = leader
        && let Err(error) = setpriority_pgrp(Some(leader), NICENESS)
    {
        tracing::debug!(%error, "a command runs with the priority of its parent");
    }
}

#[cfg(not(unix))]
fn stand_back(_leader: Option<u32>) {}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended
            && let Err(error) = self.child.start_kill()
        {
            tracing::debug!(%error, program = self.program, "had ended before it was killed");
        }
    }
}

type OutputLines<R> = Option<Split<BufReader<R>>>;

fn lines<R: AsyncRead + Unpin>(output: Option<R>) -> OutputLines<R> {
    output.map(|output| BufReader::new(output).split(b'\n'))
}

/// The next line of an output; none at its end, and ever after.
async fn next<R: AsyncRead + Unpin>(lines: &mut OutputLines<R>) -> Option<String> {
    match lines.as_mut()?.next_segment().await {
        Ok(Some(line)) => {
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            Some(String::from_utf8_lossy(line).into_owned())
        }
        // The end of a pipe, whichever way it came; the exit status says the rest.
        Ok(None) | Err(_) => {
            *lines = None;
            None
        }
    }
}

async fn read_all(output: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(mut output) = output {
        output.read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A command that stops reading early says why itself: a broken pipe is no news.
async fn write_all(stdin: Option<impl tokio::io::AsyncWrite + Unpin>, input: &str) {
    if let Some(mut stdin) = stdin
        && let Err(error) = stdin.write_all(input.as_bytes()).await
    {
        tracing::debug!(%error, "the command did not read its input");
    }
}
