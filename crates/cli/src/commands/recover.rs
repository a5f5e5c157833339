//! `teal recover`: on to Green or back to Blue after a rollout was cut off, or left as it was.

use teal_engine::model::{Interrupted, Recovery};

use super::{Outcome, connect, rollout};
use crate::{
    cli::{Global, Recover},
    screen::Screen,
    text::harmless,
};

pub(super) async fn run(global: &Global, recover: &Recover, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let Some(service) = &recover.service else {
        let mut found = engine.interrupted().await?;
        if let Some(project) = &global.project_name {
            found.retain(|interrupted| interrupted.project == *project);
        }
        show(&found, screen);
        return Ok(0);
    };
    let way = match (recover.finish, recover.roll_back) {
        (true, _) => Some(Recovery::Finish),
        (_, true) => Some(Recovery::RollBack),
        _ => None,
    };
    rollout::recover(&engine, &global.source(), service, way, screen).await
}

fn show(found: &[Interrupted], screen: &mut Screen) {
    if screen.is_json {
        screen.json(&found);
        return;
    }
    if found.is_empty() {
        screen.line("No rollout is interrupted.");
    }
    for interrupted in found {
        screen.line(&description(interrupted));
    }
}

/// Where it stands, and the commands that settle it.
fn description(interrupted: &Interrupted) -> String {
    let (project, service) = (&interrupted.project, &interrupted.service);
    let served = match interrupted.green_percent {
        None => String::new(),
        Some(0) => ", Blue serves 100 %".to_owned(),
        Some(100) => ", Green serves 100 %".to_owned(),
        Some(green) => format!(", Blue serves {} % and Green {green} %", 100 - green),
    };
    let mut lines = vec![format!(
        "`{service}` of `{project}`: interrupted in {}{served}",
        interrupted.phase.title()
    )];
    lines.push(format!(
        "  on to Green with {}: teal -p {project} recover {service} --finish",
        interrupted.limits_after
    ));
    lines.push(match interrupted.can_roll_back {
        true => format!(
            "  back to Blue with {}: teal -p {project} recover {service} --roll-back",
            interrupted.limits_before
        ),
        false => "  Blue is not there any more".to_owned(),
    });
    harmless(&lines.join("\n")).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn interrupted(green_percent: Option<u8>, can_roll_back: bool) -> Interrupted {
        serde_json::from_value(json!({
            "rollout": "1",
            "project": "shop",
            "service": "web",
            "source": {},
            "startedAt": "2026-01-02T03:04:05Z",
            "phase": "removeBlue",
            "greenPercent": green_percent,
            "limitsBefore": { "cpus": null, "memory": 134_217_728 },
            "limitsAfter": { "cpus": null, "memory": 268_435_456 },
            "canRollBack": can_roll_back,
        }))
        .unwrap()
    }

    #[test]
    fn an_interrupted_rollout_is_told_with_both_ways_out() {
        let text = description(&interrupted(Some(100), true));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "`web` of `shop`: interrupted in Remove Blue, Green serves 100 %"
        );
        assert!(
            lines[1].ends_with("teal -p shop recover web --finish"),
            "{text}"
        );
        assert!(
            lines[2].ends_with("teal -p shop recover web --roll-back"),
            "{text}"
        );
    }

    #[test]
    fn without_blue_there_is_one_way() {
        let text = description(&interrupted(Some(50), false));
        assert!(text.contains("Blue serves 50 % and Green 50 %"), "{text}");
        assert!(!text.contains("--roll-back"), "{text}");
    }
}
