//! `load URL SECONDS WINDOW [small]` puts a mixed load on the address until its input ends, so many seconds
//! at most. Each line of the input names the window that what ends from then on belongs to, and is
//! answered with the same line. The last line of the output is the report, as JSON, without the
//! requests in flight at the end of the input.

#![expect(clippy::print_stdout, reason = "the report is its output")]

use std::{env, io, process::ExitCode, time::Duration};

use teal_testkit::Load;

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ([url, seconds, window] | [url, seconds, window, "small"]) = words[..] else {
        println!("usage: load URL SECONDS WINDOW [small]");
        return Ok(ExitCode::FAILURE);
    };
    let Ok(seconds) = seconds.parse() else {
        println!("`{seconds}` is no number of seconds");
        return Ok(ExitCode::FAILURE);
    };
    let load = match words.len() {
        3 => Load::to(url),
        _ => Load::to(url).small(),
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
