//! `traffic URL` sends requests to the address until its input ends, five minutes at most, and
//! reports; its exit code is 0 if none failed. `traffic URL --json` reports in figures.

#![expect(clippy::print_stdout, reason = "the report is its output")]

use std::{env, io, process::ExitCode};

use serde_json::json;
use teal_testkit::Traffic;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let Some(url) = env::args().nth(1) else {
        println!("usage: traffic URL [--json]");
        return Ok(ExitCode::FAILURE);
    };
    let traffic = Traffic::to(&url).start();
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    let report = traffic.stop().await;
    if env::args().nth(2).is_some_and(|option| option == "--json") {
        println!(
            "{}",
            json!({
                "requests": report.total(),
                "failed": report.failed().count(),
                "worstGapMs": report.worst_gap().map(|gap| gap.as_millis()),
            })
        );
    } else {
        println!("{report}");
    }
    let good = report.total() > 0 && report.failed().next().is_none();
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
