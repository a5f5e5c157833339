//! Who carries a rollout out: what others are told of, and where they see whether it still runs.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Result, lock::Lock};

/// A process of Teal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holder {
    process: u32,
    user: String,
    host: String,
    /// Where its locks are.
    data: PathBuf,
}

impl Holder {
    /// This process, with its data here.
    pub(crate) fn here(data: &Path) -> Self {
        let user = ["USER", "USERNAME", "LOGNAME"]
            .into_iter()
            .find_map(|name| env::var(name).ok());
        Self {
            process: std::process::id(),
            user: user.unwrap_or_else(|| "somebody".to_owned()),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            data: data.to_owned(),
        }
    }

    /// Whether it works on the service, as somebody with other data on the same machine can see by
    /// the lock. A lock that nobody else may look at counts as held: its owner can tell.
    ///
    /// Of another machine nothing is known, and of one's own data one's own lock tells.
    pub(crate) fn is_at_work(
        &self,
        own: &Self,
        engine: &str,
        (project, service): (&str, &str),
    ) -> bool {
        if self.host != own.host || self.data == own.data {
            return false;
        }
        let held: Result<bool> = Lock::is_held(&self.data, engine, project, service);
        held.unwrap_or(true)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            process,
            user,
            host,
            ..
        } = self;
        write!(f, "process {process} of {user} on {host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_other_data_on_the_same_machine_sees_whether_it_works() {
        let (theirs, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (holder, me) = (Holder::here(theirs.path()), Holder::here(own.path()));
        let is_at_work = |holder: &Holder| holder.is_at_work(&me, "engine", ("shop", "web"));
        assert!(!is_at_work(&holder));
        let lock = Lock::take(theirs.path(), "engine", "shop", "web").unwrap();
        assert!(is_at_work(&holder));
        let elsewhere = Holder {
            host: "elsewhere".to_owned(),
            ..holder.clone()
        };
        assert!(!is_at_work(&elsewhere));
        drop(lock);
        assert!(!is_at_work(&holder));
    }
}
