//! A bounded, steady stream of requests that forgets none.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Answer, Report, background::Background};

/// What the requests have come to.
#[derive(Debug, Default)]
struct Ledger {
    answers: Mutex<Vec<Answer>>,
    /// Answers whose headers have come and whose end has not.
    open: AtomicUsize,
}

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// The host of the container that answered, which every answer of `hello` carries.
pub(crate) const CONTAINER_HEADER: &str = "x-hello-id";

/// Requests to one address, to be started: by default one each 20 ms, each on a new connection,
/// for at most five minutes.
#[derive(Debug, Clone)]
pub struct Traffic {
    url: String,
    host: Option<String>,
    header: Option<(String, String)>,
    every: Duration,
    timeout: Duration,
    at_most: Duration,
    in_flight: usize,
    keep_alive: bool,
}

impl Traffic {
    /// `url` is an `http://127.0.0.1:…` address.
    pub fn to(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            host: None,
            header: None,
            every: Duration::from_millis(20),
            timeout: Duration::from_secs(30),
            at_most: Duration::from_secs(300),
            in_flight: 64,
            keep_alive: false,
        }
    }

    /// Another path at the same address: `/slow?ms=3000`.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        let origin: Vec<&str> = self.url.splitn(4, '/').take(3).collect();
        self.url = origin.join("/") + path;
        self
    }

    /// The `Host` header, for rules that ask for one.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// A further header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.header = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// The time from one request to the next.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// How long one answer may take in all.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// It ends by itself after this time.
    #[must_use]
    pub fn at_most(mut self, at_most: Duration) -> Self {
        self.at_most = at_most;
        self
    }

    /// Requests share connections, as browsers' and proxies' do.
    #[must_use]
    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = true;
        self
    }

    /// Sends one request.
    pub async fn once(&self) -> Answer {
        self.request(&self.client(), &AtomicUsize::new(0)).await
    }

    /// Starts it, in a thread of its own so that the test can't slow it down.
    pub fn start(self) -> RunningTraffic {
        let ledger = Arc::new(Ledger::default());
        let work = Background::start({
            let ledger = ledger.clone();
            async move |stop| self.run(&stop, &ledger).await
        });
        RunningTraffic { ledger, work }
    }

    /// Whether it ended at its own bound.
    async fn run(self, stop: &CancellationToken, ledger: &Arc<Ledger>) -> bool {
        let client = self.client();
        let mut requests = JoinSet::new();
        let free = Arc::new(Semaphore::new(self.in_flight));
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let at_bound = tokio::time::sleep(self.at_most);
        tokio::pin!(at_bound);
        let traffic = Arc::new(self);
        let ended_early = loop {
            let permit = tokio::select! {
                () = stop.cancelled() => break false,
                () = &mut at_bound => break true,
                permit = async {
                    ticks.tick().await;
                    free.clone().acquire_owned().await
                } => permit,
            };
            let (traffic, client, ledger) = (traffic.clone(), client.clone(), ledger.clone());
            requests.spawn(async move {
                let answer = traffic.request(&client, &ledger.open).await;
                drop(permit);
                lock(&ledger.answers).push(answer);
            });
            while requests.try_join_next().is_some() {}
        };
        // Those in flight count too.
        while requests.join_next().await.is_some() {}
        ended_early
    }

    fn client(&self) -> HttpClient {
        Client::builder(TokioExecutor::new())
            // A request that failed has failed: none is sent twice in silence.
            .retry_canceled_requests(false)
            .pool_max_idle_per_host(if self.keep_alive { usize::MAX } else { 0 })
            .build_http()
    }

    async fn request(&self, client: &HttpClient, open: &AtomicUsize) -> Answer {
        let at = Instant::now();
        let mut container = None;
        let result = match timeout(self.timeout, self.exchange(client, open, &mut container)).await
        {
            Ok(result) => result.map_err(|error| error_chain(&*error)),
            Err(_) => Err(format!("no complete answer within {:?}", self.timeout)),
        };
        Answer {
            at,
            took: at.elapsed(),
            container,
            result,
        }
    }

    async fn exchange(
        &self,
        client: &HttpClient,
        open: &AtomicUsize,
        container: &mut Option<String>,
    ) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::get(&self.url);
        if let Some(host) = &self.host {
            request = request.header(header::HOST, host);
        }
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        let response = client.request(request.body(Empty::new())?).await?;
        *container = response
            .headers()
            .get(CONTAINER_HEADER)
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let status = response.status().as_u16();
        open.fetch_add(1, Ordering::SeqCst);
        let body = response.into_body().collect().await;
        open.fetch_sub(1, Ordering::SeqCst);
        // A body that is cut off is a failure, whatever the status.
        body?;
        Ok(status)
    }
}

/// Traffic that runs. Dropping it stops it.
#[derive(Debug)]
pub struct RunningTraffic {
    ledger: Arc<Ledger>,
    work: Background<bool>,
}

impl RunningTraffic {
    /// The answers so far, without the requests in flight.
    pub fn so_far(&self) -> Report {
        Report {
            answers: in_order(lock(&self.ledger.answers).clone()),
            ended_early: false,
        }
    }

    /// How many answers have begun and go on: streams, mostly.
    pub fn open(&self) -> usize {
        self.ledger.open.load(Ordering::SeqCst)
    }

    /// Sends no more, waits for the requests in flight and reports.
    pub async fn stop(self) -> Report {
        let ended_early = self.work.stop().await;
        Report {
            answers: in_order(std::mem::take(&mut lock(&self.ledger.answers))),
            ended_early,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_order(mut answers: Vec<Answer>) -> Vec<Answer> {
    answers.sort_by_key(|answer| answer.at);
    answers
}

pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_replaces_the_path() {
        let traffic = Traffic::to("http://127.0.0.1:80/a/b").path("/slow?ms=1");
        assert_eq!(traffic.url, "http://127.0.0.1:80/slow?ms=1");
    }

    #[tokio::test]
    async fn a_refused_connection_is_a_failed_request() {
        let port = crate::ports::Port::lease();
        let url = format!("http://127.0.0.1:{}/", port.number);
        let traffic = Traffic::to(&url).start();
        crate::eventually("a request", Duration::from_secs(5), async || {
            (traffic.so_far().total() > 0).then_some(())
        })
        .await;
        let report = traffic.stop().await;
        assert_eq!(report.failed().count(), report.total());
        assert!(
            report.to_string().contains("Connection refused"),
            "{report}"
        );
    }

    #[tokio::test]
    async fn traffic_that_ends_by_itself_does_not_pass_for_success() {
        let answer = Answer {
            at: Instant::now(),
            took: Duration::ZERO,
            container: None,
            result: Ok(200),
        };
        let report = Report {
            answers: vec![answer],
            ended_early: true,
        };
        assert!(std::panic::catch_unwind(|| report.assert_none_failed()).is_err());
    }
}
