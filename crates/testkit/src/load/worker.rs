//! One after another: what sends the requests of a kind.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    Kind, Share, Target,
    failure::Broken,
    http::Http,
    ledger::{Exchange, Ledger},
    socket,
};

/// What a request may take beyond its own length.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends one request at a time.
pub(super) struct Worker {
    pub(super) target: Target,
    pub(super) share: Share,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stop: CancellationToken,
    pub(super) at_bound: CancellationToken,
    pub(super) at_most_requests: u64,
}

impl Worker {
    /// Until it is stopped or a bound is reached. `number` is its own among those of its kind.
    pub(super) async fn run(self, number: u32) {
        let Share {
            workers,
            every,
            length,
            ..
        } = self.share;
        // Spread evenly, so that of the long ones one always is near its end.
        let round = every.unwrap_or(length);
        let mut due = Instant::now() + round * number / workers;
        let mut http = Http::new(self.target.clone());
        while self.waited_until(due).await {
            if !self.ledger.begin(self.share.kind, self.at_most_requests) {
                self.at_bound.cancel();
                return;
            }
            // A request that had to wait for the one before it has waited too: from when it was due.
            let late = every.is_some() && due.elapsed() > round;
            let sent = if late { due } else { Instant::now() };
            self.request(&mut http, sent).await;
            // A long one that broke off early does not make room for more of them.
            due = every.map_or_else(|| Instant::now().max(sent + length), |every| due + every);
        }
    }

    /// False once there is nothing more to send.
    async fn waited_until(&self, due: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = self.at_bound.cancelled() => false,
            () = tokio::time::sleep_until(due.into()) => true,
        }
    }

    async fn request(&self, http: &mut Http, sent: Instant) {
        let Share { kind, length, .. } = self.share;
        let mut container = None;
        let limit = length + PATIENCE;
        let exchange = async {
            match kind {
                Kind::WebSocket => {
                    socket::session(&self.target, length, &self.ledger, &mut container).await
                }
                _ => {
                    let request = http.exchange(kind, length, &mut container);
                    request.await.inspect(|()| {
                        self.ledger.answered_after(kind, sent.elapsed());
                    })
                }
            }
        };
        let broken = match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result.err(),
            Err(_) => Some(Broken::late(limit)),
        };
        if broken.is_some() {
            http.disconnect();
        }
        self.ledger.end(Exchange {
            kind,
            sent,
            container,
            broken,
        });
    }
}
