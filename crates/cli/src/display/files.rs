//! Changes of the project's own files: what they are for, and their difference.

use teal_engine::model::{FileChange, KeepPlan, ProjectSource, ReadyPlan};

use super::plan::shell_words;
use crate::{
    text::harmless,
    theme::{Theme, paint},
};

/// What makes a service ready.
pub(crate) fn ready(plan: &ReadyPlan, theme: Theme) -> String {
    let service = harmless(&plan.service);
    let mut lines = Vec::new();
    for fix in &plan.fixes {
        lines.push(format!("{service} {}", harmless(&fix.reason)));
        lines.push(format!(
            "  {} {}",
            paint(theme.green, "→"),
            harmless(&fix.change)
        ));
        lines.extend(fix.note.iter().map(|note| note_line(note, theme)));
    }
    if let Some(health) = plan.health.as_ref().filter(|health| !health.passed) {
        lines.push(format!(
            "no health check passes on {}: {}",
            harmless(&health.container),
            harmless(&health.output)
        ));
    }
    lines.extend(
        plan.first
            .as_ref()
            .map(|first| format!("{service} has to run first: {}", harmless(first))),
    );
    if plan.files.is_empty() && plan.first.is_none() {
        lines.push(match plan.verdicts_after.is_empty() {
            true => format!("nothing is in the way of {service}"),
            false => format!("Teal can't fix anything for {service} by changing its files:"),
        });
    }
    lines.extend(plan.files.iter().flat_map(|file| change(file, theme)));
    lines.join("\n")
}

/// What keeps a service's limits.
pub(crate) fn keep(plan: &KeepPlan, theme: Theme) -> String {
    let mut lines = vec![format!(
        "{} keeps {}",
        harmless(&plan.service),
        paint(theme.strong, plan.live.unwrap_or(plan.limits))
    )];
    if plan.files.is_empty() {
        lines.push("  the files say so already".to_owned());
    }
    lines.extend(plan.files.iter().flat_map(|file| change(file, theme)));
    if let Some(live) = plan.live {
        let text = format!(
            "{live} was set on the running containers: `docker compose up -d` leaves them as they are, and the files say what they were made with, {}. To have files with the new limits, roll them out (`teal deploy {}`) and keep them then",
            plan.limits, plan.service
        );
        lines.push(note_line(&text, theme));
    } else if plan.settled {
        lines.push("`docker compose up -d` then leaves its containers as they are".to_owned());
    } else {
        let text = "the next `docker compose up -d` makes new containers anyway: something else in the files, or the image, has changed since they were made";
        lines.push(note_line(text, theme));
    }
    lines.join("\n")
}

/// How an override that Compose does not look for is read: by paths that hold in every folder.
pub(crate) fn naming_hint(source: &ProjectSource) -> String {
    let files = source.files.iter();
    let words = files.flat_map(|file| ["-f".to_owned(), file.display().to_string()]);
    let words: Vec<_> = words.collect();
    format!(
        "Compose and Teal read it where it is named: {}, or at the end of `COMPOSE_FILE`",
        shell_words(&words)
    )
}

pub(crate) fn undo_hint(command: &str, service: &str) -> String {
    format!(
        "to put the files back: teal {command} {} --undo",
        harmless(service)
    )
}

fn note_line(note: &str, theme: Theme) -> String {
    format!("  {} {}", paint(theme.hint, "note:"), harmless(note))
}

/// A file and its difference.
fn change(file: &FileChange, theme: Theme) -> Vec<String> {
    let path = file.path.display().to_string();
    let what = match (&file.before, file.backup) {
        (None, _) => " (new)",
        (Some(_), true) => " (a copy is kept beside it)",
        (Some(_), false) => "",
    };
    let head = format!("{}{what}", paint(theme.strong, harmless(&path)));
    let lines = file.diff.lines().skip(2).map(|line| {
        let style = match line.as_bytes().first() {
            Some(b'+') => theme.green,
            Some(b'-') => theme.failure,
            _ => theme.dim,
        };
        format!("  {}", paint(style, harmless(line)))
    });
    std::iter::once(head).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_without_its_header() {
        let file = FileChange {
            path: "/srv/compose.override.yaml".into(),
            before: None,
            after: "services: {}\n".into(),
            diff: "--- /dev/null\n+++ b/compose.override.yaml\n@@ -0,0 +1 @@\n+services: {}\n"
                .into(),
            backup: false,
        };
        assert_eq!(
            change(&file, Theme::default()),
            [
                "/srv/compose.override.yaml (new)",
                "  @@ -0,0 +1 @@",
                "  +services: {}"
            ]
        );
    }

    #[test]
    fn files_are_named_so_that_the_names_can_be_pasted_anywhere() {
        let source = ProjectSource {
            files: vec![
                "/srv/shop/dev.yml".into(),
                "/srv/our shop/dev.teal.yml".into(),
            ],
            ..ProjectSource::default()
        };
        let hint = naming_hint(&source);
        assert!(
            hint.contains(" -f /srv/shop/dev.yml -f '/srv/our shop/dev.teal.yml', or"),
            "{hint}"
        );
    }
}
