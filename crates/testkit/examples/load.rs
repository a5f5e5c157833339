//! `load URL SECONDS WINDOW [small|whole]` puts a mixed load on the address until its input ends, so
//! many seconds at most: a small one, or one whose answers all come in one piece, where that is
//! asked for. Each line of the input names the window that what ends from then on belongs to, and is
//! answered with the same line. The last line of the output is the report, as JSON, without the
//! requests in flight at the end of the input.

#![expect(clippy::print_stdout, reason = "the report is its output")]

use std::{env, io, process::ExitCode, time::Duration};

use teal_testkit::Load;

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (url, seconds, window, sort) = match words[..] {
        [url, seconds, window] => (url, seconds, window, None),
        [url, seconds, window, sort @ ("small" | "whole")] => (url, seconds, window, Some(sort)),
        _ => {
            println!("usage: load URL SECONDS WINDOW [small|whole]");
            return Ok(ExitCode::FAILURE);
        }
    };
    let Ok(seconds) = seconds.parse() else {
        println!("`{seconds}` is not a number of seconds");
        return Ok(ExitCode::FAILURE);
    };
    let load = match sort {
        Some("small") => Load::to(url).small(),
        Some(_) => Load::to(url).answered_in_one_piece(),
        None => Load::to(url),
    };
    let load = load.at_most(Duration::from_secs(seconds));
    let running = load.start(window);
    for line in io::stdin().lines() {
        let window = line?;
        running.mark(&window);
        println!("{window}");
    }
    println!("{}", serde_json::to_string(&running.so_far())?);
    Ok(ExitCode::SUCCESS)
}
