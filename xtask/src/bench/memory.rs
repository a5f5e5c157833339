//! What a process and all that it has started take of the memory.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result};

/// The proportional set size of each process of a tree: pages that processes share count in
/// parts, so that the sum is what the tree takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// Bytes, by the program's name; several processes of one program add up.
    pub(super) programs: BTreeMap<String, u64>,
}

impl Tree {
    pub(super) fn below(root: u32) -> Result<Self> {
        let mut tree = Self::default();
        for id in ids(root)? {
            let file = fs::read_link(format!("/proc/{id}/exe"));
            let pages = fs::read_to_string(format!("/proc/{id}/smaps_rollup"));
            // A process that has just ended takes nothing.
            if let (Ok(file), Ok(pages)) = (file, pages) {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                *tree.programs.entry(name.into_owned()).or_default() += pss(&pages)?;
            }
        }
        Ok(tree)
    }

    /// The processor time that the processes of a tree have taken so far.
    pub(super) fn processor_time(root: u32) -> Result<Duration> {
        let stats = ids(root)?
            .into_iter()
            .filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        Ok(stats.filter_map(|stat| time_taken(&stat)).sum())
    }

    pub(super) fn total(&self) -> u64 {
        self.programs.values().sum()
    }
}

/// The process and all that it has started.
fn ids(root: u32) -> Result<Vec<u32>> {
    let parents = parents()?;
    let mut found = vec![root];
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| **parent == id);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    Ok(found)
}

/// From the text of `/proc/…/stat`: the fields 14 and 15 count hundredths of a second, on any Linux.
fn time_taken(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

/// Every process of this machine, and its parent.
fn parents() -> Result<BTreeMap<u32, u32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("no /proc")? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|id| id.parse().ok());
        let Some(id) = id else { continue };
        // It may have ended meanwhile.
        if let Ok(stat) = fs::read_to_string(entry.path().join("stat")) {
            parents.extend(parent(&stat).map(|parent| (id, parent)));
        }
    }
    Ok(parents)
}

/// From the text of `/proc/…/stat`. The second field is a name in parentheses with anything in it.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// From the text of `/proc/…/smaps_rollup`, in bytes.
fn pss(pages: &str) -> Result<u64> {
    let line = pages.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let number: u64 = kibibytes.context("no Pss in smaps_rollup")?.parse()?;
    Ok(number * 1024)
}

pub(super) fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_parent_behind_any_name() {
        assert_eq!(parent("12 (a) b) 3) S 7 12 12"), Some(7));
    }

    #[test]
    fn reads_the_proportional_size() {
        let pages =
            "5581d0 ---p [rollup]\nRss:  900 kB\nPss:                 310 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(pss(pages).unwrap(), 310 * 1024);
        assert_eq!(mebibytes(310 << 20), "310.0 MiB");
    }

    #[test]
    fn reads_the_time_taken_behind_any_name() {
        let stat = "12 (a) b) S 7 12 12 0 -1 4194560 100 0 0 0 3 4 0 0 20 0 1";
        assert_eq!(time_taken(stat), Some(Duration::from_millis(70)));
    }

    #[test]
    fn counts_this_process() {
        let tree = Tree::below(std::process::id()).unwrap();
        assert!(tree.total() > 0);
    }
}
