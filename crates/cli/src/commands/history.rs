//! `teal history`

use jiff::{Timestamp, tz::TimeZone};
use teal_engine::{
    Engine, Error,
    model::{Origin, ProjectSource, Revision},
};

use super::{Outcome, connect};
use crate::{
    cli::{Global, History},
    display::{in_short, table},
    duration,
    failure::Failure,
    screen::Screen,
    text::harmless,
};

pub(super) async fn run(global: &Global, history: &History, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let project = project_name(&engine, global).await?;
    let revisions = engine.history(project.as_deref(), history.service.as_deref())?;
    if screen.is_json {
        screen.json(&revisions);
    } else if revisions.is_empty() {
        screen.line("no rollout yet");
    } else {
        let zone = TimeZone::system();
        screen.line(&table(
            &[
                "SERVICE", "REVISION", "WHEN", "OUTCOME", "FROM", "TO", "TOOK", "PROBE", "BY",
            ],
            revisions.iter().map(|revision| row(revision, &zone)),
        ));
    }
    Ok(0)
}

/// The project that is meant: the one that is named, else the one whose files are here. History
/// outlives the files, so a name is enough, and without either it is that of all projects.
async fn project_name(engine: &Engine, global: &Global) -> Result<Option<String>, Failure> {
    let source = global.source();
    if source.files.is_empty() && source.project_name.is_some() {
        return Ok(source.project_name);
    }
    let is_here = source == ProjectSource::default();
    match engine.project(&source).await {
        Ok(project) => Ok(Some(project.name)),
        Err(Error::NoComposeFile { .. }) if is_here => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn row(revision: &Revision, zone: &TimeZone) -> Vec<String> {
    let outcome = revision
        .outcome
        .map_or("first seen", |outcome| outcome.state());
    let number = match revision.to_revision {
        Some(to) => format!("{} (as {to})", revision.revision),
        None => revision.revision.to_string(),
    };
    vec![
        harmless(&format!("{}/{}", revision.project, revision.service)).into_owned(),
        number,
        local(revision.started_at, zone),
        outcome.to_owned(),
        revision.limits_before.to_string(),
        revision.limits_after.to_string(),
        took(revision),
        revision
            .receipt
            .as_ref()
            .map_or_else(|| "-".to_owned(), in_short),
        by(revision.origin).to_owned(),
    ]
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

fn took(revision: &Revision) -> String {
    let taken = revision.ended_at.duration_since(revision.started_at);
    duration::taken(taken.as_millis().try_into().unwrap_or(0))
}

const fn by(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::Window) => "window",
        Some(Origin::Terminal) => "terminal",
        None => "-",
    }
}
