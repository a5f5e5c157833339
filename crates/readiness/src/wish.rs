//! Whether the limits that a rollout is asked for can be.

use super::{
    Facts, Wish,
    room::{self, about},
};
use teal_model::{Cpus, Limits, Memory, Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts, wish: &Wish) -> Vec<Verdict> {
    let mut verdicts = bad_limits(facts, wish.limits);
    verdicts.extend(below_reservation(facts, wish.limits));
    verdicts.extend(above_engine(facts, wish.limits));
    verdicts.extend(unenforced(facts, wish.limits));
    verdicts.extend(room::verdicts(facts, wish));
    verdicts
}

fn bad_limits(facts: &Facts, wished: Limits) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let code = VerdictCode::BadLimit;
    if let Some(cpus) = wished.cpus {
        if cpus < Cpus::MIN {
            verdicts.push(cannot(
                code,
                format!("{cpus} CPU is below Docker's minimum"),
                format!("ask for {} CPU or more", Cpus::MIN),
            ));
        }
        let has_quota = facts.service.cpu_quota.is_some() || facts.service.cpu_period.is_some();
        // One that stays as it is need not be written in other words.
        if has_quota && facts.service.quota() != Some(cpus) {
            verdicts.push(cannot(
                code,
                "sets `cpu_quota` or `cpu_period`, which Docker takes only without a CPU limit"
                    .into(),
                "remove them: `cpus` says the same",
            ));
        }
    }
    if let Some(memory) = wished.memory {
        if memory < Memory::MIN {
            verdicts.push(cannot(
                code,
                format!("{memory} of memory is below Docker's minimum"),
                format!("ask for {} or more", Memory::MIN),
            ));
        }
        if let Some(swap) = facts.service.memswap_limit.filter(|&swap| swap < memory) {
            verdicts.push(cannot(
                code,
                format!("{memory} of memory is above its `memswap_limit` of {swap}, which counts memory and swap"),
                format!("raise `memswap_limit` to {memory} or more, or remove it"),
            ));
        }
    }
    verdicts
}

fn below_reservation(facts: &Facts, wished: Limits) -> Vec<Verdict> {
    let reserved = facts.service.reservations();
    let mut verdicts = Vec::new();
    if let (Some(cpus), Some(least)) = (wished.cpus, reserved.cpus)
        && cpus < least
    {
        verdicts.push(cannot(
            VerdictCode::LimitBelowReservation,
            format!("{cpus} CPU is below its reservation of {least} CPU"),
            format!("ask for {least} CPU or more, or lower the reservation in the file"),
        ));
    }
    if let (Some(memory), Some(least)) = (wished.memory, reserved.memory)
        && memory < least
    {
        verdicts.push(cannot(
            VerdictCode::LimitBelowReservation,
            format!("{memory} of memory is below its reservation of {least}"),
            format!("ask for {least} or more, or lower the reservation in the file"),
        ));
    }
    verdicts
}

fn above_engine(facts: &Facts, wished: Limits) -> Vec<Verdict> {
    let engine = facts.engine;
    let mut verdicts = Vec::new();
    if let Some(cpus) = wished.cpus
        && cpus.cores() > f64::from(engine.cpus)
    {
        verdicts.push(cannot(
            VerdictCode::LimitAboveEngine,
            format!("{cpus} CPU is more than the engine's {}", engine.cpus),
            format!("ask for {} CPU or less", engine.cpus),
        ));
    }
    if let Some(memory) = wished.memory
        && memory > engine.memory
    {
        verdicts.push(cannot(
            VerdictCode::LimitAboveEngine,
            format!(
                "{memory} of memory is more than the engine's {}",
                about(engine.memory)
            ),
            format!("ask for less than {}", about(engine.memory)),
        ));
    }
    verdicts
}

/// What the engine would leave out without a word, once it creates the container.
fn unenforced(facts: &Facts, wished: Limits) -> Vec<Verdict> {
    let engine = facts.engine;
    let cpus = (wished.cpus.is_some(), "CPU", &engine.no_cpu_limits);
    let memory = (wished.memory.is_some(), "memory", &engine.no_memory_limits);
    let refused = |(is_wished, what, why): (bool, &str, &Option<String>)| {
        let why = why.as_ref().filter(|_| is_wished)?;
        Some(cannot(
            VerdictCode::EngineCannotLimit,
            format!("the engine can't limit {what}: {why}"),
            format!(
                "fix that and restart the engine (`docker info` tells whether it can), or do without a {what} limit"
            ),
        ))
    };
    [cpus, memory].into_iter().filter_map(refused).collect()
}

/// It says nothing about the service, only about what was asked for.
fn cannot(code: VerdictCode, reason: String, remedy: impl Into<String>) -> Verdict {
    Verdict::refused(code, reason)
        .about_the_request()
        .remedy(remedy)
}
