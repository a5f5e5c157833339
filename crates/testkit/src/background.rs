//! Work in a thread with a runtime of its own, so that nothing else slows it down.

use std::thread::{self, JoinHandle};

use tokio_util::sync::{CancellationToken, DropGuard};

/// Work that runs until it ends by itself or is told to. Dropping this tells it.
#[derive(Debug)]
pub(crate) struct Background<T> {
    stop: DropGuard,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Background<T> {
    /// The work ends soon after its token is cancelled.
    pub(crate) fn start<F: Future<Output = T>>(
        work: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self {
        let stop = CancellationToken::new();
        let told = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built");
            runtime.block_on(work(told))
        });
        Self {
            stop: stop.drop_guard(),
            thread,
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Tells it to end and waits for that.
    pub(crate) async fn stop(self) -> T {
        drop(self.stop);
        tokio::task::spawn_blocking(|| self.thread.join())
            .await
            .expect("the waiting task ends")
            .expect("the work does not panic")
    }
}
