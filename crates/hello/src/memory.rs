//! Memory on purpose: the service's own limit, a leak, and more than there is.

use std::{fs, time::Duration};

use crate::log;

const MIB: usize = 1024 * 1024;

/// The container's memory limit in bytes, from cgroup v2 or v1; `None` if it is not limited.
pub(crate) fn limit() -> Option<usize> {
    let limit = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .find_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok())?;
    // Version 1 says "not limited" with a number near the largest there is.
    (limit < usize::MAX / 4).then_some(limit)
}

/// Takes memory until the kernel ends the process; comes back, with the reason, only where there
/// is no limit to exceed.
pub(crate) fn exceed_limit() -> String {
    let Some(limit) = limit() else {
        return "OOM_AT_START needs a memory limit".into();
    };
    log(&format!("taking more than the limit of {limit} bytes"));
    // A container may swap as much again as its limit.
    let mut held = Vec::new();
    for _ in 0..=(2 * limit / MIB) {
        held.push(touched(1));
    }
    format!("the limit of {limit} bytes was not enforced")
}

/// Takes `rate` MB each second and never gives them back.
pub(crate) async fn leak(rate: u32) {
    if limit().is_none() {
        log("LEAK_MB_PER_S needs a memory limit: nothing is leaked");
        return;
    }
    let mut held = Vec::new();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        held.push(touched(rate as usize));
        log(&format!("leaked {} MB", held.len() * rate as usize));
    }
}

/// Memory that was written to, since pages that nobody wrote to cost nothing.
fn touched(mebibytes: usize) -> Vec<u8> {
    vec![1; mebibytes * MIB]
}
