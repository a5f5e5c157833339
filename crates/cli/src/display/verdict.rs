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

/// The same in the plan of a service, with what `teal ready` does about it.
pub(super) fn verdict_with_fix(found: &Verdict, service: &str, theme: Theme) -> String {
    let text = verdict(found, theme);
    match &found.fix {
        Some(fix) => format!("{text}\n  {}", how_to_fix(service, fix, theme)),
        None => text,
    }
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
            "No service of project `{}` is running: start it with `docker compose up -d`. From its files and images:",
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
        Readiness::ReadyAfterFix => (theme.warning, "needs changes"),
        Readiness::NotForBlueGreen => (theme.failure, "blue/green not supported"),
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
        // It alone makes no service ready that blue/green doesn't support.
        let is_worth_it = service.readiness != Readiness::NotForBlueGreen;
        if let Some(fix) = verdict.fix.as_ref().filter(|_| is_worth_it) {
            lines.push(format!("    {}", how_to_fix(&service.name, fix, theme)));
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

/// What `teal ready` does about a verdict.
fn how_to_fix(service: &str, fix: &Fix, theme: Theme) -> String {
    let text = format!("`teal ready {service}` {}", deed(fix));
    format!("{} {}", paint(theme.hint, "fix:"), harmless(&text))
}

fn deed(fix: &Fix) -> String {
    match fix {
        Fix::AddHealthCheck => "adds a health check".to_owned(),
        Fix::RemoveContainerName { name } => {
            format!("removes the name and keeps `{name}` as a network alias")
        }
        Fix::UseEdge { ports } => {
            let ports: Vec<_> = ports
                .iter()
                .map(|port| port.published.to_string())
                .collect();
            format!(
                "puts Teal's edge proxy in front of it, on port {}",
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
            "web: needs changes\n  ~ `web` has no health check\n    nobody knows when it is up\n    \
             hint: add one\n    fix: `teal ready web` adds a health check"
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
            "Nothing runs:\n\nweb: needs changes, once it runs\n  ~ `web` has no health check\n    \
             nobody knows when it is up\n    hint: add one\n    \
             fix: `teal ready web` adds a health check"
        );
    }
}
