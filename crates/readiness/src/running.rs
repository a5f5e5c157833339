//! Whether there is a Blue to replace.

use super::Facts;
use teal_model::{ContainerState, Health, Replica, Verdict, VerdictCode, list};

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(mode(facts));
    match one_shot(facts) {
        Some(verdict) => verdicts.push(verdict),
        None => verdicts.extend(facts.found.and_then(|_| not_running(facts))),
    }
    verdicts.extend(unhealthy(facts));
    verdicts.extend(replicas_differ(facts));
    verdicts
}

fn mode(facts: &Facts) -> Option<Verdict> {
    let mode = facts.service.special_mode()?;
    if mode != "global" {
        return Some(
            Verdict::refused(VerdictCode::OneShot, format!("has the mode `{mode}`"))
                .means("it runs to completion: there is no running Blue to replace")
                .remedy("apply the new limits on its next run")
                .for_good(),
        );
    }
    Some(
        Verdict::refused(
            VerdictCode::GlobalMode,
            "has the mode `global`, one container on each node",
        )
        .means("Green would be a second container on the node")
        .remedy("remove `deploy.mode`: without Swarm one container runs either way"),
    )
}

/// Whether files or containers show that it runs to its end.
pub(super) fn is_job(facts: &Facts) -> bool {
    let mode = facts.service.special_mode();
    mode.is_some_and(|mode| mode != "global") || one_shot(facts).is_some()
}

/// A job that others wait for, or that has run to its good end and offers nothing to anybody.
fn one_shot(facts: &Facts) -> Option<Verdict> {
    let waiting = facts.model.waits_for_end_of(facts.name);
    let reason = if !waiting.is_empty() {
        let verb = if waiting.len() == 1 { "waits" } else { "wait" };
        format!("is a job: {} {verb} until it has completed", list(&waiting))
    } else if has_ended_well(facts) {
        "is a job: it exited with code 0 and nothing restarts it".to_owned()
    } else {
        return None;
    };
    Some(
        Verdict::refused(VerdictCode::OneShot, reason)
            .means("it runs to completion: there is no running Blue to replace")
            .remedy("apply the new limits on its next run")
            .for_good(),
    )
}

fn has_ended_well(facts: &Facts) -> bool {
    let ended = |replica: &Replica| replica.exit_code == Some(0);
    let service = facts.service;
    let replicas = facts.replicas();
    !replicas.is_empty()
        && replicas.iter().all(ended)
        && matches!(service.restart.as_deref(), None | Some("no" | "on-failure"))
        && service.ports.is_empty()
        && facts.health_check().is_none()
        && facts.found.is_none_or(|found| found.routes.is_empty())
}

fn not_running(facts: &Facts) -> Option<Verdict> {
    let name = facts.name;
    let refused = |reason: &str, remedy: String| {
        let verdict = Verdict::refused(VerdictCode::NotRunning, reason)
            .means("there is no Blue for Green to replace")
            .remedy(remedy);
        Some(verdict)
    };
    let replicas = facts.replicas();
    if replicas.is_empty() {
        return refused(
            "has no container",
            format!("start it with `docker compose up -d {name}`"),
        );
    }
    let is = |wanted| move |replica: &&Replica| replica.state == wanted;
    if replicas
        .iter()
        .any(|replica| is(ContainerState::Paused)(&replica))
    {
        return refused(
            "is paused",
            format!("unpause it with `docker compose unpause {name}`"),
        );
    }
    let (all, serving) = (replicas.len(), facts.serving().count());
    let dead = all - serving;
    if dead == 0 {
        return None;
    }
    let looping = replicas
        .iter()
        .any(|replica| is(ContainerState::Restarting)(&replica));
    let is_new = replicas
        .iter()
        .all(|replica| is(ContainerState::Created)(&replica));
    let state = match (looping, dead == 1 || serving == 0) {
        _ if is_new => "was created and never started",
        (true, true) => "keeps restarting",
        (true, false) => "keep restarting",
        (false, true) => "has exited",
        (false, false) => "have exited",
    };
    let reason = match serving {
        0 => state.to_owned(),
        _ => format!("{dead} of its {all} containers {state}"),
    };
    Some(
        Verdict::warning(VerdictCode::DeadBlue, reason)
            .means("Green replaces it anyway: it has no requests to drain")
            .remedy(format!("see why in `docker compose logs {name}`")),
    )
}

/// Of those that run.
fn unhealthy(facts: &Facts) -> Option<Verdict> {
    let runs: Vec<_> = facts.serving().collect();
    let of = |health| runs.iter().filter(|it| it.health == health).count();
    let (sick, starting) = (of(Health::Unhealthy), of(Health::Starting));
    if sick + starting == 0 {
        return None;
    }
    let (count, state) = match (sick, starting) {
        (0, _) => (starting, "not healthy yet"),
        (_, 0) => (sick, "unhealthy"),
        _ => (sick + starting, "not healthy"),
    };
    let all = facts.replicas().len();
    let verb = if count == 1 { "is" } else { "are" };
    let reason = match all {
        1 => format!("is {state}"),
        _ => format!("{count} of its {all} containers {verb} {state}"),
    };
    let meaning = match count == runs.len() {
        true => {
            "Traefik sends it no requests: Green replaces it as soon as Green is healthy, without being compared with it"
        }
        false => "neither Traefik nor Teal sends them requests: Green replaces them anyway",
    };
    let remedy = match sick {
        0 => "wait until it is healthy, so that Green can be compared with it".to_owned(),
        _ => format!("see why in `docker compose logs {}`", facts.name),
    };
    Some(
        Verdict::warning(VerdictCode::UnhealthyBlue, reason)
            .means(meaning)
            .remedy(remedy),
    )
}

fn replicas_differ(facts: &Facts) -> Option<Verdict> {
    let found = facts.replicas().len() as u64;
    let desired = u64::from(facts.service.replicas());
    let takes_the_files = facts.wish.is_some_and(|wish| wish.replicas == desired);
    if found == 0 || found == desired || takes_the_files {
        return None;
    }
    let name = facts.name;
    let verdict = Verdict::warning(
        VerdictCode::ReplicasDiffer,
        format!("has {found} containers, and the files ask for {desired}"),
    );
    Some(match desired {
        0 => verdict
            .means(format!("Green gets as many as there are now: {found}"))
            .remedy("say in the files how many it is to have"),
        _ => verdict
            .means(format!(
                "with other limits Green gets as many as there are now: {found}"
            ))
            .remedy(format!(
                "`teal deploy {name}` without limits brings it to {desired}"
            )),
    })
}
