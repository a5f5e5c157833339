//! What stands in the way of a rollout.

use teal_engine::model::{Fix, Level, Readiness, Verdict};

use crate::{
    text::harmless,
    theme::{Theme, paint},
};

/// A verdict and its remedy, on two lines.
pub(crate) fn verdict(verdict: &Verdict, theme: Theme) -> String {
    let (style, word) = match verdict.level {
        Level::Warning => (theme.warning, "warning:"),
        Level::NeedsForce => (theme.failure, "needs --force:"),
        Level::Refused => (theme.failure, "refused:"),
    };
    format!(
        "{} {}\n  {} {}",
        paint(style, word),
        harmless(&verdict.reason),
        paint(theme.hint, "hint:"),
        harmless(&verdict.remedy)
    )
}

/// A service's name, what its verdicts come to, and each of them in full.
pub(crate) fn diagnosis(
    service: &str,
    readiness: Readiness,
    verdicts: &[Verdict],
    theme: Theme,
) -> String {
    let (style, word) = match readiness {
        Readiness::Ready => (theme.success, "ready"),
        Readiness::ReadyAfterFix => (theme.warning, "ready after a fix"),
        Readiness::NotForBlueGreen => (theme.failure, "not for blue/green"),
    };
    let mut lines = vec![format!(
        "{}: {}",
        paint(theme.strong, harmless(service)),
        paint(style, word)
    )];
    for verdict in verdicts {
        lines.push(format!(
            "  {} {}",
            paint(theme.strong, mark(verdict)),
            harmless(&verdict.reason)
        ));
        if !verdict.meaning.is_empty() {
            lines.push(format!("    {}", harmless(&verdict.meaning)));
        }
        lines.push(format!(
            "    {} {}",
            paint(theme.hint, "hint:"),
            harmless(&verdict.remedy)
        ));
        if let Some(fix) = &verdict.fix {
            let text = format!("Teal can {}", deed(fix));
            lines.push(format!(
                "    {} {}",
                paint(theme.hint, "fix:"),
                harmless(&text)
            ));
        }
    }
    lines.join("\n")
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict.readiness {
        Readiness::Ready => "!",
        Readiness::ReadyAfterFix => "~",
        Readiness::NotForBlueGreen => "x",
    }
}

fn deed(fix: &Fix) -> String {
    match fix {
        Fix::AddHealthCheck => "propose a health check and add it".to_owned(),
        Fix::RemoveContainerName { name } => {
            format!("remove the name and keep `{name}` as an alias, so that callers find it")
        }
        Fix::UseEdge { ports } => {
            let ports: Vec<_> = ports
                .iter()
                .map(|port| port.published.to_string())
                .collect();
            format!(
                "put its edge before the service, on port {}",
                ports.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use teal_engine::model::VerdictCode;

    use super::*;

    fn no_health_check() -> Verdict {
        Verdict {
            level: Level::NeedsForce,
            code: VerdictCode::NoHealthCheck,
            readiness: Readiness::ReadyAfterFix,
            reason: "`web` has no health check".into(),
            meaning: "nobody knows when it is up".into(),
            remedy: "add one".into(),
            fix: Some(Fix::AddHealthCheck),
        }
    }

    #[test]
    fn a_verdict_says_what_to_do() {
        assert_eq!(
            verdict(&no_health_check(), Theme::default()),
            "needs --force: `web` has no health check\n  hint: add one"
        );
    }

    #[test]
    fn a_diagnosis_says_all_that_is_known() {
        let verdicts = [no_health_check()];
        assert_eq!(
            diagnosis("web", Readiness::of(&verdicts), &verdicts, Theme::default()),
            "web: ready after a fix\n  ~ `web` has no health check\n    nobody knows when it is up\n    \
             hint: add one\n    fix: Teal can propose a health check and add it"
        );
        assert_eq!(
            diagnosis("web", Readiness::Ready, &[], Theme::default()),
            "web: ready"
        );
    }
}
