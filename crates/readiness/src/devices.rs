//! Devices of the machine: who has opened one may keep everybody else from it, and memory of a GPU is
//! not shared out.

use super::{Facts, words::is_one_of};
use teal_model::{Verdict, VerdictCode, list};

/// Anybody may open these at any time.
const FOR_ALL: &str = "/dev /dev/full /dev/fuse /dev/log /dev/net/tun /dev/null /dev/ptmx /dev/pts \
                       /dev/random /dev/shm /dev/urandom /dev/zero";

pub(super) fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(devices(facts));
    verdicts.extend(gpus(facts));
    verdicts
}

fn devices(facts: &Facts) -> Option<Verdict> {
    let mounts = facts.service.mounts();
    let mounted = mounts.iter().filter(|mount| mount.kind == "bind");
    let mounted = mounted.filter_map(|mount| mount.source.as_deref());
    let named = facts.service.devices();
    let mut devices: Vec<&str> = named
        .chain(mounted.filter(|source| source.starts_with("/dev/")))
        .filter(|device| !is_one_of(FOR_ALL, device.trim_end_matches('/')))
        .collect();
    devices.sort_unstable();
    devices.dedup();
    if devices.is_empty() {
        return None;
    }
    Some(
        Verdict::needs_force(VerdictCode::Device, format!("uses {}", list(&devices)))
            .means("Blue has it open: Green may not get it, or both disturb each other")
            .remedy("change its limits with `teal update`, or use `--force` if two programs may have it open")
            .for_good(),
    )
}

fn gpus(facts: &Facts) -> Option<Verdict> {
    if !facts.service.wants_gpu() {
        return None;
    }
    Some(
        Verdict::needs_force(VerdictCode::Device, "asks for a GPU")
            .means("Blue and Green share its memory while both run: Green may fail for want of it, or Blue")
            .remedy("change its limits with `teal update`, or use `--force` if its memory is enough for both")
            .for_good(),
    )
}
