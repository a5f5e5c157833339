//! `teal update`

use teal_engine::model::{LiveRequest, Origin, Plan};

use super::{Outcome, connect, limits};
use crate::{
    cli::{Global, Start, Update},
    display::{id, override_and_commands, verdict},
    screen::{Screen, notices},
    text::harmless,
    theme::paint,
};

pub(super) async fn run(global: &Global, update: &Update, screen: &mut Screen) -> Outcome {
    let request = LiveRequest {
        source: global.source(),
        service: update.service.clone(),
        change: limits::change(&update.limits)?,
        origin: Origin::Terminal,
        force: update.force,
    };
    let engine = connect().await?;
    let Start { dry_run, plan } = &update.start;
    let plan = match (dry_run, plan) {
        (true, _) => engine.plan_live(&request).await?,
        (false, Some(id)) => engine.update_live_reviewed(&request, id).await?,
        (false, None) => engine.update_live(&request).await?,
    };
    notices(&plan.notices);
    if screen.is_json {
        screen.json(&plan);
    } else if *dry_run {
        screen.line(&would(&plan, screen));
    } else {
        screen.line(&done(&plan, screen));
    }
    let refused = *dry_run && plan.refusals().next().is_some();
    Ok(u8::from(refused))
}

fn would(plan: &Plan, screen: &Screen) -> String {
    let theme = screen.theme;
    let mut lines = vec![headline(plan, screen), id(plan)];
    lines.push(format!("  {}", harmless(&plan.live_update.reason)));
    lines.push(String::new());
    lines.extend(override_and_commands(plan, "As if by", theme));
    lines.extend(plan.verdicts.iter().map(|found| verdict(found, theme)));
    lines.join("\n")
}

fn done(plan: &Plan, screen: &Screen) -> String {
    let mut lines = vec![headline(plan, screen)];
    lines.extend(
        plan.verdicts
            .iter()
            .map(|found| verdict(found, screen.theme)),
    );
    lines.push(format!(
        "Updated {} running containers, and {}; revision {}",
        plan.blue.len(),
        harmless(&plan.override_file.display().to_string()),
        plan.revision
    ));
    lines.push(
        "The next `docker compose up` with that file makes new containers with the same limits"
            .to_owned(),
    );
    lines.join("\n")
}

fn headline(plan: &Plan, screen: &Screen) -> String {
    let text = format!(
        "{}/{}: {} → {}, live",
        plan.project, plan.service, plan.limits_before, plan.limits_after
    );
    paint(screen.theme.strong, harmless(&text))
}
