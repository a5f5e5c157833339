//! What stands in the way of a rollout.

use teal_engine::model::{Fix, Level, Project, Readiness, Service, Verdict, VerdictCode};

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

/// What is in the way of each service in full, under what is said of all of them.
pub(crate) fn diagnoses(services: &[Service], of_all: Option<&str>, theme: Theme) -> String {
    let each = services.iter().map(|service| {
        let is_known =
            |verdict: &&Verdict| of_all.is_none() || verdict.code != VerdictCode::NotRunning;
        let verdicts: Vec<_> = service.verdicts.iter().filter(is_known).collect();
        diagnosis(service, &verdicts, theme)
    });
    let parts: Vec<_> = of_all
        .map(|text| harmless(text).into_owned())
        .into_iter()
        .chain(each)
        .collect();
    parts.join("\n\n")
}

/// That a project has no container at all, which is said once for all of its services.
pub(crate) fn nothing_runs(project: &Project) -> Option<String> {
    let services = &project.services;
    let is_stopped = !services.is_empty() && services.iter().all(|it| it.replicas.is_empty());
    is_stopped.then(|| {
        format!(
            "Nothing of project `{}` runs: start it with `docker compose up -d`. Its files and images say this much:",
            project.name
        )
    })
}

/// Whether nothing is in the way of any service. One of a profile that is off counts where it has
/// containers nevertheless.
pub(crate) fn all_ready(services: &[Service]) -> bool {
    let mut counted = services
        .iter()
        .filter(|service| service.off_profiles.is_empty() || !service.replicas.is_empty());
    counted.all(is_ready)
}

/// Whether nothing is in its way.
pub(crate) fn is_ready(service: &Service) -> bool {
    service.readiness == Readiness::Ready
}

/// A service's name, what its verdicts come to, and each of them in full.
fn diagnosis(service: &Service, verdicts: &[&Verdict], theme: Theme) -> String {
    let name = harmless(&service.name);
    let once_started = service.readiness_once_started();
    let (style, word) = match once_started.unwrap_or(service.readiness) {
        Readiness::Ready => (theme.success, "ready"),
        Readiness::ReadyAfterFix => (theme.warning, "ready after a fix"),
        Readiness::NotForBlueGreen => (theme.failure, "not for blue/green"),
    };
    let mut word = word.to_owned();
    if once_started.is_some_and(|readiness| readiness != Readiness::NotForBlueGreen) {
        word.push_str(", once it runs");
    }
    if !service.off_profiles.is_empty() {
        let profiles = harmless(&service.off_profiles.join(", ")).into_owned();
        word = format!("{word} (profile {profiles} is off)");
    }
    let mut lines = vec![format!(
        "{}: {}",
        paint(theme.strong, name),
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
        // What is not for blue/green is not made ready by it.
        let is_worth_it = service.readiness != Readiness::NotForBlueGreen;
        if let Some(fix) = verdict.fix.as_ref().filter(|_| is_worth_it) {
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
    use super::*;
    use crate::display::testing::service;

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

    fn not_running() -> Verdict {
        Verdict {
            level: Level::Refused,
            code: VerdictCode::NotRunning,
            reason: "has no container".into(),
            meaning: String::new(),
            remedy: "start it".into(),
            fix: None,
            ..no_health_check()
        }
    }

    fn told(service: Service, of_all: Option<&str>) -> String {
        diagnoses(&[service], of_all, Theme::default())
    }

    #[test]
    fn a_diagnosis_says_all_that_is_known() {
        assert_eq!(
            told(service(&[no_health_check()], true), None),
            "web: ready after a fix\n  ~ `web` has no health check\n    nobody knows when it is up\n    \
             hint: add one\n    fix: Teal can propose a health check and add it"
        );
        assert_eq!(told(service(&[], true), None), "web: ready");
    }

    #[test]
    fn a_service_that_is_off_keeps_no_project_from_being_ready() {
        let off = |has_container| Service {
            off_profiles: vec!["debug".into()],
            ..service(&[not_running()], has_container)
        };
        assert!(all_ready(&[service(&[], true), off(false)]));
        assert!(!all_ready(&[service(&[], true), off(true)]));
        assert!(!all_ready(&[service(&[not_running()], false)]));
    }

    #[test]
    fn what_has_to_run_first_is_said_once() {
        assert_eq!(
            told(service(&[not_running()], false), None),
            "web: ready, once it runs\n  ~ has no container\n    hint: start it"
        );
        assert_eq!(
            told(
                service(&[not_running(), no_health_check()], false),
                Some("Nothing runs:")
            ),
            "Nothing runs:\n\nweb: ready after a fix, once it runs\n  ~ `web` has no health check\n    \
             nobody knows when it is up\n    hint: add one\n    \
             fix: Teal can propose a health check and add it"
        );
    }
}
