//! `teal rollback`: a rollout to the limits of an earlier revision.

use teal_engine::model::Origin;

use super::{Outcome, connect, rollout};
use crate::{
    cli::{Global, Rollback},
    screen::Screen,
};

pub(super) async fn run(global: &Global, rollback: &Rollback, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let request = engine
        .rollback_request(
            &global.source(),
            &rollback.service,
            rollback.to,
            rollback.how.options(),
            Origin::Terminal,
        )
        .await?;
    rollout::run(&engine, request, &rollback.how.start, screen).await
}
