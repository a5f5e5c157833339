//! A plan, for `--dry-run`: what would happen and why.

use similar::TextDiff;
use teal_engine::model::{Difference, Plan, RolloutOptions, TrafficPlan};

use super::{receipt::promises, sentence, verdict::verdict_with_fix};
use crate::{
    text::harmless,
    theme::{Theme, paint},
};

/// The whole plan: limits, containers, traffic, differences, the override's diff, the commands.
pub(crate) fn plan(plan: &Plan, theme: Theme) -> String {
    let mut lines = vec![paint(theme.strong, sentence::headline(plan)), id(plan)];
    for replica in &plan.blue {
        lines.push(format!(
            "  {} {}, {}, {}",
            paint(theme.blue, "Blue"),
            harmless(&replica.name),
            sentence::word(&replica.state),
            replica.limits
        ));
    }
    if plan.green_size() != plan.blue.len() {
        let containers = match plan.green_size() {
            1 => "1 container".to_owned(),
            size => format!("{size} containers"),
        };
        lines.push(format!(
            "  {} gets {containers}",
            paint(theme.green, "Green")
        ));
    }
    if let Some(reason) = &plan.limits_reason {
        lines.push(format!("  Limits: {}", harmless(reason)));
    }
    lines.extend(health_wait(&plan.options));
    lines.push(live(plan));
    lines.push(String::new());
    lines.extend(traffic(plan, theme));
    if !plan.differences.is_empty() {
        lines.push(String::new());
        lines.push(paint(
            theme.strong,
            match &plan.restored_from {
                Some(_) => "Green also gets back what the revision ran with",
                None => "Green also differs, because files or image changed",
            },
        ));
        lines.extend(differences(plan));
    }
    lines.push(String::new());
    lines.extend(override_and_commands(plan, "Commands", theme));
    if !plan.verdicts.is_empty() {
        lines.push(String::new());
        let verdicts = plan.verdicts.iter();
        lines.extend(verdicts.map(|found| verdict_with_fix(found, &plan.service, theme)));
    }
    lines.join("\n")
}

/// A difference as it is read in a sentence.
pub(crate) fn told(difference: &Difference) -> String {
    let Difference {
        what,
        before,
        after,
    } = difference;
    match (what.as_str(), before.is_empty()) {
        ("other", true) => after.clone(),
        (_, true) => format!("{what} {after}"),
        _ => format!("{what} {before} → {after}"),
    }
}

/// How exactly this plan is started.
pub(crate) fn id(plan: &Plan) -> String {
    format!("  Plan {0}: `--plan {0}` deploys exactly this", plan.id)
}

/// What a rollout that starts without a look at its plan is about to do besides its headline.
pub(super) fn essentials(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("  Plan {}", plan.id)];
    lines.extend(differences(plan));
    if let TrafficPlan::Unsteered { reason } = &plan.traffic {
        lines.push(format!("  No traffic routing: {}", harmless(reason)));
    }
    lines
}

fn differences(plan: &Plan) -> impl Iterator<Item = String> {
    let told = plan.differences.iter().map(told);
    told.map(|told| format!("  {}", harmless(&told)))
}

/// How long Green may take to become healthy, where that is not what it always is.
fn health_wait(options: &RolloutOptions) -> Option<String> {
    let wait = options.health_timeout();
    let is_usual = wait == RolloutOptions::default().health_timeout();
    let seconds = wait.as_secs_f64().ceil();
    (!is_usual).then(|| format!("  Green may take up to {seconds} s to become healthy"))
}

/// Whether `teal update` would do as well.
fn live(plan: &Plan) -> String {
    let live = &plan.live_update;
    let word = match (live.possible, live.recommended) {
        (true, true) => "recommended",
        (true, false) => "possible, but not recommended",
        (false, _) => "not possible",
    };
    format!("  Live update: {word}: {}", harmless(&live.reason))
}

fn traffic(plan: &Plan, theme: Theme) -> Vec<String> {
    let mut lines = match &plan.traffic {
        TrafficPlan::Steered { traefik, routes } => {
            let mut lines = vec![format!(
                "{} through Traefik `{}`",
                paint(theme.strong, "Traffic"),
                harmless(traefik)
            )];
            for route in routes {
                let address = route.url.as_deref().unwrap_or("not reachable from here");
                lines.push(format!(
                    "  {} ({})",
                    harmless(&route.rule),
                    harmless(address)
                ));
            }
            lines.extend(steps(plan));
            lines
        }
        TrafficPlan::Unsteered { reason } => {
            vec![format!(
                "{} {}",
                paint(theme.strong, "No traffic routing:"),
                harmless(reason)
            )]
        }
    };
    lines.extend(promises(&plan.unpromised, &plan.bypass, theme));
    lines
}

/// How Green's share grows, and what watches it.
fn steps(plan: &Plan) -> Vec<String> {
    let options = &plan.options;
    let shares: Vec<_> = options
        .steps
        .iter()
        .map(|step| format!("{step} %"))
        .collect();
    let probe = &options.probe;
    let watched = if probe.enabled {
        let path = probe.path.as_deref().unwrap_or("a path that Blue answers");
        let expected = probe
            .expect_status
            .map_or_else(String::new, |status| format!(", expects {status}"));
        format!(
            "Live probe: {} requests/s to {}{expected}",
            probe.per_second,
            harmless(path)
        )
    } else {
        "Live probe: off".to_owned()
    };
    vec![
        format!("  Green gets {} of the traffic", shares.join(", then ")),
        format!("  {watched}"),
    ]
}

/// The override by its path and its diff, then the commands under a heading of their own.
pub(crate) fn override_and_commands(plan: &Plan, heading: &str, theme: Theme) -> Vec<String> {
    let path = plan.override_file.display().to_string();
    let mut lines = vec![paint(theme.strong, harmless(&path))];
    lines.extend(override_diff(plan, theme));
    lines.push(String::new());
    lines.push(paint(theme.strong, heading));
    for command in &plan.commands {
        lines.push(format!("  {}", shell_words(command)));
    }
    lines
}

/// What becomes of the override, line by line.
fn override_diff(plan: &Plan, theme: Theme) -> Vec<String> {
    let before = plan.override_before.as_deref().unwrap_or_default();
    if before == plan.override_after {
        return vec!["  unchanged".to_owned()];
    }
    let diff = TextDiff::from_lines(before, plan.override_after.as_str());
    let mut unified = diff.unified_diff();
    // It says nothing about Compose whether a line feed ends the last line.
    unified.missing_newline_hint(false);
    unified
        .to_string()
        .lines()
        .map(|line| {
            let style = match line.as_bytes().first() {
                Some(b'+') => theme.green,
                Some(b'-') => theme.failure,
                _ => theme.dim,
            };
            format!("  {}", paint(style, harmless(line)))
        })
        .collect()
}

/// A command as it can be pasted into a shell.
pub(crate) fn shell_words(command: &[String]) -> String {
    let words = command.iter().map(String::as_str);
    match shlex::try_join(words) {
        Ok(text) => harmless(&text).into_owned(),
        // Only a NUL can't be quoted, and no argument can hold one.
        Err(_) => command.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        let command = ["docker", "compose", "-f", "/my files/compose.yml", "up"].map(String::from);
        assert_eq!(
            shell_words(&command),
            "docker compose -f '/my files/compose.yml' up"
        );
    }

    #[test]
    fn a_wait_for_health_is_told_where_it_is_not_the_usual_one() {
        let usual = RolloutOptions::default();
        assert_eq!(health_wait(&usual), None);
        let longer = RolloutOptions {
            health_timeout_ms: Some(210_000),
            ..usual
        };
        let told = health_wait(&longer).unwrap();
        assert_eq!(told, "  Green may take up to 210 s to become healthy");
    }
}
