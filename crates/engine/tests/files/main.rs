//! The project's own files on the real engine and the real Compose: what is changed in them, what
//! plain `docker compose up` then does, and that all of it can be put back byte for byte.
#![expect(clippy::unwrap_used, reason = "tests")]

mod keep;
mod reading;
mod ready;
mod stage;
