//! `teal give-back`: host ports go back from Teal's edge to the service that had them.

use super::{Outcome, connect};
use crate::{cli::Global, duration, screen::Screen, text::harmless};

pub(super) async fn run(global: &Global, service: &str, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let given = engine.give_back(&global.source(), service).await?;
    if screen.is_json {
        screen.json(&given);
        return Ok(0);
    }
    screen.line(&format!(
        "`{}` has its own host ports again, after {}",
        harmless(&given.service),
        duration::taken(given.elapsed_ms)
    ));
    for file in &given.files {
        let file = file.display().to_string();
        screen.line(&format!("  {} is as it was before", harmless(&file)));
    }
    Ok(0)
}
