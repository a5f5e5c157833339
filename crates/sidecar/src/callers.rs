//! Who calls: how many connections each address has opened since the watch began, and how many
//! requests it has sent over those that were there.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use crate::diag::{Connection, Peer};

/// So many addresses are told apart; the calls of any more are counted as one's, `0.0.0.0`.
const MOST: usize = 32;
/// The kernel tells soon that a connection is gone. One that it has not told of by then is forgotten.
const REMEMBERED: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Callers {
    calls: BTreeMap<Peer, Calls>,
    /// The connections that were counted, and when each was last seen.
    counted: HashMap<u64, Option<Instant>>,
    has_begun: bool,
}

#[derive(Default)]
struct Calls {
    opened: u64,
    requests: u64,
}

impl Callers {
    /// Takes in the connections as they are now. Those that are there at first were opened before.
    pub(crate) fn sample(&mut self, connections: &[Connection]) {
        let now = Instant::now();
        self.counted
            .retain(|_, seen| seen.is_none_or(|seen| seen.elapsed() < REMEMBERED));
        for connection in connections {
            let is_new = self.counted.insert(connection.cookie, Some(now)).is_none();
            if is_new && self.has_begun {
                self.of(connection.peer).opened += 1;
            }
        }
        self.has_begun = true;
    }

    /// A connection has gone. Many come and go between two samples.
    pub(crate) fn gone(&mut self, connection: &Connection) {
        if self.counted.remove(&connection.cookie).is_none() && self.has_begun {
            self.of(connection.peer).opened += 1;
        }
    }

    /// A request over a connection that was there.
    pub(crate) fn asks_again(&mut self, peer: Peer) {
        self.of(peer).requests += 1;
    }

    fn of(&mut self, peer: Peer) -> &mut Calls {
        let is_known = self.calls.contains_key(&peer) || self.calls.len() < MOST;
        self.calls
            .entry(if is_known { peer } else { Peer::default() })
            .or_default()
    }

    pub(crate) fn to_json(&self) -> String {
        let calls = self.calls.iter();
        let objects: Vec<_> = calls
            .map(|(Peer(address), Calls { opened, requests })| {
                format!(r#"{{"address":"{address}","opened":{opened},"requests":{requests}}}"#)
            })
            .collect();
        format!("[{}]", objects.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(cookie: u64, last: u8) -> Connection {
        Connection {
            cookie,
            peer: Peer([10, 0, 0, last].into()),
            ..Connection::default()
        }
    }

    #[test]
    fn each_connection_counts_once_whoever_tells_of_it() {
        let mut callers = Callers::default();
        callers.sample(&[connection(1, 1)]);
        callers.sample(&[connection(1, 1), connection(2, 1), connection(3, 2)]);
        callers.gone(&connection(2, 1));
        callers.sample(&[connection(1, 1), connection(3, 2)]);
        // Between two samples.
        callers.gone(&connection(4, 1));
        callers.gone(&connection(1, 1));
        assert_eq!(
            callers.to_json(),
            r#"[{"address":"10.0.0.1","opened":2,"requests":0},{"address":"10.0.0.2","opened":1,"requests":0}]"#
        );
    }

    #[test]
    fn the_list_is_bounded() {
        let mut callers = Callers::default();
        callers.sample(&[]);
        for last in 0..=255 {
            callers.gone(&connection(u64::from(last), last));
        }
        assert_eq!(callers.calls.len(), MOST + 1);
        assert!(
            callers
                .to_json()
                .contains(r#"{"address":"0.0.0.0","opened":224"#)
        );
    }
}
