//! Who holds a lock: what others are told of.

use std::{env, fmt};

/// A process of Teal.
pub(super) struct Holder {
    process: u32,
    user: String,
    host: String,
    since: jiff::Zoned,
}

impl Holder {
    /// This process, from now on.
    pub(super) fn here() -> Self {
        let user = ["USER", "USERNAME", "LOGNAME"]
            .into_iter()
            .find_map(|name| env::var(name).ok());
        Self {
            process: std::process::id(),
            user: user.unwrap_or_else(|| "somebody".to_owned()),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            since: jiff::Zoned::now(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            user,
            host,
            since,
        } = self;
        let since = since.strftime("%H:%M:%S");
        write!(f, "process {process} of {user} on {host} since {since}")
    }
}
