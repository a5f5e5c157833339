//! Limits as they are typed.

use teal_engine::{
    Error,
    model::{Level, LimitError, LimitsChange, Readiness, Verdict, VerdictCode},
};

use crate::{cli::LimitWords, failure::Failure};

pub(super) fn change(words: &LimitWords) -> Result<LimitsChange, Failure> {
    let cpus = words.cpus.as_deref().map(str::parse).transpose();
    let memory = words.memory.as_deref().map(str::parse).transpose();
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
