//! Streams that the page follows until it says otherwise.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tauri::async_runtime::{self, JoinHandle};

/// The tasks that feed the page's channels, by the number the page knows them by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscriptions {
    last: Arc<AtomicU32>,
    tasks: Arc<Mutex<HashMap<u32, JoinHandle<()>>>>,
}

impl Subscriptions {
    /// Runs `feed` until it ends by itself or is ended.
    pub(crate) fn start(&self, feed: impl Future<Output = ()> + Send + 'static) -> u32 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let own = self.clone();
        // Held while the task starts: one that is over at once finds itself in the map.
        let mut tasks = self.tasks();
        let task = async_runtime::spawn(async move {
            feed.await;
            own.tasks().remove(&id);
        });
        tasks.insert(id, task);
        id
    }

    /// Ends one. One that has ended already is not an error: both sides may end it.
    pub(crate) fn end(&self, id: u32) {
        if let Some(task) = self.tasks().remove(&id) {
            task.abort();
        }
    }

    /// Ends all: the page that followed them is gone.
    pub(crate) fn end_all(&self) {
        for (_, task) in self.tasks().drain() {
            task.abort();
        }
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<u32, JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn one_that_is_over_is_forgotten() {
        let subscriptions = Subscriptions::default();
        let id = subscriptions.start(async {});
        let task = subscriptions.tasks().remove(&id);
        if let Some(task) = task {
            async_runtime::block_on(task).unwrap();
        }
        assert!(subscriptions.tasks().is_empty());
    }

    #[test]
    fn one_that_is_ended_stops() {
        let subscriptions = Subscriptions::default();
        let (sender, receiver) = oneshot::channel::<()>();
        let id = subscriptions.start(async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        subscriptions.end(id);
        subscriptions.end(id);
        assert!(async_runtime::block_on(receiver).is_err());
    }
}
