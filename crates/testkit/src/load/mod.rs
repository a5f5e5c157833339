//! A load of all kinds of requests at once, bounded in count and time, that tells one way of
//! failing from another.
//!
//! [`Traffic`](crate::Traffic) keeps every answer of one kind of request; this keeps figures, so
//! that it can run for long, and holds long requests open too.

mod failure;
mod http;
mod ledger;
mod report;
mod socket;
mod worker;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use hyper::Uri;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use failure::{Cause, LoadFailure};
pub use report::{LoadReport, Seen, Tally};

use crate::background::Background;
use ledger::Ledger;
use worker::Worker;

/// What a request is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A short one on a connection that stays for the next.
    KeepAlive,
    /// A short one on a connection of its own.
    NewConnection,
    /// One whose answer begins late.
    Slow,
    /// One whose answer comes in chunks, one a second.
    Stream,
    /// A WebSocket that gets a message back each second and is closed by us. What counts as its
    /// latency is that of each message.
    WebSocket,
}

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::KeepAlive,
        Self::NewConnection,
        Self::Slow,
        Self::Stream,
        Self::WebSocket,
    ];
}

/// All requests of one kind: so many at once, each as soon as the one before has ended, or at a
/// rate.
#[derive(Debug, Clone, Copy)]
struct Share {
    kind: Kind,
    workers: u32,
    /// From the start of one request of a worker to that of its next.
    every: Option<Duration>,
    /// How long a request takes by itself.
    length: Duration,
}

impl Share {
    fn short(kind: Kind, workers: u32, every: Duration) -> Self {
        Self {
            kind,
            workers,
            every: Some(every),
            length: Duration::ZERO,
        }
    }

    fn long(kind: Kind, workers: u32, length: Duration) -> Self {
        Self {
            kind,
            workers,
            every: None,
            length,
        }
    }
}

/// Where it goes.
#[derive(Debug, Clone)]
struct Target {
    address: SocketAddr,
    host: String,
}

/// A mixed load, to be started.
#[derive(Debug, Clone)]
pub struct Load {
    target: Target,
    shares: [Share; 5],
    at_most: Duration,
    at_most_requests: u64,
}

impl Load {
    /// 550 short requests a second, 100 of them on new connections; besides, always six
    /// requests of 3 s, six streams and six WebSocket connections of 12 s. It ends by itself
    /// after ten minutes.
    ///
    /// # Panics
    /// `url` is no `http://127.0.0.1:…` address: load is for this machine alone.
    pub fn to(url: &str) -> Self {
        let long = Duration::from_secs(12);
        Self {
            target: Target::at(url),
            shares: [
                Share::short(Kind::KeepAlive, 9, Duration::from_millis(20)),
                Share::short(Kind::NewConnection, 5, Duration::from_millis(50)),
                Share::long(Kind::Slow, 6, Duration::from_secs(3)),
                Share::long(Kind::Stream, 6, long),
                Share::long(Kind::WebSocket, 6, long),
            ],
            at_most: Duration::from_secs(600),
            at_most_requests: 2_000_000,
        }
    }

    /// 100 short requests a second, and long ones of 1 s and 4 s, for a test beside others.
    #[must_use]
    pub fn small(mut self) -> Self {
        let long = Duration::from_secs(4);
        self.shares = [
            Share::short(Kind::KeepAlive, 2, Duration::from_millis(40)),
            Share::short(Kind::NewConnection, 2, Duration::from_millis(40)),
            Share::long(Kind::Slow, 2, Duration::from_secs(1)),
            Share::long(Kind::Stream, 2, long),
            Share::long(Kind::WebSocket, 2, long),
        ];
        self
    }

    /// Without streams and `WebSocket`s.
    #[must_use]
    pub fn answered_in_one_piece(mut self) -> Self {
        for share in &mut self.shares {
            if matches!(share.kind, Kind::Stream | Kind::WebSocket) {
                share.workers = 0;
            }
        }
        self
    }

    /// The `Host` header, for rules that ask for one.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.target.host);
        self
    }

    /// It ends by itself after this time.
    #[must_use]
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// It ends by itself after so many requests.
    #[must_use]
    pub fn at_most_requests(mut self, count: u64) -> Self {
        self.at_most_requests = count;
        self
    }

    /// Starts it, in a thread of its own so that nothing else slows it down. What it finds is
    /// kept under the name `window` until [`RunningLoad::mark`] says another.
    pub fn start(self, window: &str) -> RunningLoad {
        let ledger = Arc::new(Ledger::new(window));
        let work = Background::start({
            let ledger = ledger.clone();
            async move |stop| self.run(&stop, &ledger).await
        });
        RunningLoad { ledger, work }
    }

    /// Whether it ended at a bound of its own.
    async fn run(self, stop: &CancellationToken, ledger: &Arc<Ledger>) -> bool {
        let at_bound = CancellationToken::new();
        let mut workers = JoinSet::new();
        for share in self.shares {
            for number in 0..share.workers {
                let worker = Worker {
                    target: self.target.clone(),
                    share,
                    ledger: ledger.clone(),
                    stop: stop.clone(),
                    at_bound: at_bound.clone(),
                    at_most_requests: self.at_most_requests,
                };
                workers.spawn(worker.run(number));
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = at_bound.cancelled() => {}
            () = tokio::time::sleep(self.at_most) => at_bound.cancel(),
        }
        // Those in flight count too.
        while let Some(ended) = workers.join_next().await {
            ended.expect("no worker panics");
        }
        at_bound.is_cancelled()
    }
}

impl Target {
    fn at(url: &str) -> Self {
        let uri: Uri = url.parse().expect("an address");
        let host = uri.authority().expect("an address with a host").as_str();
        let address: SocketAddr = host.parse().expect("a numeric address with a port");
        assert!(
            address.ip().is_loopback(),
            "load goes to this machine alone"
        );
        Self {
            address,
            host: host.to_owned(),
        }
    }
}

/// A load that runs. Dropping it stops it.
#[derive(Debug)]
pub struct RunningLoad {
    ledger: Arc<Ledger>,
    work: Background<bool>,
}

impl RunningLoad {
    /// What ends from now on is kept under this name.
    pub fn mark(&self, window: &str) {
        self.ledger.mark(window);
    }

    /// How many requests of each kind are in flight.
    pub fn in_flight(&self) -> BTreeMap<Kind, u64> {
        self.ledger.in_flight()
    }

    /// What it has come to, without the requests in flight.
    pub fn so_far(&self) -> LoadReport {
        self.ledger.report(self.work.has_ended())
    }

    /// Sends no more, waits for the requests in flight and reports.
    pub async fn stop(self) -> LoadReport {
        let ended_early = self.work.stop().await;
        self.ledger.report(ended_early)
    }
}
