//! How a verdict is put together.

use crate::model::{Fix, Level, Readiness, Verdict, VerdictCode};

/// The rollout is refused until this is out of the way.
pub(crate) fn refused(code: VerdictCode, reason: impl Into<String>) -> Verdict {
    verdict(Level::Refused, Readiness::ReadyAfterFix, code, reason)
}

/// The rollout is refused unless somebody knows better.
pub(crate) fn needs_force(code: VerdictCode, reason: impl Into<String>) -> Verdict {
    verdict(Level::NeedsForce, Readiness::ReadyAfterFix, code, reason)
}

/// The rollout goes on.
pub(crate) fn warning(code: VerdictCode, reason: impl Into<String>) -> Verdict {
    verdict(Level::Warning, Readiness::Ready, code, reason)
}

fn verdict(
    level: Level,
    readiness: Readiness,
    code: VerdictCode,
    reason: impl Into<String>,
) -> Verdict {
    Verdict {
        level,
        code,
        readiness,
        reason: reason.into(),
        meaning: String::new(),
        remedy: String::new(),
        fix: None,
    }
}

impl Verdict {
    /// What follows from it.
    pub(crate) fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = meaning.into();
        self
    }

    /// What a person can do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What Teal can do about it.
    pub(crate) fn fixed_by(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// It is the service's nature: nothing makes it ready.
    pub(crate) fn for_good(mut self) -> Self {
        self.readiness = Readiness::NotForBlueGreen;
        self
    }
}

/// Names as they are read in a sentence.
pub(super) fn list(words: &[impl AsRef<str>]) -> String {
    let words = words.iter().map(|word| format!("`{}`", word.as_ref()));
    words.collect::<Vec<_>>().join(", ")
}
