//! Whether the engine has room for Blue and Green at the same time.

use super::{Facts, Wish, warning};
use crate::model::{Memory, Verdict, VerdictCode};

pub(super) fn verdicts(facts: &Facts, wish: &Wish) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(memory(facts, wish));
    verdicts.extend(cpus(facts, wish));
    verdicts
}

/// By what is used where that is known, else by what may be used.
fn memory(facts: &Facts, wish: &Wish) -> Option<Verdict> {
    let engine = facts.engine.memory;
    let reason = by_use(facts, wish).or_else(|| by_limits(facts, wish))?;
    Some(
        warning(VerdictCode::NoRoom, reason)
            .means(format!(
                "where they use more than the engine's {}, the kernel kills one of its containers",
                about(engine)
            ))
            .remedy("free memory first, or run fewer replicas meanwhile"),
    )
}

fn by_use(facts: &Facts, wish: &Wish) -> Option<String> {
    let (each, all) = (wish.memory_in_use?, wish.engine_in_use?);
    let each = wish.limits.memory.map_or(each, |limit| limit.min(each));
    let green = Memory::from_bytes(each.bytes() * facts.size());
    if all.bytes() + green.bytes() <= facts.engine.memory.bytes() {
        return None;
    }
    Some(format!(
        "the engine's containers use {} of its {}, and Green will want about {} more",
        about(all),
        about(facts.engine.memory),
        about(green),
    ))
}

fn by_limits(facts: &Facts, wish: &Wish) -> Option<String> {
    let green = wish.limits.memory?.bytes() * facts.size();
    let blue: u64 = facts
        .serving()
        .filter_map(|replica| replica.limits.memory.or(wish.memory_in_use))
        .map(Memory::bytes)
        .sum();
    let both = Memory::from_bytes(blue + green);
    if both <= facts.engine.memory {
        return None;
    }
    Some(format!(
        "while both run, Blue ({}) and Green ({}) may use {}, and the engine has {}",
        about(Memory::from_bytes(blue)),
        about(Memory::from_bytes(green)),
        about(both),
        about(facts.engine.memory),
    ))
}

/// By what Blue has really used: a limit alone says little about it.
#[expect(clippy::cast_precision_loss, reason = "a number of containers")]
fn cpus(facts: &Facts, wish: &Wish) -> Option<Verdict> {
    let blue = wish.cores_in_use? * facts.size() as f64;
    let engine = f64::from(facts.engine.cpus);
    if 2.0 * blue <= engine {
        return None;
    }
    Some(
        warning(
            VerdictCode::NoRoom,
            format!(
                "Blue has used {blue:.1} of the engine's {engine} CPUs on average since it started"
            ),
        )
        .means("while both sets run they are short of CPU, and everything gets slower")
        .remedy("roll out in a quiet hour"),
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
