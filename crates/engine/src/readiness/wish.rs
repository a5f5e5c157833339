//! Whether the limits that a rollout is asked for can be.

use super::{Facts, Wish, blue, refused, size, warning};
use crate::model::{Cpus, Limits, Memory, Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts, wish: &Wish) -> Vec<Verdict> {
    let mut verdicts = bad_limits(facts, wish.limits);
    verdicts.extend(below_reservation(facts, wish.limits));
    verdicts.extend(above_engine(facts, wish.limits));
    verdicts.extend(below_use(wish));
    verdicts.extend(no_room(facts, wish));
    verdicts
}

fn bad_limits(facts: &Facts, wished: Limits) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let code = VerdictCode::BadLimit;
    if let Some(cpus) = wished.cpus {
        if cpus < Cpus::MIN {
            verdicts.push(refused(
                code,
                format!("{cpus} CPU is below Docker's minimum"),
                format!("ask for {} CPU or more", Cpus::MIN),
            ));
        }
        if facts.service.cpu_quota.is_some() || facts.service.cpu_period.is_some() {
            verdicts.push(refused(
                code,
                "sets `cpu_quota` or `cpu_period`, which Docker takes only without a CPU limit"
                    .into(),
                "remove them: `cpus` says the same",
            ));
        }
    }
    if let Some(memory) = wished.memory {
        if memory < Memory::MIN {
            verdicts.push(refused(
                code,
                format!("{memory} of memory is below Docker's minimum"),
                format!("ask for {} or more", Memory::MIN),
            ));
        }
        if let Some(swap) = facts.service.memswap_limit.filter(|&swap| swap < memory) {
            verdicts.push(refused(
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
        verdicts.push(refused(
            VerdictCode::LimitBelowReservation,
            format!("{cpus} CPU is below its reservation of {least} CPU"),
            format!("ask for {least} CPU or more, or lower the reservation in the file"),
        ));
    }
    if let (Some(memory), Some(least)) = (wished.memory, reserved.memory)
        && memory < least
    {
        verdicts.push(refused(
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
        verdicts.push(refused(
            VerdictCode::LimitAboveEngine,
            format!("{cpus} CPU is more than the engine's {}", engine.cpus),
            format!("ask for {} CPU or less", engine.cpus),
        ));
    }
    if let Some(memory) = wished.memory
        && memory > engine.memory
    {
        verdicts.push(refused(
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

fn below_use(wish: &Wish) -> Option<Verdict> {
    let (memory, in_use) = (wish.limits.memory?, wish.memory_in_use?);
    if in_use <= memory {
        return None;
    }
    Some(warning(
        VerdictCode::LimitBelowUse,
        format!(
            "a container uses {} now, more than the new limit of {memory}",
            about(in_use)
        ),
        "Green starts afresh and may need less; where it needs as much, the kernel kills it: leave some room",
    ))
}

/// Memory only: too few CPUs for both sets make both slower, too little memory kills.
fn no_room(facts: &Facts, wish: &Wish) -> Option<Verdict> {
    let green = wish.limits.memory?.bytes() * size(facts);
    let blue: u64 = blue(facts)
        .filter_map(|replica| replica.limits.memory.or(wish.memory_in_use))
        .map(Memory::bytes)
        .sum();
    let both = Memory::from_bytes(blue + green);
    if both <= facts.engine.memory {
        return None;
    }
    Some(warning(
        VerdictCode::NoRoom,
        format!(
            "while both run, Blue ({}) and Green ({}) may use {}, and the engine has {}",
            about(Memory::from_bytes(blue)),
            about(Memory::from_bytes(green)),
            about(both),
            about(facts.engine.memory),
        ),
        "it goes well as long as they use less than their limits; else free memory, or run fewer replicas meanwhile",
    ))
}

/// An amount to be read, not to be computed with: `7.8G`.
#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
fn about(memory: Memory) -> String {
    let bytes = memory.bytes() as f64;
    for (unit, size) in [("G", 1_u64 << 30), ("M", 1 << 20), ("K", 1 << 10)] {
        let amount = bytes / size as f64;
        if amount >= 1.0 {
            let text = format!("{amount:.1}");
            return format!("{}{unit}", text.trim_end_matches(".0"));
        }
    }
    memory.to_string()
}
