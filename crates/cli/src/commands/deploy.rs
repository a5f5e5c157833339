//! `teal deploy`

use teal_engine::model::{Origin, RolloutRequest};

use super::{Outcome, connect, limits, rollout};
use crate::{
    cli::{Deploy, Global},
    screen::Screen,
};

pub(super) async fn run(global: &Global, deploy: &Deploy, screen: &mut Screen) -> Outcome {
    let request = RolloutRequest {
        source: global.source(),
        service: deploy.service.clone(),
        change: limits::change(&deploy.limits)?,
        options: deploy.how.options(),
        origin: Origin::Terminal,
        to_revision: None,
        limits_from_file: deploy.limits_from_file,
        recreate: deploy.recreate,
    };
    let engine = connect().await?;
    rollout::run(&engine, request, &deploy.how.start, screen).await
}
