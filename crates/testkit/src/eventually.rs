//! Waiting for what can't be waited for by an event.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(50);

/// Calls `check` until it gives a value. `what` is the claim that is waited for, for the message.
///
/// # Panics
/// It gave none within `timeout`.
pub async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(begin.elapsed() < timeout, "not within {timeout:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
