//! Against the real Compose of this machine.

mod awkward;
mod discovery;
mod files;
mod hostile;
mod merge;
mod merge_any;
mod model;
mod part;
mod place;
mod process;
mod profiles;

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{Compose, ComposeModel, Edit, Files, Node};
use teal_model::{ProjectSource, Result};

/// A folder with these files in it, each a path below it and its text.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) -> PathBuf {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

async fn compose() -> Compose {
    static FOUND: OnceCell<Compose> = OnceCell::const_new();
    let find = async || Compose::find().await.expect("these tests need Compose");
    FOUND.get_or_init(find).await.clone()
}

/// The project that Compose finds in `folder`.
async fn open(folder: &Path) -> Result<(ProjectSource, ComposeModel)> {
    open_as(folder, &ProjectSource::default()).await
}

async fn open_as(folder: &Path, source: &ProjectSource) -> Result<(ProjectSource, ComposeModel)> {
    let compose = compose().await;
    let source = compose.resolve_from(folder, source).await?;
    let model = compose.model(&source, &[]).await?;
    Ok((source, model))
}
