//! Work on several containers, spread over time.

use std::{future::Future, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::time::timeout;

/// What an engine needs to start, stop or remove a container, with some to spare.
const APART: Duration = Duration::from_millis(500);

/// Does these one after the other, and does not wait for one that takes long: a container may use
/// its whole grace period. An engine that starts or ends several containers at the same moment takes
/// the processors from the requests that go on meanwhile. What comes back is in the order of `works`.
pub(crate) async fn one_by_one<W: Future>(works: Vec<W>) -> Vec<W::Output> {
    let mut running = FuturesUnordered::new();
    let mut done = Vec::new();
    for (number, work) in works.into_iter().enumerate() {
        running.push(async move { (number, work.await) });
        done.extend(timeout(APART, running.next()).await.ok().flatten());
    }
    done.extend(running.collect::<Vec<_>>().await);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn each_waits_for_the_one_before_it_but_not_for_long() {
        let said = Mutex::new(Vec::new());
        let say = |what| said.lock().unwrap().push(what);
        let last_ends = Notify::new();
        let work = |number| {
            let (say, last_ends) = (&say, &last_ends);
            async move {
                match number {
                    0 => {
                        say("quick begins");
                        tokio::task::yield_now().await;
                        say("quick ends");
                    }
                    1 => {
                        say("slow begins");
                        last_ends.notified().await;
                        say("slow ends");
                    }
                    _ => {
                        say("last");
                        last_ends.notify_one();
                    }
                }
                number
            }
        };
        assert_eq!(one_by_one((0..3).map(work).collect()).await, [0, 1, 2]);
        let order = [
            "quick begins",
            "quick ends",
            "slow begins",
            "last",
            "slow ends",
        ];
        assert_eq!(said.into_inner().unwrap(), order);
    }
}
