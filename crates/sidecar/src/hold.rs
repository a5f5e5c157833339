//! Holds a lock for whoever talks to it: the engine's container runs as long as this does.
//!
//! `teal-sidecar hold` ends with its standard input, which the engine closes when the process at
//! its other end dies, or when nothing is said for too long: a machine that vanished, or sleeps,
//! closes nothing.

use std::{
    io::{self, Read},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Whoever holds the lock says something a few times within this.
const SILENCE: Duration = Duration::from_secs(30);

/// Returns when nobody holds the lock any more.
pub(crate) fn hold() {
    until_silent(io::stdin(), SILENCE);
}

fn until_silent(mut input: impl Read + Send + 'static, silence: Duration) {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut some = [0; 64];
        while input.read(&mut some).is_ok_and(|length| length > 0) && said.send(()).is_ok() {}
    });
    while heard.recv_timeout(silence).is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::io::pipe;

    use super::*;

    #[test]
    fn it_ends_with_its_input() {
        let (input, output) = pipe().unwrap();
        let holder = thread::spawn(move || until_silent(input, Duration::from_secs(600)));
        let mut output = output;
        io::Write::write_all(&mut output, b"\n\n").unwrap();
        assert!(!holder.is_finished());
        drop(output);
        holder.join().unwrap();
    }

    #[test]
    fn it_ends_when_nothing_is_said() {
        let (input, output) = pipe().unwrap();
        until_silent(input, Duration::from_millis(20));
        drop(output);
    }
}
