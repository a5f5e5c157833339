//! Limits that an engine can't hold containers to: it leaves them out, with a warning that nobody
//! reads, to whoever creates the container.

use bollard::models::{SystemInfo, SystemInfoCgroupDriverEnum};

/// Why an engine can't hold containers to limits; `None` if it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoLimits {
    pub cpus: Option<String>,
    pub memory: Option<String>,
}

impl NoLimits {
    /// As the engine says of itself. One that says nothing is believed to be able to.
    pub fn of(info: &SystemInfo) -> Self {
        if info.cgroup_driver == Some(SystemInfoCgroupDriverEnum::NONE) {
            let reason = "it has no control groups (`Cgroup Driver: none`), as a rootless engine without systemd";
            return Self {
                cpus: Some(reason.to_owned()),
                memory: Some(reason.to_owned()),
            };
        }
        let cannot =
            |can: Option<bool>, reason: &str| (can == Some(false)).then(|| reason.to_owned());
        Self {
            cpus: cannot(
                info.cpu_cfs_quota,
                "its kernel has no CPU quota, or a rootless engine was not given the `cpu` controller",
            ),
            memory: cannot(
                info.memory_limit,
                "its kernel has the memory controller off (`cgroup_enable=memory` on its command line turns it on), or a rootless engine was not given it",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_can_not_limit_says_so_of_itself() {
        let able = SystemInfo {
            memory_limit: Some(true),
            cpu_cfs_quota: Some(true),
            cgroup_driver: Some(SystemInfoCgroupDriverEnum::CGROUPFS),
            ..SystemInfo::default()
        };
        assert_eq!(NoLimits::of(&able), NoLimits::default());
        assert_eq!(NoLimits::of(&SystemInfo::default()), NoLimits::default());

        // A Raspberry Pi as it comes.
        let pi = NoLimits::of(&SystemInfo {
            memory_limit: Some(false),
            ..able.clone()
        });
        assert_eq!(pi.cpus, None);
        assert!(pi.memory.unwrap().contains("cgroup_enable=memory"));

        let rootless = NoLimits::of(&SystemInfo {
            cgroup_driver: Some(SystemInfoCgroupDriverEnum::NONE),
            ..able
        });
        assert!(rootless.cpus.is_some() && rootless.memory == rootless.cpus);
    }
}
