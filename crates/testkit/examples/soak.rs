//! `soak N` rolls the service of a project of its own out N times in this one process, while a load
//! goes to it from another process. Prints what the process holds after each rollout, as a line of
//! JSON, and at the end what became of the requests.

#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::{
    env, fs, io,
    io::{Read, Write},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use teal_engine::{
    Engine, Settings,
    event::Outcome,
    model::{LimitsChange, Memory, Origin, RolloutOptions, RolloutRequest},
};
use teal_testkit::{Project, Template};
use tokio::runtime::Handle;

/// The load ends by itself after so long.
const AT_MOST_SECONDS: &str = "7200";

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let count = env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(count) = count else {
        println!("usage: soak N");
        return Ok(ExitCode::FAILURE);
    };
    let project = Project::up(Template::named("soak").default_throttle()).await;
    let engine = Engine::connect(Settings {
        data_directory: Some(project.data_directory()),
        ..Settings::default()
    })
    .await
    .map_err(io::Error::other)?;
    let load = start_load(&project.url("/"))?;
    println!("{}", held(0, Duration::ZERO).await?);
    let mut is_good = true;
    for number in 1..=count {
        let begin = Instant::now();
        let outcome = roll_out(&engine, &project, number).await?;
        println!("{}", held(number, begin.elapsed()).await?);
        if outcome != Outcome::Success {
            println!("{}", json!({ "rollout": number, "outcome": outcome }));
            is_good = false;
            break;
        }
    }
    println!("{}", json!({ "load": end_load(load)? }));
    Ok(match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Each with other limits than the one before.
async fn roll_out(engine: &Engine, project: &Project, number: u32) -> io::Result<Outcome> {
    let mebibytes = if number.is_multiple_of(2) { 256 } else { 384 };
    let request = RolloutRequest {
        source: project.source(),
        service: "hello".to_owned(),
        change: LimitsChange {
            cpus: None,
            memory: Some(Memory::from_bytes(mebibytes << 20)),
        },
        options: RolloutOptions {
            poll_interval_ms: 1000,
            drain_timeout_ms: 10_000,
            answers: 3,
            ..RolloutOptions::default()
        },
        origin: Origin::Terminal,
        to_revision: None,
        limits_from_file: false,
        recreate: false,
    };
    let rollout = engine.roll_out(request).await.map_err(io::Error::other)?;
    // As a window does: every event is heard.
    let mut events = rollout.events();
    while events.next().await.is_some() {}
    Ok(rollout.outcome().await)
}

/// The least of some looks within a second: what a rollout leaves to be dropped takes a moment.
async fn held(rollout: u32, took: Duration) -> io::Result<Value> {
    let mut least: Option<Held> = None;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = Held::now()?;
        least = Some(least.map_or(now, |least| least.least(now)));
    }
    let held = least.unwrap_or_default();
    Ok(json!({
        "rollout": rollout,
        "tookMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "memory": held.memory,
        "files": held.files,
        "sockets": held.sockets,
        "tasks": held.tasks,
        "threads": held.threads,
    }))
}

/// What this process holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// Resident, in bytes.
    memory: u64,
    /// Open files, sockets too.
    files: usize,
    /// Connections to the engine, and those of its runtime.
    sockets: usize,
    tasks: usize,
    threads: u64,
}

impl Held {
    fn now() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let word = line.and_then(|rest| rest.split_whitespace().next());
            word.and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
        };
        // One of them is the folder that is being read.
        let open: Vec<_> = fs::read_dir("/proc/self/fd")?.flatten().collect();
        let is_socket = |entry: &&fs::DirEntry| {
            fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().contains("socket:"))
        };
        Ok(Self {
            memory: number("VmRSS:") * 1024,
            files: open.len() - 1,
            sockets: open.iter().filter(is_socket).count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            threads: number("Threads:"),
        })
    }

    fn least(self, other: Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            files: self.files.min(other.files),
            sockets: self.sockets.min(other.sockets),
            tasks: self.tasks.min(other.tasks),
            threads: self.threads.min(other.threads),
        }
    }
}

/// The example beside this one, so that what the load takes is not this process's.
fn start_load(url: &str) -> io::Result<Child> {
    Command::new(env::current_exe()?.with_file_name("load"))
        .args([url, AT_MOST_SECONDS, "soak", "small"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

fn end_load(mut load: Child) -> io::Result<Value> {
    // The end of its input is the end of the load.
    if let Some(mut input) = load.stdin.take() {
        input.flush()?;
    }
    let mut text = String::new();
    if let Some(mut output) = load.stdout.take() {
        output.read_to_string(&mut text)?;
    }
    load.wait()?;
    let last = text.lines().last().unwrap_or_default();
    Ok(serde_json::from_str(last)?)
}
