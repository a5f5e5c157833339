//! `teal ready`: takes what is in the way of a service's rollouts out of it.

use teal_engine::model::{ChangeKind, HealthTest, Level, Place, ReadyRequest};

use super::{Outcome, connect, keep};
use crate::{
    cli::{Global, Ready},
    display::{files, verdict},
    screen::{Screen, notices},
};

pub(super) async fn run(global: &Global, ready: &Ready, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    if ready.files.undo {
        return keep::undo(&engine, global, &ready.service, ChangeKind::Ready, screen).await;
    }
    let request = ReadyRequest {
        source: keep::source(global, &ready.files)?,
        service: ready.service.clone(),
        place: ready.files.place(),
        fixes: None,
        health: ready.health.as_deref().map(health),
        edge_image: ready.edge_image.clone(),
    };
    let plan = engine.make_ready(&request).await?;
    notices(&plan.notices);
    if !screen.is_json {
        screen.line(&files::ready(&plan, screen.theme));
    }
    let applied = match ready.files.dry_run || plan.files.is_empty() {
        true => plan,
        false => engine.apply_ready(&request, &plan.id).await?,
    };
    if screen.is_json {
        screen.json(&applied);
    } else {
        for found in &applied.verdicts_after {
            screen.line(&verdict(found, screen.theme));
        }
        if !ready.files.dry_run && !applied.files.is_empty() {
            if request.place == Place::Beside {
                screen.line(&files::naming_hint(&applied.source_after));
            }
            screen.line(&files::undo_hint("ready", &ready.service));
        }
    }
    let still = |level| level != Level::Warning;
    let verdicts = &applied.verdicts_after;
    Ok(u8::from(verdicts.iter().any(|found| still(found.level))))
}

/// `http:8080/health` and `tcp:8080` are asked by Teal; anything else is a command for the shell.
fn health(text: &str) -> HealthTest {
    HealthTest::from_label(text).unwrap_or_else(|| HealthTest::Command {
        test: vec!["CMD-SHELL".to_owned(), text.to_owned()],
    })
}
