//! The helper program that stands beside a Blue or Green container, in its network namespace.
//!
//! Its labels are the route that pins traffic to the container; the program itself only watches:
//! ten times a second it prints one JSON line with what is in flight on the ports that it is given,
//! and who calls.
//!
//! `teal-sidecar [PORT…]` or `teal-sidecar all` for all ports that are open, `teal-sidecar ask PORT
//! [PATH]` for one question, `teal-sidecar lookups MILLISECONDS` for how many names are looked up
//! within that time, `teal-sidecar resolve NAME…` for the addresses that these names have there,
//! `teal-sidecar hold` for a lock, or `teal-sidecar relay` for connections from
//! outside.
//!
//! It uses nothing but the standard library, so that it can be built with the engine by rustc
//! alone, for a scratch image, and stays small.

mod ask;
mod callers;
mod counters;
#[expect(unsafe_code, reason = "the C library's `socket` and `bind`")]
mod diag;
mod hold;
mod relay;
mod resolve;
mod tally;
mod watch;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

use tally::{SAMPLE_MS, Tally};
use watch::{Ports, Watch};

const SIGTERM: i32 = 15;
/// The time between two lines.
const LINE_MS: u64 = 100;

#[expect(unsafe_code, reason = "the C library's signal handling")]
mod signal {
    unsafe extern "C" {
        pub(crate) fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn _exit(code: i32) -> !;
    }

    pub(crate) extern "C" fn leave(_number: i32) {
        // SAFETY: `_exit` may be called in a signal handler, and does not return.
        unsafe { _exit(0) }
    }
}

fn main() -> ExitCode {
    // The first process of a container dies of no signal that it does not handle.
    // SAFETY: the handler calls nothing but `_exit`.
    #[expect(unsafe_code, reason = "the C library's signal handling")]
    unsafe {
        signal::signal(SIGTERM, signal::leave);
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, port, path @ ..] = arguments.as_slice()
        && word == "ask"
    {
        return answer(port, path.first().map(String::as_str));
    }
    if let [word, millis] = arguments.as_slice()
        && word == "lookups"
    {
        return lookups(millis);
    }
    if let [word, names @ ..] = arguments.as_slice()
        && word == "resolve"
    {
        return addresses(names);
    }
    if arguments == ["hold"] {
        hold::hold();
        return ExitCode::SUCCESS;
    }
    let done = match arguments == ["relay"] {
        true => relay::relay(io::stdin().lock(), io::stdout()),
        false => ports(&arguments).and_then(report),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = error.to_string().replace(['"', '\\'], "'");
            // The line is for whoever listens; if nobody does, the exit code is left.
            writeln!(io::stdout(), r#"{{"error":"{text}"}}"#).ok();
            ExitCode::FAILURE
        }
    }
}

/// One question, for whoever reads the line and the exit code.
fn answer(port: &str, path: Option<&str>) -> ExitCode {
    let port = port
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error));
    let (is_good, text) = match port.and_then(|port| ask::ask(port, path)) {
        Ok(answer) => answer,
        Err(error) => (false, error.to_string()),
    };
    writeln!(io::stdout(), "{text}").ok();
    ExitCode::from(u8::from(!is_good))
}

/// How many names are looked up within a time, for whoever reads the line and the exit code.
fn lookups(millis: &str) -> ExitCode {
    let millis = millis
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error));
    let counted = millis.and_then(|millis| counters::lookups(Duration::from_millis(millis)));
    let (is_good, text) = match counted {
        Ok(lookups) => (true, lookups.to_string()),
        Err(error) => (false, error.to_string()),
    };
    writeln!(io::stdout(), "{text}").ok();
    ExitCode::from(u8::from(!is_good))
}

/// The addresses of all these names, for whoever reads the line and the exit code.
fn addresses(names: &[String]) -> ExitCode {
    let found = names.iter().map(|name| resolve::resolve(name));
    let (is_good, text) = match found.collect::<io::Result<Vec<_>>>() {
        Ok(found) => {
            let words = found.concat();
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            (true, words.join(" "))
        }
        Err(error) => (false, error.to_string()),
    };
    writeln!(io::stdout(), "{text}").ok();
    ExitCode::from(u8::from(!is_good))
}

fn ports(arguments: &[String]) -> io::Result<Ports> {
    if arguments == ["all"] {
        return Ok(Ports::All);
    }
    arguments
        .iter()
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()
        .map(Ports::These)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Ends only with an error, such as a listener that has gone.
fn report(ports: Ports) -> io::Result<()> {
    while ports == Ports::These(Vec::new()) {
        thread::park();
    }
    let mut watch = Watch::begin(ports)?;
    let mut tally = Tally::default();
    tally.sample(watch.connections()?);
    let mut out = io::stdout().lock();
    loop {
        let mut left = LINE_MS;
        // The line comes right behind a sample, so that it tells what is and not what was.
        while left > 0 {
            let pause = if tally.is_quiet() { left } else { SAMPLE_MS };
            thread::sleep(Duration::from_millis(pause));
            left = left.saturating_sub(pause);
            for connection in watch.gone() {
                tally.callers.gone(&connection);
            }
            tally.sample(watch.connections()?);
        }
        let line = format!(
            "{{\"inFlight\":{},\"connections\":{},\"untouched\":{},\"accepted\":{},\"received\":{},\"sent\":{},\"listens\":{},\"listensAnywhere\":{},\"callers\":{}}}\n",
            tally.in_flight(),
            tally.connections(),
            tally.untouched(),
            watch.accepted(),
            tally.received(),
            tally.sent(),
            watch.listens()?,
            watch.listens_anywhere()?,
            tally.callers.to_json(),
        );
        // In one piece, so that whoever reads gets whole lines.
        out.write_all(line.as_bytes())?;
        out.flush()?;
    }
}
