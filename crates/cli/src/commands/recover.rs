//! `teal recover`: back to Blue after a rollout was cut off, or left as it was.

use super::{Outcome, connect, rollout};
use crate::{cli::Global, screen::Screen};

pub(super) async fn run(global: &Global, service: &str, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    rollout::recover(&engine, &global.source(), service, screen).await
}
