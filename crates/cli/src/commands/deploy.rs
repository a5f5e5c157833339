//! `teal deploy`

use teal_engine::{
    Error,
    model::{
        Level, LimitError, LimitsChange, Origin, Readiness, RolloutRequest, Verdict, VerdictCode,
    },
};

use super::{Outcome, connect, rollout};
use crate::{
    cli::{Deploy, Global},
    failure::Failure,
    screen::Screen,
};

pub(super) async fn run(global: &Global, deploy: &Deploy, screen: &mut Screen) -> Outcome {
    let request = RolloutRequest {
        source: global.source(),
        service: deploy.service.clone(),
        change: change(deploy)?,
        options: deploy.how.options(),
        origin: Origin::Terminal,
        to_revision: None,
        limits_from_file: false,
        recreate: false,
    };
    let engine = connect().await?;
    rollout::run(&engine, request, deploy.how.dry_run, screen).await
}

fn change(deploy: &Deploy) -> Result<LimitsChange, Failure> {
    let cpus = deploy.cpus.as_deref().map(str::parse).transpose();
    let memory = deploy.memory.as_deref().map(str::parse).transpose();
    Ok(LimitsChange {
        cpus: cpus.map_err(refused)?,
        memory: memory.map_err(refused)?,
    })
}

/// A limit that can't be read is refused like one that can't be had.
#[expect(clippy::needless_pass_by_value, reason = "fits `map_err`")]
fn refused(error: LimitError) -> Failure {
    let remedy = match &error {
        LimitError::NoCpus(_) => "such as `--cpus 1.5`",
        LimitError::TooFewCpus(_) => "such as `--cpus 0.25`",
        LimitError::NoMemory(_) => "such as `--memory 768M`",
        LimitError::TooLittleMemory(_) => "such as `--memory 64M`",
    };
    let verdict = Verdict {
        level: Level::Refused,
        code: VerdictCode::BadLimit,
        readiness: Readiness::Ready,
        reason: error.to_string(),
        meaning: String::new(),
        remedy: remedy.to_owned(),
        fix: None,
    };
    Failure::Engine(Error::Refused {
        verdicts: vec![verdict],
        plan: None,
    })
}
