//! Whether the engine has room for Blue and Green at the same time, and Green for what is in use.

use super::{Facts, InUse, Wish};
use teal_model::{EngineInfo, Limits, Memory, Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts, wish: &Wish) -> Vec<Verdict> {
    let [below, memory, cores] = match &wish.in_use {
        Some(in_use) => used(wish.limits, in_use, Sets::of(facts), facts.engine),
        None => [None, None, None],
    };
    // What is used says more than what may be.
    let memory = memory.or_else(|| by_limits(facts, wish));
    [below, memory, cores].into_iter().flatten().collect()
}

/// How many containers both sets have.
#[derive(Debug, Clone, Copy)]
pub struct Sets {
    pub blue: u64,
    pub green: u64,
}

impl Sets {
    fn of(facts: &Facts) -> Self {
        Self {
            blue: facts.size(),
            green: facts.green_size(),
        }
    }
}

/// What use says against these limits for these sets, all warnings.
pub fn by_use(limits: Limits, in_use: &InUse, sets: Sets, engine: &EngineInfo) -> Vec<Verdict> {
    let verdicts = used(limits, in_use, sets, engine);
    verdicts.into_iter().flatten().collect()
}

/// Of a container's memory, of the engine's memory and of its cores.
fn used(limits: Limits, in_use: &InUse, sets: Sets, engine: &EngineInfo) -> [Option<Verdict>; 3] {
    [
        below_use(limits, in_use),
        too_much_memory(limits, in_use, sets.green, engine),
        too_many_cores(in_use, sets, engine),
    ]
}

fn below_use(limits: Limits, in_use: &InUse) -> Option<Verdict> {
    let (memory, in_use) = (limits.memory?, in_use.memory?);
    if in_use <= memory {
        return None;
    }
    Some(
        Verdict::warning(
            VerdictCode::LimitBelowUse,
            format!(
                "a container uses {} now, more than the new limit of {memory}",
                about(in_use)
            ),
        )
        .means("Green starts afresh and may need less; where it needs as much, the kernel kills it")
        .remedy("leave some room above what is in use"),
    )
}

fn too_much_memory(
    limits: Limits,
    in_use: &InUse,
    green: u64,
    engine: &EngineInfo,
) -> Option<Verdict> {
    let each = in_use.memory?;
    let each = limits.memory.map_or(each, |limit| limit.min(each));
    let green = Memory::from_bytes(each.bytes() * green);
    if in_use.engine.bytes() + green.bytes() <= engine.memory.bytes() {
        return None;
    }
    let reason = format!(
        "the engine's containers use {} of its {}, and Green will want about {} more",
        about(in_use.engine),
        about(engine.memory),
        about(green),
    );
    Some(no_memory(reason, engine))
}

fn no_memory(reason: String, engine: &EngineInfo) -> Verdict {
    Verdict::warning(VerdictCode::NoRoom, reason)
        .means(format!(
            "where they use more than the engine's {}, the kernel kills one of its containers",
            about(engine.memory)
        ))
        .remedy("free memory first, or run fewer replicas meanwhile")
}

fn by_limits(facts: &Facts, wish: &Wish) -> Option<Verdict> {
    let green = wish.limits.memory?.bytes() * wish.replicas;
    let blue_uses = wish.in_use.and_then(|in_use| in_use.memory);
    let blue: u64 = facts
        .serving()
        .filter_map(|replica| replica.limits.memory.or(blue_uses))
        .map(Memory::bytes)
        .sum();
    let both = Memory::from_bytes(blue + green);
    if both <= facts.engine.memory {
        return None;
    }
    let reason = format!(
        "while both run, Blue ({}) and Green ({}) may use {}, and the engine has {}",
        about(Memory::from_bytes(blue)),
        about(Memory::from_bytes(green)),
        about(both),
        about(facts.engine.memory),
    );
    Some(no_memory(reason, facts.engine))
}

/// By what Blue has really used: a limit alone says little about it.
#[expect(clippy::cast_precision_loss, reason = "a number of containers")]
fn too_many_cores(in_use: &InUse, sets: Sets, engine: &EngineInfo) -> Option<Verdict> {
    let each = in_use.cores?;
    let (blue, green) = (each * sets.blue as f64, each * sets.green as f64);
    let engine = f64::from(engine.cpus);
    if blue + green <= engine {
        return None;
    }
    Some(
        Verdict::warning(
            VerdictCode::NoRoom,
            format!(
                "Blue has used {blue:.1} of the engine's {engine} CPUs on average since it started"
            ),
        )
        .means("while both sets run they are short of CPU, and everything gets slower")
        .remedy("roll out in a maintenance window"),
    )
}

/// An amount to be read, not to be computed with: `7.8G`.
#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
pub(super) fn about(memory: Memory) -> String {
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
