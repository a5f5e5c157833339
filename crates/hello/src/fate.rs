//! How the service ends: by a signal, by a crash, or by its memory limit.

use std::process;

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{log, memory, switches::Switches};

/// Cancels `stop` at the first SIGTERM or SIGINT. A further one ends the process at once.
pub(crate) fn watch_signals(
    stop: CancellationToken,
    ignore_sigterm: bool,
) -> std::io::Result<JoinHandle<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if ignore_sigterm {
                log(&format!("{name} ignored, as IGNORE_SIGTERM says"));
            } else if stop.is_cancelled() {
                log(&format!("{name} again: requests in flight are cut off"));
                process::exit(1);
            } else {
                log(&format!("{name}: finishing the requests in flight"));
                stop.cancel();
            }
        }
    }))
}

/// Starts what the switches say shall become of the service.
pub(crate) fn seal(switches: &Switches) {
    if let Some(after) = switches.crash_after {
        let code = switches.crash_exit_code;
        let crash = move || {
            log(&format!("crashing with exit code {code}"));
            process::exit(code.into());
        };
        if after.is_zero() {
            crash();
        }
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            crash();
        });
    }
    if switches.leak_mb_per_s > 0 {
        tokio::spawn(memory::leak(switches.leak_mb_per_s));
    }
}
