//! The sample service: a small web server for a first rollout, and for every test of Teal's.
//!
//! `hello` serves; `hello check` asks the server in the same container for its health and exits
//! with 0 or 1, since an image made from nothing has no other program for a health check.
//! Environment variables make it misbehave on purpose: see [`Switches`].

mod check;
mod fate;
mod keep_alive;
mod memory;
mod routes;
mod switches;

use std::{env, process::ExitCode, time::Instant};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{keep_alive::ShortLived, switches::Switches};

fn main() -> ExitCode {
    let switches = match Switches::from_environment() {
        Ok(switches) => switches,
        Err(error) => return fail(&error),
    };
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => serve(switches),
        ["check"] => match check::health(switches.port) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        _ => fail("usage: hello [check]"),
    }
}

#[tokio::main]
async fn serve(switches: Switches) -> ExitCode {
    let started = Instant::now();
    log(&format!("starting with {switches:?}"));
    let stop = CancellationToken::new();
    // Before anything else: the kernel drops signals that process 1 has no handler for.
    let signals = match fate::watch_signals(stop.clone(), switches.ignore_sigterm) {
        Ok(signals) => signals,
        Err(error) => return fail(&format!("can't handle signals: {error}")),
    };
    if switches.oom_at_start {
        return fail(&memory::exceed_limit());
    }
    fate::seal(&switches);
    tokio::time::sleep(switches.listen_delay).await;
    let listener = match TcpListener::bind(("0.0.0.0", switches.port)).await {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("can't listen on port {}: {error}", switches.port)),
    };
    log(&format!("listening on port {}", switches.port));
    let listener = ShortLived {
        listener,
        keep_alive: switches.keep_alive,
    };
    let served = axum::serve(listener, routes::router(switches, started, stop.clone()))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    signals.abort();
    match served {
        Ok(()) => {
            log("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("can't serve: {error}")),
    }
}

fn fail(message: &str) -> ExitCode {
    log(message);
    ExitCode::FAILURE
}

/// One line in the container's log.
#[expect(
    clippy::print_stdout,
    reason = "a container's log is its standard output"
)]
fn log(message: &str) {
    println!("hello: {message}");
}
