//! `teal projects`

use teal_engine::model::ProjectSummary;

use super::{Outcome, connect};
use crate::{display::table, screen::Screen, text::harmless};

pub(super) async fn run(screen: &mut Screen) -> Outcome {
    let projects = connect().await?.projects().await?;
    if screen.is_json {
        screen.json(&projects);
    } else if projects.is_empty() {
        screen.line("no Compose project on this engine; `teal sample up` starts one");
    } else {
        screen.line(&table(
            &["NAME", "RUNNING", "STATE", "FILES"],
            projects.iter().map(row),
        ));
    }
    Ok(0)
}

fn row(project: &ProjectSummary) -> Vec<String> {
    let files: Vec<_> = project
        .source
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    vec![
        harmless(&project.name).into_owned(),
        // Jobs that have done their work need not run.
        format!(
            "{}/{}",
            project.running,
            project.total.saturating_sub(project.completed)
        ),
        state(project).to_owned(),
        harmless(&files.join(", ")).into_owned(),
    ]
}

fn state(project: &ProjectSummary) -> &'static str {
    if !project.files_exist {
        "files missing"
    } else if project.unhealthy {
        "unhealthy"
    } else if project.running == 0 {
        "stopped"
    } else {
        "running"
    }
}
