//! A directory's files, byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Every file below `directory`, by its path from there.
pub(crate) fn read_all(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    collect(directory, directory, &mut files);
    files
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let entries = fs::read_dir(directory).expect("the project's directory can be read");
    for entry in entries {
        let path = entry.expect("the project's directory can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let content = fs::read(&path).expect("a file of the project can be read");
            let name = path.strip_prefix(root).expect("found below the root");
            files.insert(name.to_owned(), content);
        }
    }
}
