//! What a process and all that it has started take of the memory.

use std::{collections::BTreeMap, fs};

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
        let parents = parents()?;
        let mut tree = Self::default();
        let mut found = vec![root];
        while let Some(id) = found.pop() {
            let children = parents.iter().filter(|(_, parent)| **parent == id);
            found.extend(children.map(|(child, _)| *child));
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

    pub(super) fn total(&self) -> u64 {
        self.programs.values().sum()
    }
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
    fn counts_this_process() {
        let tree = Tree::below(std::process::id()).unwrap();
        assert!(tree.total() > 0);
    }
}
