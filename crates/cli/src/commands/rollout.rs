//! A rollout from its start to its end: shown, aborted where somebody interrupts.

use serde::Serialize;
use teal_engine::{
    Engine, Rollout,
    event::{Color, Event, EventKind},
    model::{Origin, Plan, ProjectSource, Recovery, RolloutRequest},
};

use super::Outcome;
use crate::{
    cli::Start,
    display::{Display, plan, verdict},
    failure::Failure,
    interrupts::Interrupts,
    screen::{Screen, complain, notices},
    text::harmless,
};

/// Left before the rollout had ended: whether Blue serves as before is not known.
const ABANDONED: u8 = 3;

pub(super) async fn run(
    engine: &Engine,
    request: RolloutRequest,
    start: &Start,
    screen: &mut Screen,
) -> Outcome {
    if start.dry_run {
        let plan = engine.plan(&request).await?;
        notices(&plan.notices);
        return Ok(show_plan(&plan, screen));
    }
    let mut interrupts =
        Interrupts::listen().map_err(|error| Failure::System("listen for Ctrl-C", error))?;
    let started = async {
        match &start.plan {
            Some(id) => engine.roll_out_reviewed(request, id).await,
            None => engine.roll_out(request).await,
        }
    };
    let rollout = tokio::select! {
        rollout = started => rollout?,
        () = interrupts.next() => return Err(Failure::Interrupted),
    };
    Ok(follow(&rollout, &mut interrupts, screen).await)
}

/// Settles a rollout that was cut off. SUCCESS, or RESTORED where a return to Blue was asked for.
pub(super) async fn recover(
    engine: &Engine,
    source: &ProjectSource,
    service: &str,
    way: Option<Recovery>,
    screen: &mut Screen,
) -> Outcome {
    let mut interrupts =
        Interrupts::listen().map_err(|error| Failure::System("listen for Ctrl-C", error))?;
    let recovery = engine.recover(source, service, way, Origin::Terminal).await;
    let recovery = match recovery {
        Err(nothing @ teal_engine::Error::NothingToRecover { .. }) => {
            return clean_up(engine, nothing, screen).await;
        }
        recovery => recovery?,
    };
    let code = follow(&recovery, &mut interrupts, screen).await;
    let restored = teal_engine::event::Outcome::RolledBack.exit_code();
    let is_wanted = code == restored && way != Some(Recovery::Finish);
    Ok(if is_wanted { 0 } else { code })
}

/// Where there is no rollout to recover, what others may have left is worth a look.
async fn clean_up(engine: &Engine, nothing: teal_engine::Error, screen: &mut Screen) -> Outcome {
    let cleaned = engine.clean_up().await?;
    if cleaned.removed.is_empty() && cleaned.kept.is_empty() {
        return Err(nothing.into());
    }
    if screen.is_json {
        screen.json(&cleaned);
        return Ok(0);
    }
    if !cleaned.removed.is_empty() {
        screen.line(&format!("Removed helpers: {}", cleaned.removed.join(", ")));
    }
    for kept in &cleaned.kept {
        screen.line(&format!(
            "Kept {}: {}",
            kept.helpers.join(", "),
            kept.reason
        ));
    }
    match cleaned.removed.is_empty() {
        true => Err(nothing.into()),
        false => Ok(0),
    }
}

fn show_plan(found: &Plan, screen: &mut Screen) -> u8 {
    if screen.is_json {
        screen.json(found);
    } else {
        screen.line(&plan(found, screen.theme));
    }
    u8::from(found.refusals().next().is_some())
}

async fn follow(rollout: &Rollout, interrupts: &mut Interrupts, screen: &mut Screen) -> u8 {
    let mut display = Display::of(screen);
    let mut events = rollout.events();
    let mut traces = Traces::default();
    let mut is_aborting = false;
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { break };
                display.notices(of_the_files(&event));
                warn_of_the_plan(&event, &mut display, screen);
                traces.note(&event);
                display.show(&event, screen);
            }
            () = interrupts.next() => {
                if is_aborting {
                    display.close();
                    traces.tell(rollout, screen);
                    return ABANDONED;
                }
                is_aborting = true;
                rollout.abort();
                display.say("Aborting: Blue keeps serving. Ctrl-C again leaves at once.", screen);
            }
        }
    }
    display.close();
    rollout.outcome().await.exit_code()
}

/// What a person should know of the project's files: with the plan, once.
fn of_the_files(event: &Event) -> &[String] {
    match &event.kind {
        EventKind::Planned { plan } => &plan.notices,
        _ => &[],
    }
}

fn warn_of_the_plan(event: &Event, display: &mut Display, screen: &mut Screen) {
    if let EventKind::Planned { plan } = &event.kind {
        for found in &plan.verdicts {
            display.say(&verdict(found, screen.theme), screen);
        }
    }
}

/// What a rollout has created so far.
#[derive(Debug, Default)]
struct Traces {
    plan: Option<Box<Plan>>,
    green: Vec<String>,
}

/// What a rollout that was left has left behind, as `--json` prints it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "abandoned", rename_all = "camelCase")]
struct Abandoned<'a> {
    rollout: &'a str,
    left_behind: Vec<String>,
    exit_code: u8,
}

impl Traces {
    fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Planned { plan } => self.plan = Some(plan.clone()),
            EventKind::Containers {
                color: Color::Green,
                replicas,
            } => {
                let names = replicas.iter().map(|replica| replica.name.clone());
                self.green = names.collect();
            }
            _ => {}
        }
    }

    fn tell(&self, rollout: &Rollout, screen: &mut Screen) {
        let left_behind = self.left_behind();
        if screen.is_json {
            screen.json(&Abandoned {
                rollout: rollout.id(),
                left_behind,
                exit_code: ABANDONED,
            });
            return;
        }
        let service = harmless(rollout.service());
        complain(
            &format!("left before the rollout of `{service}` had ended"),
            None,
        );
        for text in left_behind {
            screen.line(&format!("  {}", harmless(&text)));
        }
    }

    fn left_behind(&self) -> Vec<String> {
        let mut left = Vec::new();
        if !self.green.is_empty() {
            left.push(format!("Green may still run: {}", self.green.join(", ")));
        }
        if let Some(plan) = &self.plan {
            left.push(format!(
                "`{}` may hold the new limits",
                plan.override_file.display()
            ));
            left.push(format!(
                "this returns to Blue: teal -p {} recover {} --roll-back",
                plan.project, plan.service
            ));
        }
        left
    }
}
